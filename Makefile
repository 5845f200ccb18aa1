# All commands of the project; `make help` lists them.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast interop fault check format lint types layers coverage bench clean

help:  ## list these commands
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  ##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

setup: $(VENV)/.ready-dev  ## make .venv with everything in it

PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.ready-dev: $(STAMP)
	@$(PIP) install --constraint constraints.txt --group dev
	@touch $@

demo: $(STAMP)  ## two mail servers, a DNS and two people: watch a mail travel (ARGS=--once ends after the play)
	@$(BIN)/pillarbox demo $(ARGS)

test: $(VENV)/.ready-dev  ## every test
	@$(BIN)/pytest -q -n 2 --dist loadfile $(ARGS)

test-fast: $(VENV)/.ready-dev  ## all but the tests with kills, cuts and other people's programs
	@$(BIN)/pytest -q -m 'not interop and not fault' $(ARGS)

interop: $(VENV)/.ready-dev  ## clients and servers that others wrote
	@$(BIN)/pytest -q -m interop $(ARGS)

fault: $(VENV)/.ready-dev  ## kills, cuts and full disks
	@$(BIN)/pytest -q -m fault $(ARGS)

check: $(VENV)/.ready-dev format lint types layers test coverage  ## format, lint, types, layers, tests

format: $(VENV)/.ready-dev  ## is everything formatted?
	@$(BIN)/ruff format --check src tests bench

lint: $(VENV)/.ready-dev  ## ruff
	@$(BIN)/ruff check src tests bench

types: $(VENV)/.ready-dev  ## mypy --strict
	@$(BIN)/mypy

layers: $(VENV)/.ready-dev  ## who may import whom
	@$(BIN)/lint-imports

coverage: $(VENV)/.ready-dev  ## branch coverage of model and grammar (98 % at least)
	@$(BIN)/coverage run -m pytest -q -p no:cacheprovider tests/model tests/grammar
	@$(BIN)/coverage report --include='src/pillarbox/model/*,src/pillarbox/grammar/*' --fail-under=98 --skip-covered

bench: $(VENV)/.ready-dev  ## ours beside its peers (needs root, postfix, dovecot); JSON on stdout
	@$(BIN)/python -m bench $(ARGS)

clean:  ## remove what was made
	rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
