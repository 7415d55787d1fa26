"""What is one sample?

One process that does one piece of work once. ``python sample.py SIDE AREA FUNCTION WORK OUT SIZE`` calls
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np

MARK = (
    "/the-clock-starts-or-stops"  # nothing is there: whoever watches the calls of a sample sees it asked for
)


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
    size : int
        How large the work is, where it comes in several sizes.
    seconds : float
        Inside the clock.
    figures : dict of str to float
        What else was measured; inside the clock ``peak_bytes``, by which the process grew.
    result : ndarray
        Compared with the other side's.
    """

    def __init__(self, work: Path, side: str, size: int = 0) -> None:
        self.work, self.own, self.size = work, work / side, size
        self.scratch = work / f"scratch-{side}-{os.getpid()}"
        self.seconds = self.cpu_seconds = 0.0
        self.figures: dict[str, float] = {}
        self.result = np.empty(0)
        self._before_bytes = 0

    @contextlib.contextmanager
    def clock(self) -> Iterator[None]:
        """Add the seconds of a block."""
        self._before_bytes = _forget_peak()
        os.access(MARK, os.F_OK)
        started, cpu_started = time.perf_counter(), time.process_time()
        yield
        self.cpu_seconds += time.process_time() - cpu_started
        self.seconds += time.perf_counter() - started
        os.access(MARK, os.F_OK)
        self.figures["peak_bytes"] = _status_bytes("VmHWM") - self._before_bytes

    def note_answer(self) -> None:
        """Note, inside the clock, by how much the process grew until the answer was there."""
        self.figures["answer_bytes"] = _status_bytes("VmHWM") - self._before_bytes

    def count_index(self, root: Path) -> None:
        """Note the bytes a field of all files of a store but its data and schemas."""
        files = [path for path in root.rglob("*") if path.is_file()]
        beside = [path for path in files if path.suffix != ".data" and path.name != "schema"]
        self.figures["index_bytes"] = sum(path.stat().st_size for path in beside) / self.size
        self.result = np.array([self.size])


def _forget_peak() -> int:
    """Let the kernel measure the process's largest size anew (Linux); return its size now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status_bytes("VmRSS")


def _status_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def one_then_two(sample: Sample, prepare: Callable[[int], None], write: Callable[[int, Path], None]) -> None:
    """Time writing by one process and by two at once, and note how many times as fast two are."""
    seconds = {
        count: together(
            count, prepare, lambda number, count=count: write(number, sample.scratch / f"{count}")
        )
        for count in (1, 2)
    }
    sample.seconds, sample.figures["speedup"] = seconds[2], 2 * seconds[1] / seconds[2]
    sample.result = np.array([sample.size])


def together(n_processes: int, prepare: Callable[[int], None], work: Callable[[int], None]) -> float:
    """Return the seconds from the first beginning to the last end of work in forked processes.

    Parameters
    ----------
    n_processes : int
        Each is given its number.
    prepare, work : callable
        No process begins its work before all are prepared.
    """
    go_read, go_write = os.pipe()
    children = [_fork(number, prepare, work, go_read, go_write) for number in range(n_processes)]
    os.close(go_read)
    for said in children:
        said.read(1)
    os.close(go_write)
    times = [[float(word) for word in said.read().split()] for said in children]
    ended = [os.wait()[1] for _ in children]
    if any(ended) or not all(len(pair) == 2 for pair in times):
        raise RuntimeError(f"processes ended with {ended}")
    return max(stop for _, stop in times) - min(start for start, _ in times)


def _fork(
    number: int, prepare: Callable[[int], None], work: Callable[[int], None], go_read: int, go_write: int
) -> TextIO:
    """Return what a forked process says: one letter when it is prepared, then when it began and ended."""
    said_read, said_write = os.pipe()
    if os.fork():
        os.close(said_write)
        return os.fdopen(said_read)
    status = 1
    try:
        os.close(go_write)
        prepare(number)
        os.write(said_write, b"r")
        os.read(go_read, 1)
        started = time.perf_counter()
        work(number)
        os.write(said_write, f"{started} {time.perf_counter()}".encode())
        status = 0
    finally:
        os._exit(status)


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
    side, area, function, work, out, size = sys.argv[1:]
    sample = Sample(Path(work), side, int(size))
    sample.own.mkdir(exist_ok=True)
    sample.scratch.mkdir()
    try:
        getattr(importlib.import_module(f"{area}_{side}"), function)(sample)
    finally:
        shutil.rmtree(sample.scratch, ignore_errors=True)
    np.save(f"{out}.npy", sample.result)
    told = {"seconds": sample.seconds, "cpu_seconds": sample.cpu_seconds, **sample.figures}
    Path(out).write_text(json.dumps(told), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
