# `make` explains itself. Every target first prepares what it needs: a virtual environment in .venv, with all packages as pinned, by their
# hashes, in constraints.txt. Nothing outside this folder is changed.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# What to test: make test T=tests/unit. More options: make test PYTEST="-x -k naming"
T :=
PYTEST :=

.DEFAULT_GOAL := help
.PHONY: help demo setup test prove check bench docs pins clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

demo: $(VENV)/.programs ## an encrypted sample package, a sync, two reports; leaves nothing behind
	@$(BIN)/edx-import demo

setup: $(VENV)/.dev $(VENV)/.programs ## prepare .venv for work on edx-import, and say what else is missing
	@echo "Ready: $(BIN)/edx-import"

# Each worker has a MongoDB of its own, and takes whole files, whose tests share what is costly to make.
test: $(VENV)/.dev $(VENV)/.programs ## the tests, with a real MongoDB and GnuPG, but for those of `make prove`
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not proof" $(PYTEST) $(T)

prove: $(VENV)/.dev $(VENV)/.programs ## what docs/reliability.md promises: syncs that are killed, starved and attacked
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m proof $(PYTEST) $(T)

check: $(VENV)/.dev ## style, types, who may import whom; shell scripts and the Dockerfile
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/shellcheck run.sh $$(grep -lE '^#!.*sh$$' .ci/*)
	@$(BIN)/hadolint Dockerfile

# What, and how much: make bench BENCH="sync limit" EVENTS=1000000. All variables: benchmarks/README.md
bench: $(VENV)/.dev $(VENV)/.programs ## how fast a sync is, against what the database can take
	@$(BIN)/python -m benchmarks $(if $(JSON),--json $(JSON)) $(if $(RECORD),--record)

docs: $(VENV)/.dev ## make the pages anew that are made from the program (docs/cli.md, tables in the README)
	@$(BIN)/python -m edx_import.cli.reference
	@$(BIN)/python -m edx_import.data_dictionary > docs/data-dictionary.md

pins: $(VENV)/.made ## newer versions of all packages into constraints.txt (KEEP=1: only what is newly needed)
	@PYTHON=$(BIN)/python .ci/pins

clean: ## remove .venv and all else that was generated
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The steps of the preparation. Each leaves an empty file, so that it is done again only when what it depends on has changed.

$(VENV)/.made:
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  python=$$(.ci/find-python) && echo "Making a virtual environment in $(VENV) ($$python)" && "$$python" -m venv --clear $(VENV); }
	@touch $@

# pip verifies hashes for whole requirements files only, so the part of constraints.txt that is needed becomes one. What is published as
# source only (section geoip) is built by what was installed before it.
$(VENV)/.installed: $(VENV)/.made constraints.txt pyproject.toml
	@echo "Installing edx-import and what it runs on"
	@sed '/^# ==== geoip/,$$d' constraints.txt > $(VENV)/requirements.txt
	@$(PIP) install --require-hashes -r $(VENV)/requirements.txt
	@sed '/^# ==== dev/,$$d' constraints.txt > $(VENV)/requirements.txt
	@$(PIP) install --no-build-isolation --require-hashes -r $(VENV)/requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@echo "Installing what tests and checks need (about a minute)"
	@$(PIP) install --no-build-isolation --require-hashes -r constraints.txt
	@touch $@

$(VENV)/.programs: $(VENV)/.installed
	@.ci/check-programs
	@touch $@
