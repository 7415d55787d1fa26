# Two commands: `make demo` and `make test`. Each makes its own .venv first, from constraints.txt.
PYTHON ?= python3.11
MPI    ?= mpich
VENV   := .venv
BIN    := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test lint bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   run the whole engine once and check every value (pictures in demo-output/)"
	@echo "make test   lint, types, imports, unit tests, MPI tests on 1, 2 and 5 ranks"
	@echo "make bench  MB/s of our path beside a memory copy and a raw write"

$(BIN)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(MPI),test]'
	$(BIN)/dte warm
	touch $@

demo: $(BIN)/.ready
	$(BIN)/dte demo --output demo-output

test: lint
	$(BIN)/python -m pytest -q -m "not slow"
	for n in 1 2 5; do \
	  mpiexec -n $$n $(BIN)/python -m mpi4py -m pytest -q --with-mpi -m "mpi and not slow" --timeout 120 || exit 1; \
	done

lint: $(BIN)/.ready
	$(BIN)/ruff check dte_hpc tests benchmarks
	$(BIN)/ruff format --check dte_hpc tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BIN)/.ready
	$(BIN)/python benchmarks/path.py

clean:
	rm -rf $(VENV) demo-output
