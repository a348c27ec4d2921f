#!/usr/bin/env bash
# Bring up, on a bare Debian 12 machine without any image registry:
#   1. Docker Engine + BuildKit (buildx) + Compose v2, from Debian packages only
#   2. a dockerd of our own (no systemd), pid file under $CI_DOCKER_RUN
#   3. the base image(s) that the project's Dockerfiles name in FROM,
#      made with mmdebstrap, tagged with the very same name as on Docker Hub,
#      carrying this machine's extra CA certificates and pip/uv/npm settings
#   4. stand-ins for the images that the compose file pulls as they are
# Idempotent: each step does nothing if its result exists.
#   engine.sh up | down | status | base SUITE NAME | standins | reap | env | clean
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${CI_DOCKER_CACHE:-$HOME/.cache/ci-docker}
RUN=${CI_DOCKER_RUN:-/run/ci-docker}
DATA_ROOT=${CI_DOCKER_DATA_ROOT:-/var/lib/docker}
# the Debian mirrors this machine already uses, so that no host is named here
repo() { apt-get indextargets --format '$(REPO_URI)' "Codename: $1" 'Created-By: Packages' 2>/dev/null | sed 's,/*$,,' | sort -u | head -1; }
MIRROR=${CI_DOCKER_MIRROR:-$(repo bookworm)}
SEC_MIRROR=${CI_DOCKER_SEC_MIRROR:-$(repo bookworm-security)}
# suite=image-name pairs to have
BASES=${CI_DOCKER_BASES:-"trixie=debian:trixie-slim"}
# folder next to this file=base-suite=image-name triples, built only when the image is absent
STANDINS=${CI_DOCKER_STANDINS:-"mysql=sid=mysql:9.7"}
ENGINE_SUITES=${CI_DOCKER_ENGINE_SUITES:-"sid trixie"}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

log() { printf '%s ci-docker: %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

# ---------------------------------------------------------------- engine
engine_ok() {
  command -v dockerd >/dev/null && command -v containerd >/dev/null && command -v runc >/dev/null \
    && docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1
}

# A private apt configuration: the machine's own sources stay as they are.
# From the newer suite only these five Go programs are taken (they need
# libc6 >= 2.34, bookworm has 2.36); runc (needs 2.38 there), iptables and
# everything else come from bookworm.
install_engine() {
  local suite=$1 d="$CACHE/apt-$1"
  mkdir -p "$d"/{lists/partial,cache/archives/partial,none}
  cat >"$d/sources.list" <<E
deb [signed-by=$KEYRING] $MIRROR bookworm main
deb [signed-by=$KEYRING] $SEC_MIRROR bookworm-security main
deb [signed-by=$KEYRING] $MIRROR $suite main
E
  cat >"$d/preferences" <<E
Package: *
Pin: release n=$suite
Pin-Priority: 50

Package: docker.io docker-cli docker-buildx docker-compose containerd
Pin: release n=$suite
Pin-Priority: 990
E
  cat >"$d/apt.conf" <<E
Dir::Etc::sourcelist "$d/sources.list";
Dir::Etc::sourceparts "$d/none";
Dir::Etc::preferences "$d/preferences";
Dir::Etc::preferencesparts "$d/none";
Dir::State::lists "$d/lists";
Dir::Cache "$d/cache";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Check-Valid-Until "false";
DPkg::Lock::Timeout "600";
E
  ( export APT_CONFIG="$d/apt.conf" DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends \
      docker.io docker-cli docker-buildx docker-compose containerd \
      runc iptables mmdebstrap zstd ) >>"$CACHE/apt.log" 2>&1
}

ensure_engine() {
  mkdir -p "$CACHE"
  if ! engine_ok; then
    for s in $ENGINE_SUITES; do
      log "installing the engine from $s"
      if install_engine "$s" && engine_ok; then break; fi
      log "engine from $s did not install, see $CACHE/apt.log"
    done
  fi
  if ! command -v mmdebstrap >/dev/null || ! command -v zstd >/dev/null; then
    apt-get -o DPkg::Lock::Timeout=600 update -qq
    apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends mmdebstrap zstd
  fi >>"$CACHE/apt.log" 2>&1
  engine_ok || { log "no usable engine"; return 1; }
}

# ---------------------------------------------------------------- daemon
daemon_up() { docker info >/dev/null 2>&1; }

start_daemon() {
  daemon_up && return 0
  mkdir -p "$RUN" "$DATA_ROOT"
  # A pid file left by a killed machine must not stop the new daemon
  if [ -s "$RUN/dockerd.pid" ] && ! grep -qs dockerd "/proc/$(cat "$RUN/dockerd.pid")/comm"; then
    rm -f "$RUN/dockerd.pid" /run/docker/containerd/containerd.pid
  fi
  # the uplink's MTU, so that TLS through the bridge does not hang on a smaller one
  local dev mtu
  dev=$(ip -4 route show default | awk '{for(i=1;i<NF;i++) if($i=="dev"){print $(i+1);exit}}')
  mtu=$(cat "/sys/class/net/${dev:-lo}/mtu" 2>/dev/null || echo 1500); [ "$mtu" -gt 1500 ] && mtu=1500
  cat >"$RUN/daemon.json" <<E
{
  "mtu": $mtu,
  "ip": "127.0.0.1",
  "default-network-opts": { "bridge": { "com.docker.network.driver.mtu": "$mtu",
      "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1" } },
  "log-driver": "json-file",
  "log-opts": { "max-size": "20m", "max-file": "2" },
  "builder": { "gc": { "enabled": true, "defaultKeepStorage": "20GB" } },
  "max-concurrent-downloads": 1,
  "live-restore": false
}
E
  log "starting dockerd (mtu $mtu, data in $DATA_ROOT)"
  setsid nohup dockerd --config-file "$RUN/daemon.json" --data-root "$DATA_ROOT" \
    --pidfile "$RUN/dockerd.pid" --log-level warn \
    >>"$RUN/dockerd.log" 2>&1 </dev/null 9>&- &
  for _ in $(seq 150); do daemon_up && return 0; sleep 0.2; done
  tail -30 "$RUN/dockerd.log" >&2; return 1
}

stop_daemon() {
  local pid; pid=$(cat "$RUN/dockerd.pid" 2>/dev/null || true)
  [ -n "$pid" ] && grep -qs dockerd "/proc/$pid/comm" || return 0
  log "stopping dockerd $pid"
  kill -TERM "$pid"
  for _ in $(seq 150); do [ -e "/proc/$pid" ] || return 0; sleep 0.2; done
  kill -KILL "$pid"
}

# ---------------------------------------------------------------- base image
# plain root file system, as close to Docker Hub's debian:SUITE-slim as is cheap
make_tar() {
  local suite=$1 out=$2
  local src=("deb $MIRROR $suite main")
  case $suite in sid|unstable) ;; *)
    src+=("deb $MIRROR $suite-updates main" "deb $SEC_MIRROR $suite-security main") ;; esac
  log "mmdebstrap $suite"
  mmdebstrap --quiet --mode=root --variant=minbase \
    --dpkgopt='force-unsafe-io' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='Acquire::GzipIndexes "true"' \
    --aptopt='Apt::AutoRemove::SuggestsImportant "false"' \
    --aptopt='DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; }' \
    --customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/var/log/*.log "$1"/var/log/apt/*; printf "#!/bin/sh\nexit 101\n" >"$1"/usr/sbin/policy-rc.d; chmod 755 "$1"/usr/sbin/policy-rc.d' \
    "$suite" "$out.tmp.tar" "${src[@]}" 2>>"$CACHE/mmdebstrap.log"
  zstd -q -T0 -3 --rm -f "$out.tmp.tar" -o "$out.tmp"
  mv "$out.tmp" "$out"
}

# What this machine adds so that HTTPS to the package registries works inside a
# build; the project's Dockerfiles do not depend on it. Files only, no ENV, so
# that the images behave at run time as they do for a user.
make_overlay() {
  local d=$1
  local bundle=/etc/ssl/certs/ca-certificates.crt
  mkdir -p "$d/usr/local/share/ca-certificates" "$d/etc/uv" "$d/etc/ssl/certs" "$d/usr/local/etc" "$d/usr/etc"
  cp -L /usr/local/share/ca-certificates/*.crt "$d/usr/local/share/ca-certificates/" 2>/dev/null || return 0
  # this machine's apt network settings (proxy, a mirror whose Release file is old)
  mkdir -p "$d/etc/apt/apt.conf.d"
  apt-config dump | grep -iE '^Acquire::(Check-Valid-Until|Check-Date|http::Proxy|https::)' >"$d/etc/apt/apt.conf.d/99ci" || true
  # for a tool used before the image installs ca-certificates
  cp -L "$bundle" "$d/etc/ssl/certs/ca-certificates.crt"
  printf '[global]\ncert = %s\n' "$bundle" >"$d/etc/pip.conf"
  printf 'native-tls = true\n' >"$d/etc/uv/uv.toml"
  for f in etc/npmrc usr/local/etc/npmrc usr/etc/npmrc; do printf 'cafile=%s\n' "$bundle" >"$d/$f"; done
}

ensure_base() {
  local suite=$1 name=$2 plain="ci-plain:$1" week tar ctx
  week=$(date +%G%V); tar="$CACHE/base-$suite-$week.tar.zst"
  docker image inspect "$name" >/dev/null 2>&1 && return 0
  if ! docker image inspect "$plain" >/dev/null 2>&1; then
    [ -s "$tar" ] || make_tar "$suite" "$tar"
    zstd -dcq "$tar" | docker import --change 'CMD ["bash"]' - "$plain" >/dev/null
  fi
  ctx=$(mktemp -d)
  mkdir "$ctx/overlay"; make_overlay "$ctx/overlay"
  printf 'FROM %s\nCOPY overlay/ /\n' "$plain" >"$ctx/Dockerfile"
  docker build -q -t "$name" "$ctx" >/dev/null
  rm -rf "$ctx"
  log "made $name"
}

ensure_standins() {
  local t dir suite name
  for t in $STANDINS; do
    IFS='=' read -r dir suite name <<<"$t"
    docker image inspect "$name" >/dev/null 2>&1 && continue
    ensure_base "$suite" "debian:$suite-slim"
    docker build -q --build-arg BASE_IMAGE="debian:$suite-slim" -t "$name" "$HERE/$dir" >/dev/null
    log "made stand-in $name"
  done
}

# containers and networks of a killed test run (the reaper container is off here)
reap() {
  docker ps -aq --filter label=org.testcontainers=true | xargs -r docker rm -fv >/dev/null
  docker network prune -f --filter label=org.testcontainers=true >/dev/null
}

case ${1:-up} in
  up)
    mkdir -p "$CACHE"; exec 9>"$CACHE/lock"; flock 9   # one at a time
    ensure_engine; start_daemon
    for b in $BASES; do ensure_base "${b%%=*}" "${b#*=}"; done
    ensure_standins
    docker version --format 'engine {{.Server.Version}}, client {{.Client.Version}}'
    docker compose version; docker buildx version ;;
  base) ensure_base "$2" "$3" ;;
  standins) ensure_standins ;;
  reap) reap ;;
  env) # for testcontainers: no reaper image to be had; /.dockerenv on this machine
       # would make it use a gateway address where ports are not published
    echo 'export TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_CONNECTION_MODE=docker_host TC_HOST=127.0.0.1' ;;
  status) docker info 2>/dev/null | grep -E 'Server Version|Storage|Cgroup|Root Dir|Running' ; docker system df ;;
  down) stop_daemon ;;
  clean) docker system prune -af --volumes ;;
  *) echo "usage: $0 up|down|status|base SUITE NAME|standins|reap|env|clean" >&2; exit 2 ;;
esac
