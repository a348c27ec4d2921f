# The images of all services, a target each (docker-compose.yml: `build.target`). Debian's Python and OpenJDK, locked
# packages; build tools are not in the images that run. docs/decisions/0006-containers.md has the reasons.
ARG BASE_IMAGE=debian:trixie-slim
ARG MYSQL_IMAGE=mysql:9.7

# --- Base images.

FROM ${BASE_IMAGE} AS base
ARG DEBIAN_MIRROR_URL
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean && mkdir -p /usr/share/man/man1 \
    && if [ -n "$DEBIAN_MIRROR_URL" ]; then sed -i "s|^URIs: .*/debian|URIs: $DEBIAN_MIRROR_URL/debian|" \
        /etc/apt/sources.list.d/debian.sources; fi \
    && apt-get update && apt-get install --yes --no-install-recommends python3 \
    && useradd --uid 10001 --no-create-home --home-dir /tmp app
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp

FROM base AS java
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends openjdk-21-jre-headless

FROM base AS node
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends nodejs

# --- Build stages: Python environments, Java parts, bytecode. Only these stages use a company's mirrors and its CA
# (docs/company-network.md): no layer of an image that runs contains them, but for Debian's mirror.

FROM base AS uv
ARG PIP_INDEX_URL
ARG NPM_CONFIG_REGISTRY
ENV UV_DEFAULT_INDEX=$PIP_INDEX_URL SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
ENV PIP_CACHE_DIR=/var/cache/pip UV_CACHE_DIR=/var/cache/uv npm_config_cache=/var/cache/npm
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends binutils ca-certificates python3-venv
COPY services/company_ca.sh services/
RUN --mount=type=secret,id=company-ca services/company_ca.sh
COPY requirements/bootstrap.txt requirements/
RUN --mount=type=cache,target=/var/cache/pip \
    python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --require-hashes -r requirements/bootstrap.txt
ENV PATH=/opt/uv/bin:$PATH UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
COPY services/slim.sh services/environment.sh services/

FROM java AS maven
ENV MAVEN_ARGS=-Dmaven.repo.local=/var/cache/maven
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends maven openjdk-21-jdk-headless
ARG MAVEN_MIRROR_URL
COPY services/company_ca.sh services/
RUN --mount=type=secret,id=company-ca services/company_ca.sh

FROM uv AS emulator-environment
COPY requirements/emulator.txt requirements/
RUN --mount=type=cache,target=/var/cache/uv services/environment.sh emulator .venv

FROM uv AS services-environment
COPY requirements/services.txt requirements/
RUN --mount=type=cache,target=/var/cache/uv services/environment.sh services .venv

FROM uv AS databricks-environment
COPY requirements/databricks.txt requirements/
RUN --mount=type=cache,target=/var/cache/uv services/environment.sh databricks .venv

FROM uv AS spark-environment
COPY requirements/spark.txt requirements/
RUN --mount=type=cache,target=/var/cache/uv services/environment.sh spark .build/envs/spark

FROM uv AS airflow-environment
COPY requirements/airflow.txt requirements/
RUN --mount=type=cache,target=/var/cache/uv services/environment.sh airflow .venv

FROM uv AS localstack-build
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends npm
COPY requirements/localstack.txt requirements/
COPY localstack/install.sh localstack/
COPY localstack/kinesalite localstack/kinesalite
RUN --mount=type=cache,target=/var/cache/uv --mount=type=cache,target=/var/cache/npm localstack/install.sh \
    && services/slim.sh .build/envs/localstack

FROM maven AS kafka-build
COPY services/kafka services/kafka
RUN --mount=type=cache,target=/var/cache/maven,sharing=locked services/kafka/install.sh

FROM kafka-build AS connect-build
COPY services/secret.sh services/
COPY services/connect services/connect
RUN --mount=type=cache,target=/var/cache/maven,sharing=locked services/connect/install.sh

# The files of Kafka's image that Connect's does not have.
FROM kafka-build AS kafka-own
RUN rm -r .build/kafka/libs

FROM maven AS spark-build
COPY --from=spark-environment /app/.build/envs .build/envs
COPY requirements/spark.txt requirements/
COPY services/kafka/java.sh services/kafka/
COPY spark spark
COPY contract contract
RUN --mount=type=cache,target=/var/cache/maven,sharing=locked spark/install.sh

# Our own Python, compiled once.
FROM base AS code
COPY contract contract
COPY emulator emulator
COPY localstack localstack
COPY services services
COPY spark spark
RUN python3 -m compileall -q contract emulator localstack services spark \
    && rm -r services/connect/s3-sink services/connect/signer services/kafka/auth

# --- Images that run. Those that share an environment begin with the same layers, which are stored once.

FROM java AS kafka-base
ENV PATH=/app/.venv/bin:$PATH
COPY --from=services-environment /app/.venv .venv
COPY --from=kafka-build /app/.build/kafka/libs .build/kafka/libs
COPY --from=code /app/contract contract
COPY --from=code /app/services/__init__.py /app/services/secret.sh services/
COPY --from=code /app/services/kafka_client services/kafka_client
COPY --from=code /app/services/__pycache__ services/__pycache__
COPY --from=code /app/services/kafka services/kafka

FROM java AS spark-base
ENV PATH=/app/.build/envs/spark/bin:$PATH
RUN install --directory --owner app --group app .run/data/spark
COPY --from=spark-environment /app/.build/envs .build/envs
COPY --from=spark-build /app/.build/spark .build/spark
COPY --from=code /app/contract contract
COPY --from=code /app/spark spark

# The users of the Pinterest API, and the loader of the source database.
FROM base AS emulator
ENV PATH=/app/.venv/bin:$PATH
RUN install --directory --owner app --group app .run/data/emulator
COPY --from=emulator-environment /app/.venv .venv
COPY --from=code /app/contract contract
COPY --from=code /app/emulator emulator
USER app

# Amazon RDS for MySQL.
FROM ${MYSQL_IMAGE} AS mysql
WORKDIR /app
COPY services/secret.sh services/
COPY services/mysql/run.sh services/mysql/health.sh services/mysql/server.cnf services/mysql/metastore.sql services/mysql/
RUN for user in root loader reader metastore; do install --directory --owner mysql --group mysql /run/passwords/$user; done
USER mysql

# The AWS account: API Gateway, S3, Kinesis, IAM.
FROM node AS localstack
ENV PATH=/app/.build/envs/localstack/bin:$PATH
RUN install --directory --owner app --group app .run/data/localstack .run/data/gateway_api_key
COPY --from=localstack-build /app/.build .build
COPY --from=code /app/contract contract
COPY --from=code /app/services/secret.sh services/
COPY --from=code /app/localstack localstack
USER app

# Amazon MSK.
FROM kafka-base AS kafka
RUN install --directory --owner app --group app .run/data/kafka .run/data/kafka_client
COPY --from=kafka-own /app/.build/kafka .build/kafka
USER app

# Confluent REST Proxy on EC2.
FROM base AS rest-proxy
ENV PATH=/app/.venv/bin:$PATH
COPY --from=services-environment /app/.venv .venv
COPY --from=code /app/contract contract
COPY --from=code /app/services/__init__.py /app/services/asgi.py services/
COPY --from=code /app/services/kafka_client services/kafka_client
COPY --from=code /app/services/__pycache__ services/__pycache__
COPY --from=code /app/services/rest_proxy services/rest_proxy
USER app

# MSK Connect.
FROM kafka-base AS connect
RUN install --directory --owner app --group app .run/data/connect .run/data/connect_password
COPY --from=connect-build /app/.build/connect .build/connect
COPY --from=code /app/services/connect services/connect
USER app

# The Databricks Runtime.
FROM spark-base AS spark
COPY services/alive.sh services/
RUN install --directory --owner app --group app .run/data/stream
USER app

# A Databricks workspace.
FROM spark-base AS databricks
ENV PATH=/app/.venv/bin:$PATH
RUN install --directory --owner app --group app .run/data/jobs_api .run/data/jobs_api_token
COPY --from=databricks-environment /app/.venv .venv
COPY --from=code /app/services/__init__.py /app/services/asgi.py /app/services/secret.sh services/
COPY --from=code /app/services/__pycache__ services/__pycache__
COPY --from=code /app/services/databricks services/databricks
COPY workspace workspace
USER app

# The metadata database of Amazon MWAA.
FROM base AS postgres
# Without the query compiler (JIT): 180 MB that the small queries of Airflow do not need.
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends postgresql-17 \
    && rm -rf /var/lib/postgresql /usr/lib/postgresql/17/lib/bitcode /usr/lib/*/libLLVM* /usr/lib/*/libz3* \
    && install --directory --owner app --group app /var/lib/postgresql/data /run/passwords/postgres
ENV PATH=/usr/lib/postgresql/17/bin:$PATH
COPY services/secret.sh services/
COPY services/postgres/run.sh services/postgres/health.sh services/postgres/
USER app

# Amazon MWAA.
FROM base AS airflow
ENV PATH=/app/.venv/bin:$PATH
RUN install --directory --owner app --group app .run/data/airflow
COPY --from=airflow-environment /app/.venv .venv
COPY services/alive.sh services/secret.sh services/
COPY services/airflow services/airflow
COPY airflow airflow
USER app
