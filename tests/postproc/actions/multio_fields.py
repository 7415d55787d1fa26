"""Run by ECMWF's Python: what do MultIO's actions make of fields? JSON in, JSON out; a process for each case.

argv: a folder with cases.json, a list of {name, plan, actions, fields: [[metadata, values], ...]}. Writes
results.json, for each name {names: [metadata, ...], rows: [values, ...], error}.
"""

import json
import os
import re
import signal
import sys
from pathlib import Path

import multio
import numpy as np
from mpi4py import MPI  # noqa: F401 - MultIO crashes when it has to initialise MPI itself
from multio.metadata import Metadata

FIELD = re.compile(r"^\[MultIO::print\].* tag=Field,.* metadata=(\{.*\}), payload-size=", re.MULTILINE)
LONGEST_SECONDS = 5


def set_item(self, key, value):
    """pymultio sends a switch as a number."""
    kinds = {bool: self._set_bool, int: self._set_int, str: self._set_string, float: self._set_float}
    kinds[type(value)](key, value)


def run(case, printed, raw):
    sink = {"type": "sink", "sinks": [{"type": "file", "path": raw}]}
    plan = {
        "name": "p",
        **case.get("plan", {}),
        "actions": [*case["actions"], {"type": "print", "stream": "cout"}, sink],
    }
    os.environ["MULTIO_PLANS"] = json.dumps({"plans": [plan]})
    os.dup2(os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    client = multio.Multio()
    client.open_connections()
    for metadata, values in case["fields"]:
        client.write_field(metadata, np.array(values))
    client.flush()
    client.close_connections()


def result(case):
    for path in ("printed", "raw", "error"):
        Path(path).unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        signal.alarm(LONGEST_SECONDS)  # a case that never ends is ended
        try:
            run(case, "printed", "raw")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test says which
            Path("error").write_text(str(error))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    error = Path("error").read_text() if Path("error").exists() else ""
    if status:
        error = f"ended by signal {os.WTERMSIG(status)}"
    text = Path("printed").read_text() if Path("printed").exists() else ""
    named = [json.loads(found) for found in FIELD.findall(text)]
    values = np.fromfile("raw") if Path("raw").exists() else np.zeros(0)
    rows = values.reshape(len(named), -1).tolist() if named and not values.size % len(named) else []
    return {"names": named, "rows": rows, "error": error[:2000]}


def main(folder):
    os.chdir(folder)
    Metadata.__setitem__ = set_item
    cases = json.loads(Path("cases.json").read_text())
    Path("results.json").write_text(json.dumps({case["name"]: result(case) for case in cases}))


main(Path(sys.argv[1]))
