# Everything here needs Python 3.10 or newer with pip and venv, and make. What more `make e2e` can use, it says.

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint type format bench e2e matrix clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: .venv/demo ## Run the examples against a replayed provider and print what was seen
	@$(BIN)/python -m demo

test: .venv/test .venvs/frameworks/test-frameworks ## Run the tests
	$(BIN)/python -m pytest -n 2 -q $(ARGS)
	.venvs/frameworks/bin/python -m pytest -n 2 -q tests/frameworks

lint: .venv/dev ## Look for mistakes and bad form
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: .venv/dev ## Check the types, strictly
	$(BIN)/pyright

format: .venv/dev ## Bring everything into form
	$(BIN)/ruff check --fix -q . || true
	$(BIN)/ruff format -q .

bench: .venv/test .venvs/frameworks/test-frameworks ## Measure what a call costs, the start-up and the memory
	$(BIN)/python benchmarks/overhead.py $(ARGS)
	$(BIN)/python benchmarks/providers.py $(ARGS)
	$(BIN)/python benchmarks/content.py $(ARGS)
	.venvs/frameworks/bin/python benchmarks/frameworks.py $(ARGS)
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/memory.py

e2e: .venv/test ## Send through real collectors into real backends (MODEL=1: from a real model)
	OTEL_LLM_E2E_MODEL=$(MODEL) $(BIN)/python -m tests.e2e $(ARGS)

matrix: ## Run the tests with the oldest and newest versions of what we listen to
	$(PYTHON) scripts/matrix.py $(ARGS)

clean: ## Remove what was made
	rm -rf .venv .venvs build dist

.venv/bin/python .venvs/frameworks/bin/python: %/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; say which with PYTHON=..."; exit 1; }
	@echo "setting up $*"
	@$(PYTHON) -m venv $*

# One environment; each kind of work adds what it needs, and only when pyproject.toml has changed.
.venv/demo .venv/test .venv/dev: .venv/%: .venv/bin/python pyproject.toml
	@echo "installing what is needed for: $*"
	@$(BIN)/python -m pip install -q -e '.[$*]'
	@touch $@

# Frameworks hold some SDKs at older versions, so they have one of their own.
.venvs/frameworks/test-frameworks: .venvs/frameworks/bin/python pyproject.toml
	@echo "installing what is needed for: frameworks"
	@.venvs/frameworks/bin/python -m pip install -q -e '.[test-frameworks]'
	@touch $@
