"""What does MultIO make of these samples? Run by a Python that has ``multio``: cases in, results out (JSON).

A case: ``action``, ``options``, ``fields`` (metadata and values of each sample, in order), ``kind``
(float64 or float32). A result: ``outs`` (metadata and values of each field), ``error`` (MultIO's words,
or null).
"""

import json
import os
import re
import sys
from pathlib import Path

import multio
import numpy as np
from mpi4py import MPI  # noqa: F401  (MultIO must not initialise MPI itself)
from multio.metadata import Metadata

RAW, PRINTED = "out.raw", "printed.txt"
FIELD = re.compile(r"^\[MultIO::print\].* tag=Field,.* metadata=(\{.*\}), payload-size=", re.MULTILINE)


def main():
    plain = Metadata.__setitem__

    def with_bools(self, key, value):  # pymultio 2.12 sends True as the integer 1
        (self._set_bool if isinstance(value, bool) else lambda k, v: plain(self, k, v))(key, value)

    Metadata.__setitem__ = with_bools
    results = [of(case) for case in json.loads(Path(sys.argv[1]).read_text())]
    Path(sys.argv[2]).write_text(json.dumps(results))


def of(case):
    sink = {"type": "sink", "sinks": [{"type": "file", "path": RAW}]}
    plan = {"name": "p", "actions": [case["action"], {"type": "print", "stream": "cout"}, sink]}
    os.environ["MULTIO_PLANS"] = json.dumps({"plans": [plan]})
    for path in (RAW, PRINTED):
        Path(path).write_bytes(b"")
    printed = os.open(PRINTED, os.O_WRONLY | os.O_TRUNC)
    before = os.dup(1)
    os.dup2(printed, 1)
    try:
        error = send(case)
    finally:
        os.dup2(before, 1)
        os.close(before)
        os.close(printed)
    named = [json.loads(found) for found in FIELD.findall(Path(PRINTED).read_text())]
    values = np.fromfile(RAW, case["kind"]).astype(float)
    rows = values.reshape(len(named), -1).tolist() if named else []
    return {"outs": list(zip(named, rows, strict=True)), "error": error}


def send(case):
    client = multio.Multio()
    client.open_connections()
    error = None
    try:
        for metadata, values in case["fields"]:
            client.write_field(metadata, np.array(values, case["kind"]))
    except multio.MultioException as caught:
        error = str(caught)
    client.flush()
    client.close_connections()
    return error


if __name__ == "__main__":
    main()
