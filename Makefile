# One word a task. `make serve` and `make test` set everything up themselves.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# What `make benchmark` and `make load` measure, e.g. POSTS=~/blog QUESTIONS=asked.jsonl SIZES=1000,all,40000.
POSTS ?= kb
QUESTIONS ?= tests/kb_questions.jsonl
SIZES ?= all
BENCHMARK ?=
MEASURED = build/measured

.PHONY: serve test faults load fuzz benchmark lighthouse lint format screenshots clean

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

serve: $(VENV)/ready  ## serve the posts in kb/
	$(BIN)/fixdex serve kb

test: $(VENV)/ready  ## run the tests
	$(BIN)/python -m pytest

screenshots: $(VENV)/ready  ## a picture of every state of the pages, into build/screenshots
	$(BIN)/python tests/screenshots.py

lighthouse: $(VENV)/ready  ## what Lighthouse says of search, post and chat, five times each
	PUPPETEER_SKIP_DOWNLOAD=1 npm install --no-save --no-fund --no-audit --silent lighthouse
	$(BIN)/python tests/lighthouse.py

faults: $(VENV)/ready  ## errors, damage and sudden ends, far more often than `make test`
	FIXDEX_LONG=1 $(BIN)/python -m pytest tests/test_faults.py

load: $(VENV)/ready  ## 200 clients for two minutes while a post changes again and again
	$(BIN)/python tests/load.py $(POSTS) $(QUESTIONS)

fuzz: $(VENV)/ready  ## read pastes that no one would write, for a minute
	$(BIN)/python tests/fuzz.py

$(MEASURED)/ready: pyproject.toml
	$(PYTHON) -m venv $(MEASURED)/alone
	$(PYTHON) -m venv $(MEASURED)/fast
	$(MEASURED)/alone/bin/python -m pip install --quiet --upgrade pip
	$(MEASURED)/fast/bin/python -m pip install --quiet --upgrade pip
	$(MEASURED)/alone/bin/python -m pip install --quiet --editable .
	$(MEASURED)/fast/bin/python -m pip install --quiet --editable '.[fast]' --group benchmarks
	touch $@

benchmark: $(MEASURED)/ready  ## Fixdex and what one would take instead, side by side
	PYTHONPATH=tests $(MEASURED)/fast/bin/python -m benchmarks --alone $(MEASURED)/alone/bin/python \
		--posts $(POSTS) --questions $(QUESTIONS) --sizes $(SIZES) $(BENCHMARK)

lint: $(VENV)/ready  ## ruff, mypy, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

format: $(VENV)/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) dist build
