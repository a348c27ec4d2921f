# People and CI run the same targets. `make` alone prints this help.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PINPIPE := .venv/bin/pinpipe
BOOTSTRAP := .build/envs/bootstrap/bin/python
UV := .build/envs/bootstrap/bin/uv
PYTEST := .venv/bin/python -m pytest
SPARK_PYTEST := .build/envs/spark/bin/python -m pytest
# So many targets at a time. A make before 4.0 can't keep outputs apart: it does one after the other.
# A plus before it says that it is make, as $(MAKE) itself would.
suites = $(MAKE) --no-print-directory --keep-going \
	$(if $(filter output-sync,$(.FEATURES)),--jobs $(1) --output-sync=target)
# Sets of versions that the DAG is tested with; the first runs here, and is in `make test`.
AIRFLOWS := airflow airflow-previous airflow-newest
# What runs on the Spark of Databricks 17.3 LTS, too.
LTS_TESTS := tests/spark/test_cleaning.py tests/spark/test_tables.py \
	tests/spark/test_batch.py::test_a_run_reads_new_objects_only_and_keeps_one_row_per_key
POSTS ?= 500
TARGET ?= local
# uv reads no setting of pip's; the index of whoever installs is for both.
ifeq ($(UV_DEFAULT_INDEX)$(UV_INDEX_URL),)
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX := $(value PIP_INDEX_URL)
endif
endif

.PHONY: help
help: ## Print this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- install: everything goes below .venv and .build; each step runs again when its inputs change

.PHONY: install
install: .build/.machine .build/.app ## Install every part that the stack needs without Docker
	@$(MAKE) --silent --jobs 2 .part-spark .part-localstack .build/.airflow

# One after the other where both call Maven: two of it at a time may spoil its repository.
.PHONY: .part-connect .part-spark .part-localstack
.part-connect package: export PATH := $(CURDIR)/.venv/bin:$(PATH)
.part-connect:
	@services/connect/install.sh
.part-spark: .part-connect .build/.spark
	@spark/install.sh
.part-localstack: | $(UV)
	@localstack/install.sh

# So that the first start of a program is as quick as the next, also where Python may write no bytecode.
.build/.app .build/.spark .build/.airflow: export UV_COMPILE_BYTECODE = 1

.build/.machine: pinpipe/doctor/machine.py
	@mkdir -p .build
	@python="$$(pinpipe/python.sh)" && "$$python" -m pinpipe.doctor.machine
	@touch $@

$(UV): requirements/bootstrap.txt
	@mkdir -p .build/envs
	@python="$$(pinpipe/python.sh)" && echo "installing uv" >&2 && "$$python" -m venv .build/envs/bootstrap
	@$(BOOTSTRAP) -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@touch $@

.build/.app: requirements/dev.txt pyproject.toml | $(UV)
	@echo "installing the emulator, the REST proxy and pinpipe" >&2
	@test -x .venv/bin/python || $(UV) venv --quiet --python $(BOOTSTRAP) .venv
	@$(UV) pip sync --quiet --require-hashes --python .venv requirements/dev.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python .venv --editable .
	@touch $@

# What runs the services here: with containers the images hold every part.
.PHONY: ready
ready: .build/.app
	@engine="$$($(PINPIPE) engine)" || exit 1; \
		if [ "$$engine" = native ]; then $(MAKE) --no-print-directory install; fi

INTERPRETER := echo $(BOOTSTRAP)
# MWAA has Python 3.12.
$(AIRFLOWS:%=.build/.%): INTERPRETER := $(BOOTSTRAP) -m pinpipe.doctor.machine python 3.12 3.13
.build/.spark .build/.spark-lts $(AIRFLOWS:%=.build/.%): .build/.%: requirements/%-test.txt | $(UV)
	@echo "installing $*" >&2
	@test -x .build/envs/$*/bin/python || $(UV) venv --quiet --python "$$($(INTERPRETER))" .build/envs/$*
	@$(UV) pip sync --quiet --require-hashes --python .build/envs/$* requirements/$*-test.txt
	@touch $@

# Delta for that version of Spark.
.PHONY: .delta-lts
.delta-lts: .build/.spark-lts
	@tests/spark/lts/install.sh

# --- run; ENGINE=docker or ENGINE=native says what runs the services, else it is what is there

.PHONY: demo
demo: ready ## From nothing to the nine results: start, send 500 posts (POSTS=n), follow them, print
	@$(PINPIPE) demo --posts $(POSTS)

.PHONY: up
up: ready ## Start every service and wait until all are healthy
	@$(PINPIPE) up

.PHONY: down
down: ## Stop every service; data stays
	@test ! -x $(PINPIPE) || $(PINPIPE) down

.PHONY: status
status: .build/.app ## Show how each service stands
	@$(PINPIPE) status

.PHONY: doctor
doctor: .build/.app ## Say what keeps the stack from starting here, one line per problem
	@$(PINPIPE) doctor

# --- check

.PHONY: lint
lint: .build/.app ## Formatting, lint rules and types
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/python .ci/retired_words.py
	@.venv/bin/mypy

.PHONY: test
test: install lint ## What needs no running stack: unit, contracts, spark, sink, dags
	@echo "running the suites, three at a time; what each prints comes when it has ended" >&2
	+@$(call suites,3) .test-spark .test-contracts .test-unit .test-dags-airflow .test-sink

# What `make test` leaves out, beside the tests of the stack and the drills.
SLOW := .test-slow-contracts .test-slow-spark
VERSIONS := $(patsubst %,.test-dags-%,$(wordlist 2,9,$(AIRFLOWS)))
DRILLS := .test-drills-others .test-drills-some

.PHONY: test-slow
test-slow: install ## What takes ten seconds or more of that, jobs as processes of their own most of it
	+@$(call suites,2) $(SLOW)

.PHONY: .versions
.versions: $(AIRFLOWS:%=.build/.%)

.PHONY: test-versions
test-versions: install .versions ## The DAG on the other versions of Airflow that it is for
	+@$(call suites,2) $(VERSIONS)

FAST := -m "not slow"
.PHONY: .test-unit .test-contracts .test-spark .test-sink $(SLOW) $(AIRFLOWS:%=.test-dags-%)
.test-unit:
	@$(PYTEST) tests/unit
.test-contracts:
	@$(PYTEST) tests/contracts $(FAST)
.test-spark:
	@$(SPARK_PYTEST) tests/spark $(FAST)
.test-slow-contracts:
	@$(PYTEST) tests/contracts -m slow
.test-slow-spark:
	@$(SPARK_PYTEST) tests/spark -m slow
.PHONY: test-lts
test-lts: install .delta-lts ## A batch on the Spark of Databricks 17.3 LTS, before a release
	@.build/envs/spark-lts/bin/python -m pytest $(LTS_TESTS)
.test-sink:
	@source services/kafka/java.sh && maven -f services/connect/s3-sink/pom.xml test
$(AIRFLOWS:%=.test-dags-%): .test-dags-%: .build/.%
	@.build/envs/$*/bin/python -m pytest tests/dags

# A test of tests/stack runs all of tests/e2e against its stack, with the other target. The drills come last.
.PHONY: test-stack .test-stack
test-stack: ready ## Follow posts through the real stack, on ports of its own, then kill some of it
	@$(MAKE) --no-print-directory .test-stack
.test-stack:
	@$(PYTEST) tests/stack tests/e2e/test_clients.py tests/drills -m "not long"

.PHONY: test-e2e
test-e2e: $(if $(filter aws,$(TARGET)),.build/.app,ready) ## Check a deployment end to end: one of its own, or with TARGET=aws that of .env.aws
	@$(PYTEST) tests/e2e --target $(TARGET)

.PHONY: test-drills
test-drills: ready ## Kill services and jobs under load, for minutes, and count what is lost (KILLS=n of the streaming pipeline's)
	+@$(call suites,2) $(DRILLS)

# Each half on a stack of its own; they take about the same time.
SOME_DRILLS := $(addprefix tests/drills/test_,airflow_backfill.py airflow_run.py secure_road.py kinesis_source_kill.py)
.PHONY: $(DRILLS)
.test-drills-some:
	@$(PYTEST) $(SOME_DRILLS) $(KILLS:%=--kills %)
.test-drills-others:
	@$(PYTEST) tests/drills $(SOME_DRILLS:%=--ignore %) $(KILLS:%=--kills %)

.PHONY: test-rest
test-rest: install .versions ## test-stack, test-slow and test-versions, two parts at a time
	+@$(call suites,2) .test-stack $(SLOW) $(VERSIONS)

.PHONY: bench
bench: install ## Print the ratios of tests/bench, side by side on this machine
	@$(PYTEST) --engine native tests/bench

# --- to AWS and Databricks (docs/running-on-aws.md)

.PHONY: package
package: .build/.app ## Build into dist/ what AWS and Databricks take; say what each file is for
	@services/connect/install.sh
	@$(PINPIPE) package

.PHONY: package-spark
package-spark: .build/.app ## Build the wheel of the Spark jobs alone, as `databricks bundle deploy` does
	@.venv/bin/python -m pinpipe.deploy.wheel

# Tracked, since `databricks bundle deploy` reads it before it builds anything; a test says when it is out of date.
.PHONY: bundle
bundle: .build/.app ## Write the jobs of the Databricks bundle from the definition that the DAGs use
	@.venv/bin/python -m pinpipe.deploy.bundle

.PHONY: deploy-aws
deploy-aws: package ## Deploy dist/ with the settings of .env.aws; DRY_RUN=1 shows each call, makes none
	@$(PINPIPE) deploy $(if $(DRY_RUN),--dry-run)

# --- look after

.PHONY: fmt
fmt: .build/.app ## Format the code
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format --quiet .

.PHONY: lock
lock: $(UV) ## Write the lock files of every environment again
	@PATH="$$PWD/.build/envs/bootstrap/bin:$$PATH" requirements/lock.sh

.PHONY: clean
clean: down ## Remove everything that was installed, built or kept
	@rm -rf .venv .build .run dist services/connect/s3-sink/target services/kafka/auth/target
