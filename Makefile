# The only list of commands; CI calls these and nothing else. `make help` prints it.
# Needs Python 3.11 or newer, git and make. Everything else goes into .venv, Node included; nothing is installed twice.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Compiled once and kept: else every server and every process of tests that is started compiles all sources again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(shell command -v $(name) 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
# Compiled at once: the first start is as fast as every other one.
PIP := UV_COMPILE_BYTECODE=1 $(BIN)/uv pip install --quiet --python $(BIN)/python
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" $(CURDIR)/$(BIN)/npm --prefix ui

STATIC := src/tapewatch/surfaces/web/static
UI_SOURCES := $(shell find ui -type f -not -path '*/node_modules/*' -not -path 'ui/test/*' 2>/dev/null)
UI_PACKAGES := ui/node_modules/.installed

# Arguments after the command of `make up` and `make test`: make test ARGS="tests/store -x"
ARGS ?=
# Test processes; most tests wait for sockets and processes more than they compute, so there are two for each core.
WORKERS ?= $(shell echo $$((2 * $$(nproc))))

.PHONY: help demo up check test test-deep wheel-test services looks rivals ui api docs pictures bench build lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMPS)/run $(STATIC)/index.html ## install, build the page, start tapewatch with the paper desk, print one link
	@$(BIN)/tapewatch demo $(ARGS)

up: $(STAMPS)/run $(STATIC)/index.html ## start tapewatch on your own data
	@$(BIN)/tapewatch up $(ARGS)

check: ## format, lint, types, layers, spelling, lock files, generated files, page types
	@$(MAKE) --jobs 2 $(STAMPS)/dev $(UI_PACKAGES)
	@$(MAKE) --jobs 2 --output-sync=target check-types check-style check-written check-page

.PHONY: check-types check-style check-written check-page
check-types:
	$(BIN)/pyright
check-style:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell
check-written:
	$(BIN)/python scripts/lock.py --check
	$(BIN)/python scripts/reference.py --check
	$(BIN)/python scripts/api.py --check
check-page:
	$(NPM) run check

test: services $(STAMPS)/dev $(STATIC)/index.html $(UI_PACKAGES) ## all tests, in random order
	@$(PYTHON) scripts/rivals.py || echo "The comparison leaves them out."
	$(NPM) test
	$(NPM) run --silent size
	$(BIN)/python scripts/tests.py --workers $(WORKERS) $(ARGS)

test-deep: $(STAMPS)/dev ## random questions to the stores, 25 times as many as in every run
	$(BIN)/pytest -n $(WORKERS) --hypothesis-profile=deep tests/store -k random_questions $(ARGS)

wheel-test: $(STAMPS)/dev $(STATIC)/index.html ## build the wheels, install them into an empty environment, open the first page from it
	TAPEWATCH_TEST_WHEEL=1 $(BIN)/pytest tests/wheel -p no:randomly

services: ## install and start what tests need from Debian (as root or with sudo; else it names the packages)
	@$(PYTHON) scripts/services.py

ui: $(STATIC)/index.html ## build the page into the package

api: $(STAMPS)/dev ## regenerate openapi.json and the page's types from the routes
	$(BIN)/python scripts/api.py

docs: $(STAMPS)/dev ## regenerate docs/reference from the code
	$(BIN)/python scripts/reference.py

pictures: services $(STAMPS)/dev $(STATIC)/index.html ## take the pictures of the documents from the running demo
	$(BIN)/python -m scripts.pictures

looks: services $(STAMPS)/dev $(STATIC)/index.html ## renew the pictures that tests compare the page with; look at each before you commit it
	$(BIN)/python -m scripts.looks

rivals: ## fetch the servers that bench side_by_side compares with into .venv/rivals; they are not installed, what cannot be had is named
	@$(PYTHON) scripts/rivals.py

bench: $(STAMPS)/dev $(STATIC)/index.html ## measure every number we publish; results go into bench/results.md
	@$(PYTHON) scripts/rivals.py || echo "The comparison leaves them out."
	$(BIN)/python -m bench $(ARGS)

build: $(STAMPS)/tools $(STATIC)/index.html ## sdist and wheel of both distributions into dist/
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist .
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist client

lock: $(STAMPS)/tools ## resolve pyproject.toml into requirements/*.lock again; ARGS=--upgrade takes the newest versions
	$(BIN)/python scripts/lock.py $(ARGS)

clean: ## remove what was built and cached; .venv stays
	rm -rf dist $(STATIC) ui/node_modules .pytest_cache .ruff_cache .hypothesis .import_linter_cache htmlcov .coverage
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

# --- what the commands stand on --------------------------------------------------------------------------------------

# uv, the build backend and Node, from the lock file; `node` and `npm` are linked into .venv/bin.
$(STAMPS)/tools: requirements/build.lock scripts/link_node.py
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "tapewatch needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11"; exit 2; fi
	@echo "Preparing $(VENV): uv, build backend, Node"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing; on Debian install python3-venv."; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.lock
	@$(BIN)/python scripts/link_node.py
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/run: $(STAMPS)/tools requirements/base.lock pyproject.toml client/pyproject.toml hatch_build.py
	@echo "Installing tapewatch into $(VENV)"
	@$(PIP) --require-hashes -r requirements/base.lock
	@$(PIP) --no-deps --no-build-isolation -e client -e .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/run requirements/dev.lock
	@echo "Installing development tools into $(VENV)"
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

$(UI_PACKAGES): ui/package.json ui/package-lock.json $(STAMPS)/tools
	@echo "Installing the packages of the page"
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STATIC)/index.html: $(UI_PACKAGES) $(UI_SOURCES)
	@echo "Building the page"
	@$(NPM) run --silent build
	@touch $@
