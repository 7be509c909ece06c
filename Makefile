# Two commands for everyone: `make demo` and `make test`. ARGS="..." is passed on; PIP_OPTIONS="..." goes to pip
# (for example an index of CPU-only builds of torch). Everything is installed into .venv.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PIP_OPTIONS ?=
# Tests wait for brokers more than they compute. One process a file; each has servers of its own.
SIDE_BY_SIDE ?= --numprocesses 3 --dist loadfile

.PHONY: demo test check bench learn-bench drift-bench soak faults fuzz clean install

demo: $(VENV)/.demo
	$(BIN)/profilestream demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/pytest --cov $(SIDE_BY_SIDE) $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright

bench: $(VENV)/.dev
	$(BIN)/profilestream bench $(ARGS)

learn-bench: $(VENV)/.dev
	$(BIN)/profilestream learn bench $(ARGS)

drift-bench: $(VENV)/.bench
	$(BIN)/profilestream drift bench $(ARGS)

soak: $(VENV)/.dev
	$(BIN)/profilestream soak $(ARGS)

faults: $(VENV)/.dev
	$(BIN)/profilestream faults $(ARGS)

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz $(ARGS)

install: $(VENV)/.dev

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage bench-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp for each set of packages: a second run starts at once, a changed pyproject.toml installs again.
$(VENV)/.%: pyproject.toml | $(VENV)
	$(BIN)/pip install --disable-pip-version-check $(PIP_OPTIONS) --quiet --editable '.[$*]'
	touch $@

$(VENV):
	$(PYTHON) -m venv $(VENV)
