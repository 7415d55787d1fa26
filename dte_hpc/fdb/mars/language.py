"""Which keywords and words has the MARS language, and what are its parameters called?

From ``data/mars-language.json`` and ``data/mars-parameters.txt``, whose source is written in them.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Keyword:
    """What one keyword of the language may be.

    Attributes
    ----------
    name : str
        In lower case.
    types : tuple of str
        metkit's types, of which a value must have one.
    multiple : bool
        Whether a request may name several values.
    by : str
        The stride of ``a/to/b`` when none is given; empty for a keyword without ranges.
    words : mapping of str to str
        The words of an enum, in lower case, and what they mean.
    patterns : tuple of str
        Regular expressions of what else an enum takes.
    """

    name: str
    types: tuple[str, ...]
    multiple: bool
    by: str
    words: Mapping[str, str]
    patterns: tuple[str, ...]


@functools.cache
def language() -> dict[str, Keyword]:
    """Return the keywords of the language by each of their names. Cost: about a millisecond, once."""
    text = _data("mars-language.json")
    keywords: dict[str, Keyword] = {}
    for name, facts in json.loads(text)["keywords"].items():
        keyword = Keyword(
            name=name,
            types=tuple(facts["types"]),
            multiple=facts.get("multiple", False),
            by=facts.get("by", ""),
            words={**{word: word for word in facts.get("words", ())}, **facts.get("means", {})},
            patterns=tuple(facts.get("patterns", ())),
        )
        keywords.update(dict.fromkeys((name, *facts.get("aliases", ())), keyword))
    return keywords


@functools.cache
def parameter_numbers() -> dict[str, tuple[str, ...]]:
    """Return the numbers of each parameter name. Cost: some milliseconds, once."""
    text = _data("mars-parameters.txt")
    lines = (line.partition("\t") for line in text.splitlines() if not line.startswith("#"))
    return {name: tuple(numbers.split()) for name, _, numbers in lines}


def _data(name: str) -> str:
    return resources.files("dte_hpc.fdb").joinpath("data", name).read_text(encoding="utf-8")
