# `make` explains itself. Every target first prepares what it needs: a virtual environment in .venv, with all packages as pinned, by their
# hashes, in constraints.txt. Nothing outside this folder is changed.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# What to test: make test T=tests/unit. More options: make test PYTEST="-x -k naming"
T :=
PYTEST :=

# The image: make image TARGET=full. How to run it: make run ARGS="cmd --list" RUN_OPTIONS="--link mongodb-storage:storage"
IMAGE := iadb/edx-import
TARGET := slim
BUILD_OPTIONS :=
RUN_OPTIONS :=
ARGS := --help

.DEFAULT_GOAL := help
.PHONY: help demo setup test prove check image run image-test sbom bench docs pins clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: $(VENV)/.programs ## an encrypted sample package, a sync, two reports; leaves nothing behind
	@$(BIN)/edx-import demo

setup: $(VENV)/.dev $(VENV)/.programs ## prepare .venv for work on edx-import, and say what else is missing
	@echo "Ready: $(BIN)/edx-import"

# Each worker has a MongoDB of its own, and takes whole files, whose tests share what is costly to make. One more than there are cores: they wait for
# programs that they start.
WORKERS := $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$(( cores < 3 ? cores + 1 : 4 )))
test: $(VENV)/.dev $(VENV)/.programs ## the tests, with a real MongoDB and GnuPG, but for those of `make prove`
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not proof and not image" $(PYTEST) $(T)

prove: $(VENV)/.dev $(VENV)/.programs ## what docs/reliability.md promises: syncs that are killed, starved and attacked
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m proof $(PYTEST) $(T)

check: $(VENV)/.dev ## style, types, who may import whom; shell scripts and the Dockerfile
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/shellcheck run.sh tests/image/*/*.sh $$(grep -lE '^#!.*sh$$' .ci/*)
	@$(BIN)/hadolint Dockerfile tests/image/*/Dockerfile

image: ## the container image: TARGET=slim (to hand on), or full (with a MongoDB server)
	@docker build $(BUILD_OPTIONS) --target $(TARGET) --build-arg VERSION="$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' edx_import/__init__.py)" \
	  --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" --tag $(IMAGE):$(TARGET) $(if $(filter slim,$(TARGET)),--tag $(IMAGE):latest) .

# What edx-import reads from the environment goes along, but for paths, which mean nothing in a container; the key's is mounted instead.
SETTINGS := $(foreach name,$(filter-out %_FILE %_HOME %_PATH %_SCRATCH %_MONGOD %_BUNDLE %_SOURCE %_KEEP,$(filter AWS_% EDX_% KEY KEY_% STORAGE_%,$(.VARIABLES))),--env $(name))

run: ## edx-import in a container: make run ARGS="sync --dry-run", with RUN_OPTIONS for docker; its data stay in the volume edx-import
	@docker run --rm --volume edx-import:/data $(SETTINGS) $(if $(KEY_FILE),--volume "$(abspath $(KEY_FILE)):/run/secrets/edx_key.asc:ro") \
	  $(RUN_OPTIONS) $(IMAGE):$(TARGET) $(ARGS)

image-test: $(VENV)/.dev ## build the image and test it, where there is a Docker engine (or root can have one)
	@.ci/image-tests $(PYTEST)

sbom: $(VENV)/.made ## what the image consists of, package by package: dist/sbom-$(TARGET).spdx.json
	@PYTHON=$(BIN)/python .ci/sbom $(IMAGE):$(TARGET) dist/sbom-$(TARGET).spdx.json

# What, and how much: make bench BENCH="sync limit" EVENTS=1000000. All variables: benchmarks/README.md
bench: $(VENV)/.dev $(VENV)/.programs ## how fast a sync is, against what the database can take
	@$(BIN)/python -m benchmarks $(if $(JSON),--json $(JSON)) $(if $(RECORD),--record)

docs: $(VENV)/.dev ## make the pages anew that are made from the program (docs/cli.md, commands.md, data-dictionary.md, tables in the README)
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
