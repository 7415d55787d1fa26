"""What is one sample?

One process that does one piece of work once. ``python sample.py SIDE AREA FUNCTION WORK OUT`` calls
``FUNCTION`` of the module ``AREA_SIDE`` with a `Sample`; the libraries are imported and warmed before
its clock starts, and the seconds and what came out of the work are left in ``OUT``.
"""

import contextlib
import hashlib
import importlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np


class Sample:
    """What the work is given, and where it says how long it took and what came out.

    Attributes
    ----------
    work : Path
        The input, the same for both sides.
    own : Path
        The stores this side has filled.
    scratch : Path
        Empty, and removed afterwards.
    seconds : float
        Inside the clock.
    result : ndarray
        Compared with the other side's.
    """

    def __init__(self, work: Path, side: str) -> None:
        self.work, self.own = work, work / side
        self.scratch = work / f"scratch-{side}-{os.getpid()}"
        self.seconds = self.cpu_seconds = 0.0
        self.result = np.empty(0)

    @contextlib.contextmanager
    def clock(self) -> Iterator[None]:
        """Add the seconds of a block."""
        started, cpu_started = time.perf_counter(), time.process_time()
        yield
        self.cpu_seconds += time.process_time() - cpu_started
        self.seconds += time.perf_counter() - started


def digest(fields: Iterable[tuple[Mapping[str, str], bytes]]) -> np.ndarray:
    """Return one line for all fields, their keys and every byte of them, in any order."""
    lines = sorted(
        " ".join(f"{k}={v}" for k, v in sorted(key.items()) if v)
        + " "
        + hashlib.blake2b(message, digest_size=16).hexdigest()
        for key, message in fields
    )
    return np.array([f"{len(lines)} fields", hashlib.sha256("\n".join(lines).encode()).hexdigest()])


def main() -> int:
    side, area, function, work, out = sys.argv[1:]
    sample = Sample(Path(work), side)
    sample.own.mkdir(exist_ok=True)
    sample.scratch.mkdir()
    try:
        getattr(importlib.import_module(f"{area}_{side}"), function)(sample)
    finally:
        shutil.rmtree(sample.scratch, ignore_errors=True)
    np.save(f"{out}.npy", sample.result)
    told = {"seconds": sample.seconds, "cpu_seconds": sample.cpu_seconds}
    Path(out).write_text(json.dumps(told), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
