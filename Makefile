# Everything on a fresh machine: Python 3.11 or later, and Go for the embedded Temporal server where no other is found.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
COMPILED := $(VENV)/.compiled
# Tests wait more than they compute: two processes a core.
JOBS ?= $(shell expr 2 \* `getconf _NPROCESSORS_ONLN`)

.PHONY: demo up test soak quick check format histories benchmark browser clean

demo: $(INSTALLED)
	@$(BIN)/longpole run examples/churn/workflow.yaml

up: $(INSTALLED)
	@$(BIN)/longpole up

test: $(INSTALLED) $(COMPILED) bytecode temporal
	@$(BIN)/pytest -n $(JOBS) --dist worksteal -q

# The same at sizes that take minutes each.
soak: $(INSTALLED) $(COMPILED) bytecode temporal
	@$(BIN)/pytest -q -m soak

# Without the tests marked `long`.
quick: $(INSTALLED) $(COMPILED) bytecode temporal
	@$(BIN)/pytest -n $(JOBS) --dist worksteal -q -m "not long and not soak"

check: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(INSTALLED)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Record the histories of tests/histories anew: only when the interpreter is meant to behave differently.
histories: $(INSTALLED) temporal
	@$(BIN)/python -m tests.histories.record

benchmark: $(INSTALLED) $(COMPILED) temporal
	@$(BIN)/python -m benchmarks.engine

# Once, instead of by each process that tests start, also where the environment lets none of them keep what it compiled.
.PHONY: bytecode
bytecode: $(INSTALLED)
	@$(BIN)/python -m compileall -q definitions workflows activities planner store engine api longpole temporal-dev/temporal_dev

# Find or build the server before tests that run side by side ask for it; says what it does.
.PHONY: temporal
temporal: $(INSTALLED)
	@$(BIN)/python -m temporal_dev --locate

# The browser that tests/browser drives; those tests are skipped without it.
browser:
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium) >/dev/null

$(INSTALLED): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,example]'
	@touch $@

# The planner's machine code, which searches make for themselves (once on a machine) where it is not there yet.
$(COMPILED): $(INSTALLED) $(wildcard planner/*.py planner/*/*.py)
	@echo "Compiling the planner's inner loops (once, about a minute)"
	@$(BIN)/python -m planner.compile_ahead
	@touch $@

clean:
	rm -rf $(VENV) .longpole
