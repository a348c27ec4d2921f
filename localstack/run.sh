#!/usr/bin/env bash
# LocalStack, in the foreground: API Gateway, S3, Kinesis, IAM and CloudFormation on GATEWAY_LISTEN.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p "${RUN_DIR:-.run}/data/localstack"
data=$(cd "${RUN_DIR:-.run}/data/localstack" && pwd)
# Of all that LocalStack keeps, S3's objects in s3/ outlive it (kept_objects.py), and its list of plug-ins
# in cache/, as reading them again takes a second. What else a killed one left behind is nobody's.
find "$data" -mindepth 1 -maxdepth 1 ! -name cache ! -name s3 -exec rm -rf {} +
# The index of AWS's services that install.sh has made: without it LocalStack makes it again, 4 s each time.
ln -s "$PWD/.build/localstack/root/usr" "$data/usr"

: "${GATEWAY_LISTEN:=127.0.0.1:4566}"
export GATEWAY_LISTEN
export LOCALSTACK_HOST=localhost:${GATEWAY_LISTEN##*:}  # stock is a name that only outside DNS knows

# Only what template.yaml uses, loaded when it is first called.
export SERVICES=apigateway,cloudformation,iam,kinesis,s3,sts STRICT_SERVICE_LOADING=1 EAGER_SERVICE_LOADING=0

# No look-up of an outside host: no events, no certificate, no DNS server, no proxy of the shell, and no
# question what other editions have when a service is called that this one lacks (nobody is at that port).
export DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 API_ENDPOINT=http://127.0.0.1:9
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# Everything it writes is below $data, in a container too.
unset TMPDIR  # launch.py sets it to a folder below $data; LocalStack only warns of it
export FILESYSTEM_ROOT=$data XDG_CACHE_HOME=$data/cache CONFIG_DIR=$data/config OVERRIDE_IN_DOCKER=0
export KINESIS_PERSISTENCE=0 KINESIS_LATENCY=0

# What the shell has for another AWS account must not steer LocalStack's own clients.
unset AWS_ENDPOINT_URL AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=${AWS_REGION:-us-east-1}
export AWS_DEFAULT_REGION=$AWS_REGION AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

# Its dozens of threads share two of malloc's arenas: 37 MiB less than with one for almost each.
export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-2}

export LS_LOG=${LS_LOG:-warn} PYTHONUNBUFFERED=1 PYTHONPATH=$PWD
# Twisted asks for a module that only clients of TLS need.
exec python -W 'ignore:You do not have a working installation of the service_identity' localstack/launch.py "$data/s3"
