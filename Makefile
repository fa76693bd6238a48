# `make help` lists what there is to do. Needs make, git and Python >= 3.11 with venv (or uv).
PYTHON ?= python3
BIN := .venv/bin
TOOLCHAIN := $(PYTHON) -m sandbox.toolchain
GENERATED := crds deploy helm docs/reference docs/design/crash-points.md \
	docs/security/authorization-matrix.md
# Many tests wait, for PD or for a lease: more workers than cores; but each has a sandbox.
WORKERS := $(shell cores=$$(nproc); echo $$((cores < 4 ? 2 * cores : 6)))
PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist loadgroup
REPORT := -p tests.contract.report --contract-report=build/contract.json
CONTRACT := $(PYTEST) $(REPORT)
COVERAGE := --cov=assent.api --cov=assent.core --cov-branch --cov-report=term --cov-fail-under=95

# Dozens of Python processes start in a test run: without cached bytecode each compiles everything.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help venv toolchain demo test contract contract-long long properties crash chaos proof \
	matrix matrix-floor test-unit test-integration verify bench failover plugins bench-plugins \
	sandbox-up sandbox-down generate fmt clean clean-cache

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "  %-18s %s\n", $$1, $$2}'

.venv/.locked: pyproject.toml uv.lock
	@$(TOOLCHAIN) venv

venv: .venv/.locked ## Make .venv from the lock

toolchain: ## Build the sandbox's binaries (kube-apiserver, etcd, PD, simulated stores) into the cache
	@$(TOOLCHAIN) demo

demo: venv ## Run the main job end to end on a real control plane, narrated
	@$(TOOLCHAIN) demo >/dev/null
	@$(BIN)/python -m sandbox.demo

test: venv ## Set everything up and run all tests
	@$(TOOLCHAIN) test >/dev/null
	$(PYTEST) -m "not long and (smoke or not contract)" $(COVERAGE)

contract: venv ## Prove every action and trap on the real PD, the fakes, the long ways of the operator
	@$(TOOLCHAIN) test fluxhealth >/dev/null
	$(CONTRACT) -m "(contract or action or trap) and not long"

contract-long: venv ## Add the traps whose clock PD does not shorten, and the actions on an older PD
	@$(TOOLCHAIN) test pd-6.6 >/dev/null
	$(BIN)/pytest -q $(REPORT) -m "(contract or action or trap) and long" --contract-add --timeout=1500
	@$(BIN)/python -m tests.contract.actions.versions

matrix: venv ## Try every role, operation and form of write on a real API server; random lives
	@$(TOOLCHAIN) etcd kube-apiserver >/dev/null
	@$(BIN)/python -m tests.matrix --steps $(or $(STEPS),5000) --seed $(or $(SEED),1)

matrix-floor: venv ## The same on the oldest Kubernetes
	@$(TOOLCHAIN) etcd kube-apiserver-1.30 >/dev/null
	@$(BIN)/python -m tests.matrix --kubernetes 1.30 --steps $(or $(STEPS),5000) --seed $(or $(SEED),1)

properties: venv ## Draw five times the examples, and prove every action on 2,000 clusters
	ASSENT_MANY_EXAMPLES=1 $(PYTEST) tests/property --timeout=900 --durations=60

long: venv ## Run what is too long for make test and is covered there in short
	@$(TOOLCHAIN) test >/dev/null
	ASSENT_MANY_EXAMPLES=1 $(PYTEST) -m "long and not (contract or action or trap)" --timeout=900

crash: venv ## Kill the real operator at each of its points, by class of action (AGAIN=1: what failed)
	@$(TOOLCHAIN) demo >/dev/null
	@$(BIN)/python -m tests.crash --workers $(or $(CRASH_WORKERS),2) $(if $(AGAIN),--again)

chaos: venv ## Break everything around three operators (SEED=1 MINUTES=15), count effects from outside
	@$(TOOLCHAIN) demo >/dev/null
	$(BIN)/python -m tests.chaos --seed $(or $(SEED),1) --minutes $(or $(MINUTES),15) $(if $(ADD),--add)

proof: ## Check the model of the protocol, and that each rule left out breaks it (needs java, mvn)
	@$(PYTHON) -m sandbox.proof

test-unit: venv ## Run the tests that need no control plane
	$(PYTEST) tests/unit tests/property tests/architecture tests/docs

test-integration: venv ## Run the tests on the real control plane
	@$(TOOLCHAIN) test >/dev/null
	$(PYTEST) tests/integration

verify: venv generate ## Check style, types, layers, generated files
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy operator sandbox tests hack && $(BIN)/lint-imports
	$(BIN)/pytest -q tests/architecture
	@test -z "$$(git status --porcelain -- $(GENERATED))" || { git --no-pager diff --stat -- $(GENERATED); echo "Generated files are not current: commit them."; exit 1; }

bench: venv ## Measure latency, writes and memory on the sandbox
	@$(TOOLCHAIN) bench >/dev/null
	$(BIN)/python -m sandbox.bench

failover: venv ## Measure how long until the next leader acts, after a crash and after a stop
	@$(TOOLCHAIN) demo >/dev/null
	$(BIN)/python -m sandbox.bench.failover

plugins: venv ## Build the kubectl plugins as single files into build/plugins
	@$(BIN)/python -m hack.plugins

bench-plugins: venv ## Measure the plugins beside kubectl on the sandbox
	@$(TOOLCHAIN) demo >/dev/null
	$(BIN)/python -m sandbox.bench.plugins

sandbox-up: venv ## Start a sandbox that stays
	@$(TOOLCHAIN) demo >/dev/null
	@$(BIN)/python -m sandbox up

sandbox-down: ## Stop it
	@$(BIN)/python -m sandbox down

generate: venv ## Write CRDs, policies, chart and reference pages from the models
	@$(BIN)/python -m hack.generate

fmt: venv ## Format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean: ## Remove what was made in this checkout
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage*

clean-cache: ## Remove the cache of built binaries, for all checkouts
	@$(TOOLCHAIN) clean-cache
