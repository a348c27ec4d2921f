# People and CI run the same targets. `make` alone prints this help.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PINPIPE := .venv/bin/pinpipe
BOOTSTRAP := .build/envs/bootstrap/bin/python
UV := .build/envs/bootstrap/bin/uv
PYTEST := .venv/bin/python -m pytest
SPARK_PYTEST := .build/envs/spark/bin/python -m pytest
# Runs $(1) targets at a time, or one at a time with a make before 4.0, which would mix their outputs.
# Recipes that use it begin with a plus, which marks a call of make as $(MAKE) itself does.
suites = $(MAKE) --no-print-directory --keep-going \
	$(if $(filter output-sync,$(.FEATURES)),--jobs $(1) --output-sync=target)
# Sets of versions that the DAG is tested with; the first is the installed one, in `make test`.
AIRFLOWS := airflow airflow-previous airflow-newest
# Tests that also run on the Spark of Databricks 17.3 LTS.
LTS_TESTS := tests/spark/test_cleaning.py tests/spark/test_tables.py \
	tests/spark/test_batch.py::test_a_run_reads_new_objects_only_and_keeps_one_row_per_key
POSTS ?= 500
TARGET ?= local
# uv doesn't read pip's settings, so it gets the index of pip.
ifeq ($(UV_DEFAULT_INDEX)$(UV_INDEX_URL),)
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX := $(value PIP_INDEX_URL)
endif
endif

.PHONY: help
help: ## Print this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- install: everything is below .venv and .build; a step runs again when its inputs change

.PHONY: install
install: .build/.machine .build/.app ## Install everything that the stack needs without Docker
	@$(MAKE) --silent --jobs 2 .part-mysql .part-localstack .build/.airflow

# Steps that call Maven run one after the other: two at a time may damage its repository.
.PHONY: .part-connect .part-spark .part-mysql .part-localstack
.part-connect package: export PATH := $(CURDIR)/.venv/bin:$(PATH)
.part-connect:
	@services/connect/install.sh
.part-spark: .part-connect .build/.spark
	@spark/install.sh
.part-mysql: .part-spark
	@services/mysql/install.sh
.part-localstack: | $(UV)
	@localstack/install.sh

# Compiled at the installation, so that the first start is fast even if Python may write no bytecode.
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

# Containers need only pinpipe here, since the images have everything else.
.PHONY: ready
ready: .build/.app
	@engine="$$($(PINPIPE) engine)" || exit 1; \
		if [ "$$engine" = native ]; then $(MAKE) --no-print-directory install; fi

INTERPRETER := echo $(BOOTSTRAP)
# As on MWAA, which has Python 3.12.
$(AIRFLOWS:%=.build/.%): INTERPRETER := $(BOOTSTRAP) -m pinpipe.doctor.machine python 3.12 3.13
.build/.spark .build/.spark-lts $(AIRFLOWS:%=.build/.%): .build/.%: requirements/%-test.txt | $(UV)
	@echo "installing $*" >&2
	@test -x .build/envs/$*/bin/python || $(UV) venv --quiet --python "$$($(INTERPRETER))" .build/envs/$*
	@$(UV) pip sync --quiet --require-hashes --python .build/envs/$* requirements/$*-test.txt
	@touch $@

# Delta for the Spark of Databricks 17.3 LTS.
.PHONY: .delta-lts
.delta-lts: .build/.spark-lts
	@tests/spark/lts/install.sh

# --- run: ENGINE=docker or ENGINE=native chooses the engine, else pinpipe does

.PHONY: demo
demo: ready ## Start the stack, send 500 posts (POSTS=n) through both pipelines, print the nine results
	@$(PINPIPE) demo --posts $(POSTS)

.PHONY: up
up: ready ## Start every service and wait until all are healthy
	@$(PINPIPE) up

.PHONY: down
down: ## Stop every service and keep the data
	@test ! -x $(PINPIPE) || $(PINPIPE) down

.PHONY: status
status: .build/.app ## Show the state of each service
	@$(PINPIPE) status

.PHONY: doctor
doctor: .build/.app ## List what prevents the stack from starting, one problem per line
	@$(PINPIPE) doctor

# --- check

.PHONY: lint
lint: .build/.app ## Check formatting, lint rules, retired words and types
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/python .ci/retired_words.py
	@.venv/bin/mypy

.PHONY: audit
audit: .build/.app ## Look up known vulnerabilities of every locked package, where a database can be reached
	@.venv/bin/python .ci/audit.py $$(grep --files-with-matches -e --hash= requirements/*.txt)

.PHONY: test
test: install lint ## Lint, then run the quick tests that need no running stack: unit, contracts, spark, sink, dags
	@echo "running the suites, three at a time; each prints its output at its end" >&2
	+@$(call suites,3) .test-spark .test-contracts .test-unit .test-dags-airflow .test-sink

# Left out of `make test`, in addition to the tests of the stack and the drills.
SLOW := .test-slow-contracts .test-slow-spark .test-slow-unit
VERSIONS := $(patsubst %,.test-dags-%,$(wordlist 2,9,$(AIRFLOWS)))
DRILLS := .test-drills-others .test-drills-some .test-drills-fuzz

.PHONY: test-slow
test-slow: install ## Run the tests that need no running stack but ten seconds or more each
	+@$(call suites,2) $(SLOW)

.PHONY: .versions
.versions: $(AIRFLOWS:%=.build/.%)

.PHONY: test-versions
test-versions: install .versions ## Test the DAG with the other supported versions of Airflow
	+@$(call suites,2) $(VERSIONS)

FAST := -m "not slow"
.PHONY: .test-unit .test-contracts .test-spark .test-sink $(SLOW) $(AIRFLOWS:%=.test-dags-%)
.test-unit:
	@$(PYTEST) tests/unit $(FAST)
.test-contracts:
	@$(PYTEST) tests/contracts $(FAST)
.test-spark:
	@$(SPARK_PYTEST) tests/spark $(FAST)
.test-slow-contracts:
	@$(PYTEST) tests/contracts -m slow
.test-slow-unit:
	@$(PYTEST) tests/unit -m slow
.test-slow-spark:
	@$(SPARK_PYTEST) tests/spark -m slow
.PHONY: test-lts
test-lts: install .delta-lts ## Test a batch job on the Spark of Databricks 17.3 LTS, before a release
	@.build/envs/spark-lts/bin/python -m pytest $(LTS_TESTS)
.test-sink:
	@source services/kafka/java.sh && maven -f services/connect/s3-sink/pom.xml test
$(AIRFLOWS:%=.test-dags-%): .test-dags-%: .build/.%
	@.build/envs/$*/bin/python -m pytest tests/dags

# A test of tests/stack runs tests/e2e on its stack with --target aws. The drills come last.
.PHONY: test-stack .test-stack
test-stack: ready ## Follow posts through a stack on ports of its own, then kill some of its services
	@$(MAKE) --no-print-directory .test-stack
.test-stack:
	@$(PYTEST) tests/stack tests/e2e/test_clients.py tests/drills -m "not long"

.PHONY: test-e2e
test-e2e: $(if $(filter aws,$(TARGET)),.build/.app,ready) ## Test end to end: a stack of its own, or with TARGET=aws the deployment of .env.aws
	@$(PYTEST) tests/e2e --target $(TARGET)

.PHONY: test-drills
test-drills: ready ## Kill services and jobs under load for minutes and count losses (KILLS=n for the streaming job)
	+@$(call suites,2) $(DRILLS)

# Two halves that take about the same time, each on a stack of its own.
SOME_DRILLS := $(addprefix tests/drills/test_,airflow_backfill.py airflow_run.py kafka_logins.py kinesis_source_kill.py)
.PHONY: $(DRILLS)
.test-drills-some:
	@$(PYTEST) $(SOME_DRILLS) $(KILLS:%=--kills %)
.test-drills-fuzz:
	@$(PYTEST) tests/contracts/rest_proxy/test_fuzz.py tests/contracts/databricks/test_fuzz.py --fuzz 20000
.test-drills-others:
	@$(PYTEST) tests/drills $(SOME_DRILLS:%=--ignore %) $(KILLS:%=--kills %)

.PHONY: test-rest
test-rest: install .versions ## Run test-stack, test-slow and test-versions, two suites at a time
	+@$(call suites,2) .test-stack $(SLOW) $(VERSIONS)

.PHONY: bench
bench: install ## Measure the ratios of tests/bench on this machine and print them
	@$(PYTEST) --engine native tests/bench --ignore tests/bench/bench_append.py
	@$(SPARK_PYTEST) tests/bench/bench_append.py

# --- to AWS and Databricks (docs/running-on-aws.md)

.PHONY: package
package: .build/.app ## Build the files for AWS and Databricks into dist/ and list them
	@services/connect/install.sh
	@$(PINPIPE) package

.PHONY: package-spark
package-spark: .build/.app ## Build only the wheel of the Spark jobs, as `databricks bundle deploy` does
	@.venv/bin/python -m pinpipe.deploy.wheel

# The file is tracked, since `databricks bundle deploy` reads it first; a test fails when it is out of date.
.PHONY: bundle
bundle: .build/.app ## Write the jobs of the Databricks bundle from the definition that the DAGs use
	@.venv/bin/python -m pinpipe.deploy.bundle

.PHONY: deploy-aws
deploy-aws: package ## Deploy dist/ with the settings of .env.aws; DRY_RUN=1 only prints each call
	@$(PINPIPE) deploy $(if $(DRY_RUN),--dry-run)

# --- maintain

.PHONY: fmt
fmt: .build/.app ## Format the code
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format --quiet .

.PHONY: lock
lock: $(UV) ## Write the lock files of all environments again
	@PATH="$$PWD/.build/envs/bootstrap/bin:$$PATH" requirements/lock.sh

.PHONY: clean
clean: down ## Remove everything that was installed, built or stored in the checkout
	@rm -rf .venv .build .run dist services/connect/s3-sink/target services/kafka/auth/target
