# One word a task. `make serve` and `make test` set everything up themselves.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: serve test fuzz lint format clean

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

serve: $(VENV)/ready  ## serve the posts in kb/
	$(BIN)/fixdex serve kb

test: $(VENV)/ready  ## run the tests
	$(BIN)/python -m pytest

fuzz: $(VENV)/ready  ## read pastes that no one would write, for a minute
	$(BIN)/python tests/fuzz.py

lint: $(VENV)/ready  ## ruff, mypy, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

format: $(VENV)/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) dist build kb/.fixdex
