# `make demo` shows the product, `make test` runs the suite, `make check` is what CI runs.
PYTHON ?= python3
PORT ?= 8000
POSTGRES ?= postgres://postgres@127.0.0.1:5432
WORKERS ?= 2

# Three at once on two cores: many wait for a browser or a database. Threads within them would only wait for each other.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 3 --dist worksteal

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
STATIC_FILES := $(shell find static -type f 2>/dev/null)

.PHONY: help install env demo serve test test-sqlite test-postgresql check lint types contracts format chromium constraints

help:
	@echo "make install environment, secrets and database; nothing else"
	@echo "make demo    install, one real turn of the loop, then the site at http://127.0.0.1:$(PORT)"
	@echo "make test    the whole suite, on SQLite and, where it answers, on PostgreSQL"
	@echo "make check   what CI runs: lint, types, contracts, tests"
	@echo "make serve   the site alone"
	@echo "make format  format the code and sort its imports"

install: $(VENV)/.runtime .env
	@$(BIN)/python manage.py migrate --verbosity 0
env: .env

$(VENV)/.runtime: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=…")'
	@echo "Installing into $(VENV) (about a minute; the only step that uses the network) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "Installing what the tests need …"
	@$(PIP) --editable '.[dev,argilla]'
	@touch $@

.env:
	@$(PYTHON) deploy/make_env.py

staticfiles/.collected: $(VENV)/.runtime .env $(STATIC_FILES)
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@touch $@

demo: install staticfiles/.collected
	@$(BIN)/python manage.py demo
	@$(MAKE) --no-print-directory serve

serve: install staticfiles/.collected
	@exec $(BIN)/python deploy/serve.py $(PORT) $(WORKERS)

test: test-sqlite test-postgresql

test-sqlite: $(VENV)/.dev chromium
	DATABASE_URL=sqlite:///db.sqlite3 $(PYTEST)

# What never asks a database, asks it only for pages to look at, or trains for minutes around it, is run once.
ONCE := tests/training/ml tests/annotation/formats tests/annotation/stats tests/house tests/bench tests/browser/test_everyone.py \
  tests/browser/test_quality.py tests/browser/test_runs.py tests/training/actions/test_runs.py tests/training/actions/test_sampling.py tests/training/test_commands.py \
  tests/flywheel/management/test_learning_for_real.py tests/flywheel/actions/test_turn_for_real.py tests/flywheel/actions/test_turn_methods_for_real.py \
  tests/annotation/quality/test_published_figures.py

test-postgresql: $(VENV)/.dev chromium
	@if $(BIN)/python -c "import psycopg; psycopg.connect('$(POSTGRES)/postgres', connect_timeout=3)" 2>/dev/null; then \
		echo "The suite again, on PostgreSQL:"; \
		DATABASE_URL=$(POSTGRES)/flywheel_ci $(PYTEST) $(addprefix --ignore ,$(ONCE)); \
	else echo "PostgreSQL does not answer at $(POSTGRES): the suite ran on SQLite only."; fi

check: lint types contracts test

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --target-version 5.2 --check $$(git ls-files --cached --others --exclude-standard 'templates/*.html')

types: $(VENV)/.dev
	$(BIN)/mypy .

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade --target-version 5.2 $$(git ls-files --cached --others --exclude-standard 'templates/*.html') || true

chromium:
	@sh deploy/install_chromium.sh

# After a change of pyproject.toml: the versions in use now become the exact ones. The pin of torch keeps a CPU machine small.
constraints: $(VENV)/.dev
	@{ sed -n 1p constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sed 's/^\(torch==[0-9.]*\)+cpu/\1/' | sort -f; } > constraints.new
	@mv constraints.new constraints.txt
