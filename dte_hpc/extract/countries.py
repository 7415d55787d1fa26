"""What is the outline of a country?

Outlines are Natural Earth's at 1:50 million, shipped with the package: see ``data/README.md`` for the format
and the source. They show what the source shows, and take no position on any border.
"""

import csv
import difflib
import functools
import gzip
import json
import unicodedata
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.shapes import Polygon

PER_DEGREE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """What a country is called.

    Attributes
    ----------
    name : str
        As Natural Earth has it.
    numeric, alpha_2, alpha_3 : str
        ISO 3166-1 codes; empty where ISO has none.
    also : tuple of str
        Other names.
    """

    name: str
    numeric: str
    alpha_2: str
    alpha_3: str
    also: tuple[str, ...]


def country(name_or_code: str) -> Polygon:
    """Return the outline of a country.

    Parameters
    ----------
    name_or_code : str
        A name (capitals, accents and punctuation do not matter), or an ISO 3166-1 code: ``France``,
        ``FR``, ``FRA`` or ``250``.

    Raises
    ------
    InvalidRequest
        For an unknown one, naming those that are spelt like it.

    Notes
    -----
    The first call reads the outlines of all countries (0.3 MB, 10 ms), and each first call for a
    country decodes it; both are kept.
    """
    return _outline(_position(name_or_code))


def country_facts(name_or_code: str) -> Country:
    """Return the names and codes of a country, asked for as in `country`."""
    return countries()[_position(name_or_code)]


@functools.cache
def countries() -> tuple[Country, ...]:
    """Return the names and codes of all countries that have an outline."""
    text = (files("dte_hpc.extract") / "data" / "countries.csv").read_text(encoding="utf-8")
    table = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        Country(**{**row, "also": tuple(filter(None, row["also"].split("|")))})  # type: ignore[arg-type]
        for row in table
    )


def _position(name_or_code: str) -> int:
    spelt = _spelt(name_or_code) if isinstance(name_or_code, str) else ""
    found = _positions().get(spelt)
    if found is None:
        raise InvalidRequest(
            f"no country is called {str(name_or_code)[:80]!r}; {_hint(spelt)}", country=str(name_or_code)[:80]
        )
    return found


def _hint(spelt: str) -> str:
    near = difflib.get_close_matches(spelt[:80], _positions(), n=4, cutoff=0.7)
    names = dict.fromkeys(countries()[_positions()[spelling]].name for spelling in near)
    if names:
        return f"did you mean {' or '.join(names)}?"
    return "expected a country's English name or its ISO 3166-1 code, as France, FR, FRA or 250"


@functools.cache
def _positions() -> dict[str, int]:
    found: dict[str, int] = {}
    for at, facts in enumerate(countries()):
        for text in (facts.name, facts.numeric, facts.alpha_2, facts.alpha_3, *facts.also):
            if text:
                found.setdefault(_spelt(text), at)
    return found


def _spelt(text: str) -> str:
    """Return a name as it is compared: small letters and digits, without accents."""
    plain = unicodedata.normalize("NFKD", text.replace("&", "and")).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


@functools.cache
def _lines() -> list[bytes]:
    return gzip.decompress(
        (files("dte_hpc.extract") / "data" / "outlines.jsonl.gz").read_bytes()
    ).splitlines()


@functools.cache
def _outline(position: int) -> Polygon:
    polygons = json.loads(_lines()[position])
    return Polygon(polygons=tuple(tuple(_ring(flat) for flat in rings) for rings in polygons))


def _ring(differences: list[int]) -> NDArray[np.float64]:
    ring: NDArray[np.float64] = np.cumsum(np.reshape(differences, (-1, 2)), axis=0) / PER_DEGREE
    return ring
