# setup: everything into .venv   demo: a film with sound   test, check: what CI runs   bench: printed figures
PYTHON ?= python3
PIP_FLAGS ?=
PYTEST_FLAGS ?= -n 2 --dist worksteal
BIN := .venv/bin
STAMP := .venv/.stamp
PACKAGES := packages/aiprod-core packages/aiprod-pipelines packages/aiprod-trainer packages/aiprod-server
DEMO_PROMPT ?= A red cat walks on a beach by day, then it jumps. At night a blue robot dances in the city.

.PHONY: setup demo test check bench

setup: $(STAMP)

# torch first, with what its build needs besides the lock (a CUDA build has packages of its own): what follows takes the
# build that is here and pulls no other. The lock is complete, so nothing more is resolved; byte code is left to the first
# import of what is used, which halves the time of this step.
$(STAMP): requirements.lock constraints.txt $(PACKAGES:%=%/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --no-compile $(PIP_FLAGS) "$$(grep '^torch==' requirements.lock)" -c requirements.lock -c constraints.txt
	$(BIN)/python -m pip install --no-compile --no-deps $(PIP_FLAGS) -r requirements.lock -c constraints.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	$(BIN)/python -m pip check
	touch $@

demo: setup
	$(BIN)/aiprod film "$(DEMO_PROMPT)" -o demo.mp4

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_FLAGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	missed=; for file in benchmarks/*.py; do $(BIN)/python $$file || missed="$$missed $$file"; done; \
	test -z "$$missed" || { echo "missed a bar, or could not run:$$missed" >&2; exit 1; }
