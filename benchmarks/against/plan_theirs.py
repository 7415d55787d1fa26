"""How does MultIO run a plan in one process?"""

import json
import os

import fdb_theirs
import work
from sample import Sample


def encode(sample: Sample) -> None:
    """Fields encoded with simple packing and stored; flush included."""
    root = sample.scratch / "store"
    sink = {"type": "fdb5", "config": work.config_of(sample.work, root)}
    _run(sample, [_encode(sample), {"type": "sink", "sinks": [sink]}], work.N_ENCODED)
    store = fdb_theirs.store_at(sample, root)
    request = work.encoded_request()
    sample.result = work.decoded(fdb_theirs.read(store, request))


def average(sample: Sample) -> None:
    """Daily means of hourly fields, encoded into a file."""
    file = {"type": "file", "path": str(sample.scratch / "means.grib")}
    mean = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]}
    _run(sample, [mean, _encode(sample, "interval"), {"type": "sink", "sinks": [file]}], work.N_AVERAGED)
    sample.result = work.decoded((sample.scratch / "means.grib").read_bytes())


def _encode(sample: Sample, template: str = "moment") -> dict:
    return {"type": "encode", "format": "grib", "template": str(sample.work / f"{template}.grib")}


def _run(sample: Sample, actions: list[dict], n_fields: int) -> None:
    import multio
    from mpi4py import MPI  # noqa: F401  # MultIO crashes when it has to initialise MPI itself

    fields = [work.model_field(n) for n in range(work.N_FIELDS_MADE)]
    warm = [_encode(sample), {"type": "sink", "sinks": [{"type": "file", "path": str(sample.scratch / "w")}]}]
    os.environ["MULTIO_PLANS"] = json.dumps({"plans": [{"name": "warm", "actions": warm}]})
    with_warm = multio.Multio()
    with_warm.open_connections()
    with_warm.write_field(_metadata(0), fields[0])
    with_warm.close_connections()
    os.environ["MULTIO_PLANS"] = json.dumps({"plans": [{"name": "plan", "actions": actions}]})
    with sample.clock():
        client = multio.Multio()
        client.open_connections()
        for n in range(n_fields):
            client.write_field(_metadata(n), fields[n % len(fields)])
        client.flush()
        client.close_connections()


def _metadata(number: int) -> dict:
    """What MultIO's encoder wants to know of a field."""
    step = number + 1
    return {
        "category": "atm",
        "name": "t",
        "param": "130",
        "paramId": 130,
        "level": 500,
        "levelist": 500,
        "levtype": "pl",
        "typeOfLevel": "isobaricInhPa",
        "class": "rd",
        "expver": "0001",
        "stream": "oper",
        "type": "fc",
        "startDate": 20260101,
        "startTime": 0,
        "date": 20260101,
        "time": 0,
        "step": step,
        "startStep": step,
        "endStep": step,
        "timeStep": 3600,
        "step-frequency": 1,
        "gridType": "regular_ll",
        "domain": "atm",
        "misc-globalSize": work.ROWS * work.COLUMNS,
    }
