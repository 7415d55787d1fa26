"""Run by a Python that has ECMWF's multio: what comes of fields that go through statistics-mtg2?"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from mpi4py import MPI  # noqa: F401  (multio segfaults when it initialises MPI itself)


def main():
    """Take {name: {"action", "fields": [[metadata, values], ...]}}; write what MultIO prints, and values."""
    for name, case in json.load(sys.stdin).items():
        os.write(1, f"CASE {name}\n".encode())
        values = run(case["action"], case["fields"], Path(tempfile.mkdtemp()) / "out.raw")
        os.write(1, f"VALUES {json.dumps(values)}\n".encode())


def run(action, fields, path):
    """Return all values that come out; MultIO prints the metadata."""
    actions = [
        action,
        {"type": "print", "stream": "cout", "prefix": "P"},
        {"type": "sink", "sinks": [{"type": "file", "path": str(path)}]},
    ]
    os.environ["MULTIO_PLANS"] = json.dumps({"plans": [{"name": "p", "actions": actions}]})
    import multio

    client = multio.Multio()
    client.open_connections()
    moment = {"date": fields[0][0]["date"], "time": fields[0][0]["time"], "toAllServers": 1}
    client.flush({"flushKind": "first-step", "step": 0, **moment})
    for metadata, values in fields:
        client.write_field(metadata, np.array(values))
    client.flush({"flushKind": "last-step", "step": fields[-1][0]["step"], **moment})
    client.close_connections()
    return np.fromfile(path).tolist()


main()
