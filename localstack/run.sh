#!/usr/bin/env bash
# LocalStack, in the foreground: API Gateway, S3, Kinesis, IAM and CloudFormation on GATEWAY_LISTEN.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p "${RUN_DIR:-.run}/data/localstack"
data=$(cd "${RUN_DIR:-.run}/data/localstack" && pwd)
# Three folders outlive LocalStack: s3/ with S3's objects (patches/s3_objects.py), kinesis/ with the streams
# (patches/kinesis_engine.py), and cache/ with the list of plug-ins, which takes a second to read. Anything else was
# left by a killed LocalStack.
find "$data" -mindepth 1 -maxdepth 1 ! -name cache ! -name s3 ! -name kinesis -exec rm -rf {} +
# The index of AWS's services, from install.sh: without it LocalStack builds one at each start, in 4 s.
ln -s "$PWD/.build/localstack/root/usr" "$data/usr"

: "${GATEWAY_LISTEN:=127.0.0.1:4566}"
export GATEWAY_LISTEN
export LOCALSTACK_HOST=localhost:${GATEWAY_LISTEN##*:}  # the default needs a public name server

# Only what template.yaml uses, loaded when it is first called.
export SERVICES=apigateway,cloudformation,iam,kinesis,s3,sts STRICT_SERVICE_LOADING=1 EAGER_SERVICE_LOADING=0

# No connection to the outside: no events, no certificate, no DNS server, no proxy of the shell, and no
# query for the services of other editions (nothing listens on that port).
export DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 API_ENDPOINT=http://127.0.0.1:9
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# Everything that LocalStack writes is below $data, in a container too.
unset TMPDIR  # patches/runtime.py sets the temporary folder; LocalStack only warns about TMPDIR
export FILESYSTEM_ROOT=$data XDG_CACHE_HOME=$data/cache CONFIG_DIR=$data/config OVERRIDE_IN_DOCKER=0
export KINESIS_PERSISTENCE=0 KINESIS_LATENCY=0

# The key that API Gateway demands with GATEWAY_AUTH=api_key, in a file for its callers.
if [[ ${GATEWAY_AUTH:-none} == api_key && -n ${GATEWAY_API_KEY_FILE:-} ]]; then
  source services/secret.sh
  keep_secret "$GATEWAY_API_KEY_FILE"
fi

# Variables of another AWS account in the shell must not reach LocalStack's own clients.
unset AWS_ENDPOINT_URL AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=${AWS_REGION:-us-east-1}
export AWS_DEFAULT_REGION=$AWS_REGION AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

# LocalStack's dozens of threads share two of malloc's arenas, which saves 37 MiB.
export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-2}

export LS_LOG=${LS_LOG:-warn} PYTHONUNBUFFERED=1 PYTHONPATH=$PWD
# Twisted warns about a missing module that only TLS clients need.
exec python -W 'ignore:You do not have a working installation of the service_identity' localstack/launch.py "$data"
