# Certificate, passwords and properties of a broker whose clients log in over TLS (KAFKA_AUTH is iam or
# scram); sourced by run.sh and health.sh. Every listener for clients accepts both ways of logging in.
#
#   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION  the key that IAM tokens may be signed with, and
#                         the cluster's region
#   KAFKA_SCRAM_USERNAME  the user that may log in with a password
#   KAFKA_SCRAM_PASSWORD  its password; without one, the first start generates it
#
# All secrets are generated here; no image and no repository holds one. Clients get only the client folder:
# the certificate and the password.

# The broker's own user, with which the broker itself and its health check log in.
BROKER_USER=broker
HANDLERS=io.github.pinterestpipeline.kafka.auth
SECURITY=org.apache.kafka.common.security

client_folder() {
  echo "${RUN_DIR:-.run}/data/kafka_client"
}

# make_secrets SECRETS CLIENT HOST...: writes passwords, keys and a certificate for the broker at these hosts.
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
  if [[ $user${KAFKA_SCRAM_PASSWORD:-}$AWS_ACCESS_KEY_ID$AWS_SECRET_ACCESS_KEY == *[[:cntrl:]]* ]]; then
    echo "kafka: a user, password or key for KAFKA_AUTH=$KAFKA_AUTH has a line break or another control character" >&2
    return 1
  fi
  umask 077 # server.properties, too, holds a password
  mkdir -p "$secrets" "$client"
  keep_secret "$secrets/store_password"
  keep_secret "$secrets/broker_password"
  keep_secret "$client/scram_password" "${KAFKA_SCRAM_PASSWORD:-}"
  printf '%s:%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >"$secrets/access_keys"
  printf '%s:%s\n' "$BROKER_USER" "$(<"$secrets/broker_password")" >"$secrets/controller_users"
  printf '%s:%s\n' "$user" "$(<"$client/scram_password")" | cat "$secrets/controller_users" - >"$secrets/users"
  make_certificate "$secrets" "$client/ca.pem" "$@"
}

# make_certificate SECRETS PEM HOST...: writes a self-signed certificate, so that clients need only PEM, the
# certificate without its key. It is replaced when the broker gets another name, or its store another password.
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
  if [[ -s $store && -s $pem && ! $password -nt $store && $names == "$(cat "$store.names" 2>/dev/null)" ]]; then
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

# Prints a text in the quotes of a JAAS configuration in a properties file: backslash is the escape of both.
quoted() {
  local text=${1//\\/\\\\\\\\}
  printf '"%s"' "${text//\"/\\\\\"}"
}

# scram_properties LISTENER PASSWORD USERS: prints the lines with which a listener accepts the USERS of a file, and
# the broker logs in at it.
scram_properties() {
  cat <<PROPERTIES
listener.name.$1.scram-sha-512.sasl.server.callback.handler.class=$HANDLERS.ScramUsers
listener.name.$1.scram-sha-512.sasl.jaas.config=$SECURITY.scram.ScramLoginModule required \
 username="$BROKER_USER" password="$(<"$2")" secrets=$(quoted "$3");
PROPERTIES
}

# secure_properties SECRETS CLIENT: prints the lines for server.properties.
secure_properties() {
  local secrets=$1 client=$2 listener
  cat <<PROPERTIES
sasl.enabled.mechanisms=SCRAM-SHA-512,OAUTHBEARER
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=SCRAM-SHA-512
listener.name.controller.sasl.enabled.mechanisms=SCRAM-SHA-512
$(scram_properties controller "$secrets/broker_password" "$secrets/controller_users")
ssl.keystore.type=PKCS12
ssl.keystore.location=${secrets//\\/\\\\}/broker.p12
ssl.keystore.password=$(<"$secrets/store_password")
ssl.truststore.type=PEM
ssl.truststore.location=${client//\\/\\\\}/ca.pem
PROPERTIES
  # The claim belongs to the client side of the login module; the broker's side does not start without it.
  for listener in broker host; do
    scram_properties "$listener" "$secrets/broker_password" "$secrets/users"
    cat <<PROPERTIES
listener.name.$listener.oauthbearer.sasl.server.callback.handler.class=$HANDLERS.IamTokenValidator
listener.name.$listener.oauthbearer.sasl.jaas.config=$SECURITY.oauthbearer.OAuthBearerLoginModule required \
 region="${AWS_REGION:-us-east-1}" secrets=$(quoted "$secrets/access_keys") unsecuredLoginStringClaim_sub="$BROKER_USER";
PROPERTIES
  done
}
