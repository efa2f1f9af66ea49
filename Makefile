# make demo   set everything up and run the product on the demonstration company, at http://localhost:8000
# make test   set everything up and run all checks and all tests
# make check  formatting, lint, types, import contracts, spelling, rule coverage, the bare wheel
# make fuzz   fuzz every parser for a bounded time (FUZZ_SECONDS each, 20 unless set)
# make bench  print each benchmark's figure beside the limit that it is measured against
PYTHON ?= python3
BIN := .venv/bin
VOUCHSAFE_DATA ?= $(CURDIR)/var/demo
export VOUCHSAFE_DATA

FUZZ_SECONDS ?= 20

.PHONY: demo test check setup assets browser bare bench fuzz lock clean

demo: setup assets
	@$(BIN)/vouchsafe up --demo examples/fellside

test: check browser
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --passed-before .venv-bare/passed-tests.txt tests

check: setup assets bare
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/codespell
	@$(BIN)/python tools/house.py
	@$(BIN)/python tools/migrations.py --check
	@$(BIN)/vouchsafe rules --check

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Vouchsafe needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "$(PYTHON) can't make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing $$(grep -c == requirements.lock) packages from requirements.lock (about a minute) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch .venv/ready

assets: setup
	@$(BIN)/python tools/frontend.py build

browser: setup
	@$(BIN)/python tools/browser.py

# The libraries must work from the bare wheel, without Django or PostgreSQL: a contract says that the arrow is absent,
# this job proves it.
bare: setup
	@$(BIN)/python tools/bare.py

bench: setup assets
	@for b in bench/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

fuzz: setup
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-fuzz.lock
	@$(BIN)/python -m fuzz.run --seconds $(FUZZ_SECONDS)

lock: setup
	@$(BIN)/python tools/lock.py

clean:
	rm -rf .venv .venv-bare var node_modules build dist
