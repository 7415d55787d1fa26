"""Run by ECMWF's Python: what does MultIO make of fields? One plan, and one file, for each case.

argv: a folder with cases.json, a list of {name, encode, fields: [[metadata, values file], ...]}. Writes
NAME.grib, or NAME.error with the reason why there is none.
"""

import json
import os
import sys
from pathlib import Path

import multio
import numpy as np
from mpi4py import MPI  # noqa: F401 - MultIO crashes when it has to initialise MPI itself
from multio.metadata import Metadata


def set_item(self, key, value):
    """pymultio sends a switch as a number."""
    kinds = {bool: self._set_bool, int: self._set_int, str: self._set_string, float: self._set_float}
    kinds[type(value)](key, value)


def run(folder, case):
    out = folder / f"{case['name']}.grib"
    sink = {"type": "sink", "sinks": [{"type": "file", "path": str(out)}]}
    plan = {"name": case["name"], "actions": [{"type": case.get("type", "encode"), **case["encode"]}, sink]}
    os.environ["MULTIO_PLANS"] = json.dumps({"plans": [plan]})
    try:
        client = multio.Multio()
        client.open_connections()
        for metadata, values in case["fields"]:
            client.write_field(metadata, np.load(folder / values))
        client.flush()
        client.close_connections()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test says which
        (folder / f"{case['name']}.error").write_text(str(error))


def main(folder):
    Metadata.__setitem__ = set_item
    for case in json.loads((folder / "cases.json").read_text()):
        child = os.fork()  # some cases crash it
        if child == 0:
            run(folder, case)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            (folder / f"{case['name']}.error").write_text(f"it crashed with status {status}")


main(Path(sys.argv[1]))
