"""At which pressure is a model level?

Half levels are at a + b * surface pressure; a full level, where the fields are, is at the mean of the two
around it. Source: IFS Documentation CY41R2, Part III, Dynamics and Numerical Procedures, section 2.2 (ECMWF,
2016), and Simmons and Burridge, 1981, Monthly Weather Review 109, 758-766.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.config import as_list, as_mapping, describe, refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig

KNOWN = ("L91",)
MAX_LEVELS = 1000
MAX_FILE_BYTES = 1_000_000
SOME_SURFACES = (50_000.0, 101_325.0)
"""Surface pressures, in Pa, at which levels must lie one below the other."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """A model's full levels, counted from 1 at the top.

    Attributes
    ----------
    a, b : ndarray of float64, shape (n_levels,)
        Level k is at ``a[k - 1] + b[k - 1] * surface pressure``, in Pa.
    """

    a: NDArray[np.float64]
    b: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.a.size)


def read_levels(node: Any, place: str) -> Levels:
    """Return the levels that ``coefficients`` says: L91, a file, or a mapping of ``a`` and ``b``.

    A file has a line for each half level from the top down: its number, a and b, or a and b; ``#`` begins
    a comment.

    Raises
    ------
    InvalidConfig
        When there is none, or levels would not lie one below the other.
    """
    if isinstance(node, Mapping):
        a, b = _from_mapping(as_mapping(place, node), place)
    elif isinstance(node, str) and node:
        text = _text_of(node, place)
        a, b = _from_text(text, f"{place}: {node}", place)
    else:
        raise refuse(place, describe(node), f"{', '.join(KNOWN)}, a file, or a and b")
    return _checked(a, b, place)


def _from_mapping(node: Mapping[str, Any], place: str) -> tuple[list[float], list[float]]:
    for keyword in node:
        if keyword not in ("a", "b"):
            raise unknown_keyword(place, keyword, ("a", "b"))
    found = []
    for keyword in ("a", "b"):
        numbers = as_list(f"{place}.{keyword}", node.get(keyword))
        for index, number in enumerate(numbers):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise refuse(f"{place}.{keyword}[{index}]", describe(number), "a number")
        found.append([float(number) for number in numbers])
    return found[0], found[1]


def _text_of(name: str, place: str) -> str:
    if name in KNOWN:
        return (files("dte_hpc.postproc") / "data" / f"{name}.txt").read_text(encoding="ascii")
    path = Path(name).expanduser()
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise refuse(place, f"{name}, larger than {MAX_FILE_BYTES} bytes", "a file of coefficients")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidConfig):
            raise
        expected = f"{', '.join(KNOWN)}, a and b, or a file of them"
        raise refuse(place, f"{name!r}, which cannot be read ({error})", expected) from error


def _from_text(text: str, source: str, place: str) -> tuple[list[float], list[float]]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            row = [float(word) for word in words]
        except ValueError:
            row = []
        if len(row) not in (2, 3):
            raise InvalidConfig(
                f"{source}, line {number}: found {line.strip()[:60]!r}; expected a number, a and b",
                place=place,
            )
        rows.append(row[-2:])
    return [a for a, _ in rows], [b for _, b in rows]


def _checked(a: list[float], b: list[float], place: str) -> Levels:
    if len(a) != len(b) or not 3 <= len(a) <= MAX_LEVELS + 1:
        found = f"{len(a)} values of a and {len(b)} of b"
        raise refuse(place, found, f"as many, one for each of 3 to {MAX_LEVELS + 1} half levels")
    halves = np.array([a, b])
    full = (halves[:, 1:] + halves[:, :-1]) / 2
    for surface in SOME_SURFACES:
        pressure = full[0] + full[1] * surface
        if not np.isfinite(pressure).all() or pressure[0] <= 0 or (np.diff(pressure) <= 0).any():
            raise refuse(
                place,
                f"levels that do not lie one below the other at {surface / 100:g} hPa",
                "a in Pa, and b",
            )
    return Levels(a=full[0], b=full[1])
