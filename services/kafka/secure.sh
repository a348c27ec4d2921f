# What the broker needs so that its clients log in over TLS (KAFKA_AUTH is iam or scram); sourced by
# run.sh and health.sh. Every listener for clients takes both ways, as the settings of a client say.
#
#   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION  the key that IAM tokens may be signed with, and
#                         the cluster's region
#   KAFKA_SCRAM_USERNAME  the user that may log in with a password
#   KAFKA_SCRAM_PASSWORD  its password; without one it's made at the first start
#
# Everything is made here, and in no image and no repository. Clients get the client folder alone: the
# certificate and the password.

# The broker's own user, with which it logs in at itself, and its health check does.
BROKER_USER=broker

client_folder() {
  echo "${RUN_DIR:-.run}/data/kafka_client"
}

# make_secrets SECRETS CLIENT HOST...: the certificate of the broker at these hosts, passwords and keys.
make_secrets() {
  local secrets=$1 client=$2 user=${KAFKA_SCRAM_USERNAME:-pinterest}
  shift 2
  source services/secret.sh
  if [[ -z ${AWS_ACCESS_KEY_ID:-} || -z ${AWS_SECRET_ACCESS_KEY:-} ]]; then
    echo "kafka: KAFKA_AUTH=$KAFKA_AUTH needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" >&2
    return 1
  fi
  if [[ $user == *:* || $user == "$BROKER_USER" ]]; then
    echo "kafka: KAFKA_SCRAM_USERNAME is $user; it must have no colon, and not be $BROKER_USER" >&2
    return 1
  fi
  umask 077 # server.properties, too, holds a password
  mkdir -p "$secrets" "$client"
  keep_secret "$secrets/store_password"
  keep_secret "$secrets/broker_password"
  keep_secret "$client/scram_password" "${KAFKA_SCRAM_PASSWORD:-}"
  printf '%s:%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >"$secrets/access_keys"
  printf '%s:%s\n' "$BROKER_USER" "$(<"$secrets/broker_password")" "$user" "$(<"$client/scram_password")" \
    >"$secrets/users"
  make_certificate "$secrets" "$client/ca.pem" "$@"
}

# make_certificate SECRETS PEM HOST...: one that signs itself, so that PEM, the certificate without its key,
# is all that a client has to trust. Made again when the broker gets another name.
make_certificate() {
  local store=$1/broker.p12 password=$1/store_password pem=$2 host names="dns:localhost,ip:127.0.0.1"
  shift 2
  for host in "$@"; do
    case "$host" in
      "" | localhost | 127.0.0.1) ;;
      *[!0-9.]*) names="$names,dns:$host" ;;
      *) names="$names,ip:$host" ;;
    esac
  done
  if [[ -f $store && -f $pem && $names == "$(cat "$store.names" 2>/dev/null)" ]]; then
    return
  fi
  rm -f "$store" "$store.names"
  local keytool=("${JAVA%java}keytool" -J-XX:TieredStopAtLevel=1 -J-Xshare:auto)
  local where=(-alias broker -keystore "$store" -storetype PKCS12 -storepass:file "$password")
  "${keytool[@]}" -genkeypair "${where[@]}" -keyalg EC -groupname secp256r1 -validity 3650 \
    -dname "CN=pinterest-data-pipeline" -ext "SAN=$names" -ext BC:critical=ca:true >&2
  "${keytool[@]}" -exportcert -rfc "${where[@]}" -file "$pem.new" >&2
  mv -f "$pem.new" "$pem"
  printf '%s\n' "$names" >"$store.names"
}

# A text between the quotes of a JAAS configuration that is in a properties file: backslash is the escape of
# both.
quoted() {
  local text=${1//\\/\\\\\\\\}
  printf '"%s"' "${text//\"/\\\\\"}"
}

# secure_properties SECRETS CLIENT: the lines of server.properties.
secure_properties() {
  local secrets=$1 client=$2 listener package=org.apache.kafka.common.security
  local handlers=io.github.pinterestpipeline.kafka.auth
  cat <<PROPERTIES
sasl.enabled.mechanisms=SCRAM-SHA-512,OAUTHBEARER
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
ssl.keystore.type=PKCS12
ssl.keystore.location=${secrets//\\/\\\\}/broker.p12
ssl.keystore.password=$(<"$secrets/store_password")
ssl.truststore.type=PEM
ssl.truststore.location=${client//\\/\\\\}/ca.pem
PROPERTIES
  # The claim is for a client's side of the login module, which the broker's doesn't start without.
  for listener in broker host; do
    cat <<PROPERTIES
listener.name.$listener.scram-sha-512.sasl.server.callback.handler.class=$handlers.ScramUsers
listener.name.$listener.scram-sha-512.sasl.jaas.config=$package.scram.ScramLoginModule required \
 username="$BROKER_USER" password="$(<"$secrets/broker_password")" secrets=$(quoted "$secrets/users");
listener.name.$listener.oauthbearer.sasl.server.callback.handler.class=$handlers.IamTokenValidator
listener.name.$listener.oauthbearer.sasl.jaas.config=$package.oauthbearer.OAuthBearerLoginModule required \
 region="${AWS_REGION:-us-east-1}" secrets=$(quoted "$secrets/access_keys") unsecuredLoginStringClaim_sub="$BROKER_USER";
PROPERTIES
  done
}
