"""How are two sides measured against each other?

In turn, a process a sample: ours, theirs, the floor, ours, theirs, the floor. Before any time is taken,
and again in every round, the two results are compared; a difference ends the row.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cases import Case

HERE = Path(__file__).parent
LONGEST_SECONDS = 300


class CannotRun(Exception):
    """A side that cannot do the work; says why."""


@dataclass(slots=True, kw_only=True)
class Row:
    """What was measured of one case.

    Attributes
    ----------
    case : Case
    ours, theirs, floor : list of dict
        ``seconds`` and ``cpu_seconds``, one a round.
    trouble : str
        Why there is nothing; empty when all went well.
    """

    case: Case
    ours: list[dict[str, float]] = field(default_factory=list)
    theirs: list[dict[str, float]] = field(default_factory=list)
    floor: list[dict[str, float]] = field(default_factory=list)
    trouble: str = ""


def measure(case: Case, work: Path, pythons: Mapping[str, str], n_rounds: int) -> Row:
    """Return one row; the first round is for the comparison and not counted."""
    row = Row(case=case)
    try:
        for side in pythons if case.fill else ():
            fill_once(case, side, work, pythons[side])
        for number in range(n_rounds + 1):
            ours, our_result = run(case, "ours", case.function, work, pythons["ours"])
            theirs, their_result = run(case, "theirs", case.function, work, pythons["theirs"])
            refuse_difference(our_result, their_result, case.tolerance)
            floor = run(case, "floor", case.function, work, pythons["ours"])[0] if case.floor else None
            if number:
                row.ours.append(ours)
                row.theirs.append(theirs)
                row.floor += [floor] if floor else []
    except CannotRun as trouble:
        row.trouble = str(trouble)
    return row


def fill_once(case: Case, side: str, work: Path, python: str) -> None:
    """Fill the store a case reads, unless that was done."""
    done = work / f"{case.area}-{case.fill}-{case.size}-{side}.done"
    if not done.exists():
        run(case, side, case.fill, work, python)
        done.touch()


def run(case: Case, side: str, function: str, work: Path, python: str) -> tuple[dict[str, float], np.ndarray]:
    """Run one sample in its own process; return its times and its result."""
    out = work / f"out-{side}"
    command = [python, HERE / "sample.py", side, case.area, function, work, out, str(case.size)]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=LONGEST_SECONDS, env=environment()
        )
    except subprocess.TimeoutExpired as error:
        raise CannotRun(f"{side}: no end after {LONGEST_SECONDS} s") from error
    except FileNotFoundError as error:
        raise CannotRun(f"{side}: {python} is not there; 'make bench-peers' makes it") from error
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines() or [f"ended with status {ended.returncode}"]
        raise CannotRun(f"{side}: {_reason(said)[:200]}")
    return json.loads(out.read_text()), np.load(f"{out}.npy")


def _reason(lines: list[str]) -> str:
    """Return the line that says what went wrong: C++ prints its stack after it."""
    said = [line for line in lines if "rror" in line or "xception" in line]
    return (said or lines)[0 if any("Exception:" in line for line in said) else -1]


def refuse_difference(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> None:
    """Raise CannotRun unless both sides' results are the same."""
    if ours.shape != theirs.shape or ours.dtype.kind != theirs.dtype.kind:
        raise CannotRun(
            f"results differ: {ours.dtype} {ours.shape} from ours, {theirs.dtype} {theirs.shape} from theirs"
        )
    if ours.dtype.kind == "U":
        if not np.array_equal(ours, theirs):
            raise CannotRun(f"results differ: {ours.tolist()} from ours, {theirs.tolist()} from theirs")
    elif ours.size == 0:
        raise CannotRun("results are empty")
    elif (largest := float(np.max(np.abs(ours - theirs)))) > tolerance:
        raise CannotRun(f"results differ by {largest:g}; expected at most {tolerance:g}")


def environment() -> dict[str, str]:
    """Return an environment without the caller's own configuration of either side."""
    ours = ("FDB", "MULTIO", "GRIBJUMP", "ECCODES", "DTE_", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
