"""How is a fact shown, to people and to programs?"""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from dte_hpc.base.request import Request
from dte_hpc.cli.progress import ProgressBar

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
MIB = 1024 * 1024


def print_json(value: Any) -> None:
    """Print one JSON value on one line."""
    print(json.dumps(value))


def print_json_array(values: Iterable[Any]) -> None:
    """Print JSON values as an array, one a line, as they come."""
    print("[", end="")
    for number, value in enumerate(values):
        print(",\n " if number else "", json.dumps(value), sep="", end="")
    print("]")


def print_facts(facts: Mapping[str, Any], *, as_json: bool = False) -> None:
    """Print named facts: JSON, or a line each."""
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        print(f"{name:<{width}} : {', '.join(map(str, value)) if isinstance(value, list) else value}")


def size_text(n_bytes: int) -> str:
    """Return a size as ``1,062,720 (1.01 MiB)``."""
    scaled, unit = float(n_bytes), 0
    while scaled >= 1024 and unit < len(_UNITS) - 1:
        scaled, unit = scaled / 1024, unit + 1
    return f"{n_bytes:,} ({scaled:.3g} {_UNITS[unit]})" if unit else f"{n_bytes:,} bytes"


def rate_text(n_bytes: int, seconds: float) -> str:
    """Return a rate in MiB a second."""
    return f"{n_bytes / MIB / max(seconds, 1e-9):.1f} MiB/s"


def print_heading(what: str, requests: Iterable[Request]) -> None:
    """Print what is done for which request, as FDB's tools begin."""
    for request in requests:
        words = ["list", *(f"{keyword}={'/'.join(values)}" for keyword, values in request.items())]
        print(f"{what} for request", ",\n\t".join(words) if request else " -- ALL --", "", sep="\n")


def bar(what: str) -> ProgressBar:
    """Return a progress bar that shows when standard error is a terminal."""
    return ProgressBar(what, shown=sys.stderr.isatty())
