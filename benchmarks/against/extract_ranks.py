"""How long do several ranks take for one large query? Started under mpiexec by `extract_ours.ranks`."""

import json
import sys
import time
from pathlib import Path

import extract_shapes as shapes
import extract_work as facts

from dte_hpc.extract import extract
from dte_hpc.fdb import FDB
from dte_hpc.parallel.mpi import job

SMALL, LARGE = shapes.ring(20, 1.0), shapes.ring(150, 16.0)


def main(work: Path, store: Path) -> None:
    """Print, on rank 0, seconds and what the values sum up to."""
    comm, found = job(), FDB(store, schema=work / "schema")
    asked = {**facts.common("ccsds"), "levelist": "500"}
    asked["step"] = f"0/to/{facts.facts(work)['n_steps'] - 1}"
    extract(found, asked | {"feature": {"type": "polygon", "shape": SMALL}}, comm=comm)
    started = time.perf_counter()
    answer = extract(found, asked | {"feature": {"type": "polygon", "shape": LARGE}}, comm=comm)
    if comm.rank == 0:
        values = answer.values
        told = {"seconds": time.perf_counter() - started, "sum": float(values.sum()), "values": values.size}
        print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
