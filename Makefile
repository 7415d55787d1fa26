# Two commands: `make demo` and `make test`. Each makes its own .venv first, from constraints.txt.
PYTHON ?= python3.11
MPI    ?= mpich
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready-$(MPI)
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Open MPI starts no more ranks than there are cores, and none for root, unless it is told to.
export PRTE_MCA_rmaps_default_mapping_policy ?= :oversubscribe
ifeq ($(shell id -u),0)
export OMPI_ALLOW_RUN_AS_ROOT := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1
endif

# A test that hangs ends its job by itself after two minutes; this ends what hangs outside a test.
MPI_TESTS := -q --with-mpi -m "mpi and not slow" --timeout 120
LONGEST_SECONDS := 900

.PHONY: demo test lint bench bench-fdb bench-extract bench-postproc bench-peers clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   run the whole engine once and check every value (pictures in demo-output/)"
	@echo "make test   lint, types, imports, unit tests, MPI tests on 1, 2 and 5 ranks"
	@echo "make bench  MB/s of our path beside a memory copy and a raw write"
	@echo "make bench-fdb  what is asked of the store, beside ECMWF's FDB, in memory and on a disk, and how cost grows"
	@echo "make bench-extract  what is asked of extraction, beside GribJump and Polytope, in time and in bytes"
	@echo "make bench-postproc  what is asked of post-processing, beside MultIO, MIR, SciPy and ecCodes, and how cost grows"
	@echo "make bench-peers  the same work with ECMWF's FDB, GribJump, Polytope and MultIO (benchmarks/README.md)"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(MPI),test]'
	$(BIN)/dte warm
	touch $@

demo: $(READY)
	$(BIN)/dte demo --output demo-output

test: lint
	$(BIN)/python -m pytest -q -m "not slow"
	for n in 1 2 5; do \
	  timeout -k 10 $(LONGEST_SECONDS) mpiexec -n $$n $(BIN)/python -m mpi4py -m pytest $(MPI_TESTS) || exit 1; \
	done

lint: $(READY)
	$(BIN)/ruff check dte_hpc tests benchmarks jobs
	$(BIN)/ruff format --check dte_hpc tests benchmarks jobs
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python benchmarks/path.py

.venv-peers/.ready: benchmarks/peers-constraints.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --constraint $< \
	  pyfdb pygribjump gribjumplib polytope-python pymultio multiolib mirlib earthkit-geo eccodes mpi4py mpich
	touch $@

bench-peers: $(READY) .venv-peers/.ready
	$(BIN)/python benchmarks/peers.py

bench-fdb: $(READY) .venv-peers/.ready
	$(BIN)/python benchmarks/fdb.py

bench-extract: $(READY) .venv-peers/.ready
	$(BIN)/python benchmarks/extract.py

bench-postproc: $(READY) .venv-peers/.ready
	$(BIN)/python benchmarks/postproc.py

clean:
	rm -rf $(VENV) .venv-peers demo-output
