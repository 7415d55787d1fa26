"""How does dte_hpc run a plan in one process?"""

import numpy as np
import work
from sample import Sample

from dte_hpc.ioserver import LocalClient
from dte_hpc.postproc import Pipeline, load_plans

ENCODE = {"type": "encode", "format": "grib", "packing": "simple", "bits-per-value": 16}


def encode(sample: Sample) -> None:
    """Fields encoded with simple packing and stored; flush included."""
    from dte_hpc.fdb import FDB

    config = {
        "type": "local",
        "schema": str(sample.work / "schema"),
        "spaces": [{"roots": [{"path": str(sample.scratch / "store")}]}],
    }
    sink = {"type": "sink", "sinks": [{"type": "fdb5", "config": config}]}
    _run(sample, [{"type": "aggregate"}, ENCODE, sink], work.N_ENCODED)
    sample.result = work.decoded(FDB(config).retrieve(work.encoded_request()).read())


def average(sample: Sample) -> None:
    """Daily means of hourly fields, encoded into a file."""
    mean = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]}
    sink = {"type": "sink", "sinks": [{"type": "file", "path": str(sample.scratch / "means.grib")}]}
    _run(sample, [{"type": "aggregate"}, mean, ENCODE, sink], work.N_AVERAGED)
    sample.result = work.decoded((sample.scratch / "means.grib").read_bytes())


def _run(sample: Sample, actions: list[dict], n_fields: int) -> None:
    fields = [work.model_field(n) for n in range(work.N_FIELDS_MADE)]
    indices = np.arange(work.ROWS * work.COLUMNS)
    warm = {"type": "sink", "sinks": [{"type": "file", "path": str(sample.scratch / "warm")}]}
    mean = {"type": "statistics", "output-frequency": "2h", "operations": ["average"]}
    _write([{"type": "aggregate"}, mean, ENCODE, warm], indices, fields, 4)
    with sample.clock():
        _write(actions, indices, fields, n_fields)


def _write(actions: list[dict], indices: np.ndarray, fields: list[np.ndarray], n_fields: int) -> None:
    with LocalClient(Pipeline(load_plans([{"name": "plan", "actions": actions}]))) as client:
        client.write_domain("atm", indices, global_size=indices.size, grid="0.25/0.25")
        for n in range(n_fields):
            client.write_field(_metadata(n), fields[n % len(fields)])
        client.flush()


def _metadata(number: int) -> dict:
    return {**work.key(number + 1, 500), "step": number + 1, "domain": "atm"}
