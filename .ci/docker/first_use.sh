#!/usr/bin/env bash
# Runs the README's commands for a machine that has only Docker, under a project name of its own, and prints
# the figures: build time, image sizes, seconds from `up` to all healthy, memory at rest.
set -euo pipefail
cd "$(dirname "$0")/../.."

export COMPOSE_PROJECT_NAME="first-use-$$"
ports=(MYSQL_PORT LOCALSTACK_PORT KAFKA_PORT REST_PROXY_PORT CONNECT_PORT DATABRICKS_PORT KERNEL_GATEWAY_PORT AIRFLOW_PORT)
next=21000
for port in "${ports[@]}"; do
  while (exec 3<>"/dev/tcp/127.0.0.1/$next") 2>/dev/null; do next=$((next + 1)); done
  export "$port=$next"
  next=$((next + 1))
done

remains() {
  local label="label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
  docker ps --all --quiet --filter "$label"
  docker volume ls --quiet --filter "$label"
  docker network ls --quiet --filter "$label"
}

clean_up() {
  docker compose --profile '*' down --volumes --remove-orphans --rmi all >/dev/null 2>&1
}
trap clean_up EXIT

docker compose --profile '*' config --quiet
begun=$SECONDS
docker compose --profile '*' build --quiet
printf 'images built in %d s\n' $((SECONDS - begun))
docker image ls --format '{{.Repository}} {{.Size}}' --filter "reference=$COMPOSE_PROJECT_NAME/*" |
  sed 's/^[^/]*/  /' | sort
docker system df --format 'in all, shared layers once: {{.Type}} {{.Size}}' | grep Images

begun=$SECONDS
docker compose up --detach --wait --quiet-pull 2>/dev/null
printf 'all healthy %d s after up\n' $((SECONDS - begun))
docker compose run --rm emulator --count 500 --rate max --batch-size 100
docker compose run --rm spark
# Measured here, because some of Spark's workers end a minute after the start.
docker compose stats --no-stream --format '{{.Name}} {{.MemUsage}}' | sed "s/^$COMPOSE_PROJECT_NAME-/  /; s/ \/.*//"
docker compose down --volumes 2>/dev/null
left=$(remains)
if [ -n "$left" ]; then
  printf 'docker compose down --volumes left: %s\n' "$left" >&2
  exit 1
fi
