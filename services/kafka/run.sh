#!/usr/bin/env bash
# One Kafka broker that is its own KRaft controller. It stands for Amazon MSK.
#
#   KAFKA_LISTEN             host:port that the broker listens on and advertises to its clients
#   KAFKA_CONTROLLER_LISTEN  host:port of the controller
#   KAFKA_HOST_LISTEN        second address to listen on, for clients that cannot reach the first, and
#   KAFKA_HOST_ADVERTISED    the address that the broker advertises to these clients
#   KAFKA_AUTH               iam or scram: clients log in over TLS, in either way, as secure.sh describes.
#                            none: they do not log in
#   RUN_DIR                  the data is in $RUN_DIR/data/kafka
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/kafka/java.sh
source services/kafka/secure.sh

listen="${KAFKA_LISTEN:-127.0.0.1:9092}"
controller="${KAFKA_CONTROLLER_LISTEN:-127.0.0.1:9093}"
data="${RUN_DIR:-.run}/data/kafka"
libs=.build/kafka/libs

find_java
if [ ! -d "$libs" ]; then
  echo "kafka: there is no $libs; run services/kafka/install.sh" >&2
  exit 1
fi
mkdir -p "$data"

listeners="BROKER://$listen,CONTROLLER://$controller"
advertised="BROKER://$listen"
if [ -n "${KAFKA_HOST_LISTEN:-}" ]; then
  listeners="$listeners,HOST://$KAFKA_HOST_LISTEN"
  advertised="$advertised,HOST://${KAFKA_HOST_ADVERTISED:?KAFKA_HOST_LISTEN needs it}"
fi

jars="$(classpath "$libs")"
protocol=PLAINTEXT
logins=""
host_name="${KAFKA_HOST_ADVERTISED:-}"
host_name="${host_name%:*}"
case "${KAFKA_AUTH:-none}" in
  none) ;;
  iam | scram)
    protocol=SASL_SSL
    jars="$jars:.build/kafka/kafka-auth.jar" # at the end: the class-data archive covers the jars before it
    make_secrets "$data/secure" "$(client_folder)" "${listen%:*}" "$host_name"
    logins="$(secure_properties "$data/secure" "$(client_folder)")"
    ;;
  *)
    echo "kafka: KAFKA_AUTH is $KAFKA_AUTH; it must be none, scram or iam" >&2
    exit 1
    ;;
esac

# Backslash is the escape of a properties file. The internal topics have few partitions, as each is a folder
# to open at the start. dedupe.buffer.size: the default, 128 MB, is half the heap.
# initial.rebalance.delay: the default makes the first consumer of each group wait for 3 s.
# session.timeout: a broker that was killed cannot register again before its old session has ended.
rm -f "$data/server.properties" # with logins it holds a password, and a new file gets the mode of the umask
cat >"$data/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$controller
listeners=$listeners
advertised.listeners=$advertised
listener.security.protocol.map=CONTROLLER:$protocol,BROKER:$protocol,HOST:$protocol
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs=${data//\\/\\\\}/log
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=1
$logins
PROPERTIES

# SerialGC starts fastest and needs the least memory. The compiler keeps its second stage (C2), which the
# broker needs under load. Few records wait here, so the heap begins small. A JVM with TrimNativeHeapInterval
# returns the compilers' memory each minute.
java_options=(
  -Xms64m -Xmx256m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError
  -XX:+IgnoreUnrecognizedVMOptions -XX:TrimNativeHeapInterval=60000
  -Dlog4j2.configurationFile=services/kafka/log4j2.yaml
  -cp "$jars"
)

# The tool writes meta.properties last, so an interrupted format is repeated.
if [ ! -f "$data/log/meta.properties" ]; then
  cluster_id="$(head -c 16 /dev/urandom | base64 | tr '+/' 'AZ' | cut -c 1-22)"
  archive="$(CLASS_ARCHIVE_TO_MAKE="" class_archive_option .build/kafka/broker.jsa)"
  "$JAVA" "${java_options[@]}" -XX:TieredStopAtLevel=1 "$archive" kafka.tools.StorageTool format \
    --config "$data/server.properties" --cluster-id "$cluster_id" --ignore-formatted
fi

exec "$JAVA" "${java_options[@]}" "$(class_archive_option .build/kafka/broker.jsa)" \
  kafka.Kafka "$data/server.properties"
