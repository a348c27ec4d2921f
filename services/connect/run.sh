#!/usr/bin/env bash
# A Kafka Connect worker with the S3 sink plugin. It stands for MSK Connect.
#
#   KAFKA_BOOTSTRAP_SERVERS  brokers
#   KAFKA_AUTH               how the worker logs in to the brokers, with the settings that login.py reads
#   CONNECT_LISTEN           host:port of its REST API
#   CONNECT_ADVERTISED       host:port at which other workers reach its REST API
#   CONNECT_PASSWORD_FILE    file with the password of the user `connect` of that API, generated at the first start
#   CONNECT_GROUP            name of its cluster of workers, and prefix of that cluster's topics
#   CONNECT_LIBS             folder of the worker's jars, for another version of Kafka
#   CONNECT_PLUGIN_PATH      folders of connectors, with commas between them
#   RUN_DIR                  the worker's properties are in $RUN_DIR/data/connect
#
# Connectors and offsets are in Kafka; the AWS SDK of the sink reads AWS_ACCESS_KEY_ID and the like.
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/kafka/java.sh
source services/secret.sh

listen="${CONNECT_LISTEN:-127.0.0.1:8083}"
advertised="${CONNECT_ADVERTISED:-$listen}"
data="${RUN_DIR:-.run}/data/connect"
group="${CONNECT_GROUP:-connect}"
libs="${CONNECT_LIBS:-.build/kafka/libs}"
plugins="${CONNECT_PLUGIN_PATH:-.build/connect/plugins}"

find_java
if [ ! -d "${plugins%%,*}" ]; then
  echo "connect: there is no ${plugins%%,*}; run services/connect/install.sh" >&2
  exit 1
fi
mkdir -p "$data"

password="${CONNECT_PASSWORD_FILE:-${RUN_DIR:-.run}/data/connect_password/password}"
keep_secret "$password"
rm -f "$data/users.properties"
(umask 077 && printf 'connect=%s\n' "$(<"$password")" >"$data/users.properties")
printf 'KafkaConnect { %s required file="%s"; };\n' \
  org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule "$data/users.properties" >"$data/jaas.conf"

jars="$(classpath "$libs")"
login=""
if [ "${KAFKA_AUTH:-none}" != none ]; then
  umask 077 # the properties hold a password
  login="$(python -m services.connect.login)"
  jars="$jars:.build/connect/aws-msk-iam-auth.jar" # at the end: the archive covers the jars before it
fi
rm -f "$data/worker.properties"

# service_load: plugins are found by their META-INF/services, not by opening every class.
# rebalance.max.delay: by default, the tasks of a worker that died stay unassigned for 5 min.
# session.timeout: the time after which a worker counts as dead.
# graceful.timeout: the sink has nothing to finish at a stop.
cat >"$data/worker.properties" <<PROPERTIES
bootstrap.servers=${KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092}
group.id=$group
$(cat services/connect/worker.properties)
config.storage.topic=$group-configs
config.storage.replication.factor=1
offset.storage.topic=$group-offsets
offset.storage.replication.factor=1
offset.storage.partitions=1
status.storage.topic=$group-status
status.storage.replication.factor=1
status.storage.partitions=1
listeners=http://$listen
rest.advertised.host.name=${advertised%:*}
rest.advertised.port=${advertised##*:}
plugin.path=${plugins//\\/\\\\}
plugin.discovery=service_load
rest.extension.classes=org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension
connector.client.config.override.policy=All
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=6000
heartbeat.interval.ms=2000
metadata.max.age.ms=3000
task.shutdown.graceful.timeout.ms=2000
$login
PROPERTIES

# SerialGC and C1 alone start fast and need little memory. A warm C2 would take a sixth less processor time for
# objects of 10,000 records (4.5 us a record instead of 5.4), but half as much again for objects of 100.
#
# automatic.config.providers: without it, a connector's configuration may name a provider that reads any file of
# the user and any variable (CVE-2024-31141).
exec "$JAVA" -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError \
  -Dorg.apache.kafka.automatic.config.providers=none \
  -Dlog4j2.configurationFile=services/connect/log4j2.yaml \
  -Djava.security.auth.login.config="$data/jaas.conf" \
  -cp "$jars" "$(class_archive_option .build/connect/worker.jsa)" \
  org.apache.kafka.connect.cli.ConnectDistributed "$data/worker.properties"
