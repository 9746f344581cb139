SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install run test check fmt lock bench screenshots reference

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
JOBS ?= 2
TEMPLATES := $(shell find templates -name '*.html')

help: ## Show these lines
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(VENV)/installed ## Install what the site needs
	@deploy/system-packages bubblewrap

run: export AGENTSITE_ENV ?= development
run: install ## Start the site; HOST, PORT and AGENTSITE_DATA_DIR are respected
	@[ "$$AGENTSITE_ENV" != production ] || $(BIN)/python manage.py migrate --verbosity 0
	@exec $(BIN)/python manage.py serve --host $(HOST) --port $(PORT)

test: $(VENV)/installed-dev ## Run every test with coverage
	@deploy/system-packages bubblewrap chromium redis-server postgresql
	@mkdir -p artifacts
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(JOBS) --ignore tests/e2e tests 2>&1 | tee artifacts/tests.log
	$(BIN)/coverage run -m pytest tests/e2e 2>&1 | tee artifacts/e2e.log
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --include 'sessions_app/*,tools_app/*gate*' --fail-under 90 | tail -1
	@tail -qn 1 artifacts/tests.log artifacts/e2e.log

check: export AGENTSITE_ENV := development
check: export AGENTSITE_DATA_DIR := $(CURDIR)/var/check
check: $(VENV)/installed-dev ## Look at the code without running it
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/djlint --quiet --check templates
	$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	AGENTSITE_ENV=production $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python .ci/audit.py

fmt: $(VENV)/installed-dev ## Format Python and templates
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	-$(BIN)/djlint --quiet --reformat templates
	-$(BIN)/djade --target-version 5.2 $(TEMPLATES)

reference: $(VENV)/installed ## Write .env.example and the table of docs/configuration.md
	$(BIN)/python -m agentsite.env_reference

lock: $(VENV)/installed-dev ## Pin what pyproject.toml names
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --python-version 3.11 -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --python-version 3.11 --extra dev \
		-c requirements.txt -o requirements-dev.txt pyproject.toml

bench: $(VENV)/installed-dev ## Measure the site beside a bare pass-through; writes docs/performance.md
	$(BIN)/python -m bench

screenshots: $(VENV)/installed-dev ## Take the pictures of docs/images
	$(BIN)/python -m tests.e2e.screenshots

$(VENV)/installed: requirements.txt | $(BIN)/python
	@echo "Installing the Python packages (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@echo "Installing the packages for work on the code (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "agentsite needs Python 3.11 or newer: make PYTHON=python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || deploy/system-packages python3-venv
	@$(PYTHON) -m venv $(VENV)
