# Every target does its own set-up: a fresh machine needs make and Python 3.11 or later.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS ?= test,notebooks,parquet,nets
PYTEST_FLAGS ?= -q -n 2

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench notebooks clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z.]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## fit a model to SUPPORT2 and write its report to glassbox-demo/
	$(BIN)/glassbox demo --out glassbox-demo --force

test: lint ## lint, then run all tests and doctests
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: $(STAMP) ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## format the code, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: EXTRAS := test,notebooks,parquet,nets,peers
bench: $(STAMP) ## run the benchmarks (see benchmarks/README.md)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	set -e; for script in benchmarks/[a-z]*.py; do \
	  $(BIN)/python -m "benchmarks.$$(basename "$$script" .py)"; done

notebooks: $(STAMP) ## execute the notebooks in place
	set -e; for notebook in notebooks/*.ipynb; do \
	  $(BIN)/jupyter execute --inplace --timeout=1200 "$$notebook"; done

clean: ## remove what the other targets made, the environment included
	rm -rf $(VENV) build dist *.egg-info glassbox-demo .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): setup.cfg setup.py constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "glassbox needs Python 3.11 or later, but $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>/dev/null || echo missing). Try: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $(STAMP)
