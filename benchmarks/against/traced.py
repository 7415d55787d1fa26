"""How many bytes of data files does a sample read while its clock runs?

Seen from outside: strace counts what read, pread and their kind return for files called ``*.data``. The
clock marks its beginning and end with a call that strace sees (`sample.MARK`).
"""

import re
import shutil
import subprocess
from pathlib import Path

from cases import Case
from rounds import HERE, LONGEST_SECONDS, CannotRun, environment
from sample import MARK

_CALL = re.compile(r"^(?:\[?pid )?\s*\d*\]?\s*(?P<call>\w+)\(\d+<(?P<path>[^>]*)>.*\) = (?P<result>\d+)$")
_READS = ("read", "pread64", "readv", "preadv", "preadv2")


def is_possible() -> bool:
    """Whether there is strace here."""
    return shutil.which("strace") is not None


def traced(case: Case, side: str, function: str, work: Path, python: str) -> dict[str, int]:
    """Return ``bytes`` and ``calls`` of reading data files inside the clock of one sample."""
    out, log = work / f"out-{side}", work / f"trace-{side}"
    sample = [python, HERE / "sample.py", side, case.area, function, work, out, str(case.size)]
    watch = f"trace={','.join(_READS)},access,faccessat,faccessat2"
    command = ["strace", "-f", "-y", "-e", watch, "-o", log, *sample]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=LONGEST_SECONDS, env=environment()
    )
    if ended.returncode != 0:
        raise CannotRun(f"{side}: {(ended.stderr.strip().splitlines() or ['no reason given'])[-1][:200]}")
    return _counted(log)


def _counted(log: Path) -> dict[str, int]:
    found, inside = {"bytes": 0, "calls": 0}, False
    with log.open(encoding="utf-8", errors="replace") as lines:
        for text in lines:
            if MARK in text:
                inside = not inside
            elif inside and (call := _CALL.match(text.rstrip())) and call["path"].endswith(".data"):
                found["bytes"] += int(call["result"])
                found["calls"] += 1
    log.unlink()
    return found
