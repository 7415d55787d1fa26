"""How is a stored field shown?

In FDB's words: ``{database}{index}{datum}``, then what was asked for of its location, length and time.
"""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from dte_hpc.base.key import Key

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB, Listing, Schema
    from dte_hpc.fdb.files.database import Database
    from dte_hpc.fdb.naming.levels import Levels, SplitKey


class Shown(NamedTuple):
    """Which facts of a field are shown beside its key."""

    location: bool = False
    length: bool = False
    timestamp: bool = False


def split_keys(store: "FDB", listing: "Listing") -> Iterator["SplitKey"]:
    """Yield the key of each field in three levels, each by its own database's schema."""
    levels = _levels(store, listing)
    for number, key in zip(listing.part.tolist(), listing.keys(), strict=True):
        yield levels(number).split(key)


def _levels(store: "FDB", listing: "Listing") -> "Callable[[int], Levels]":
    from dte_hpc.fdb.naming.levels import Levels

    of_schema: dict[int, Levels] = {}
    of_part: dict[int, Levels] = {}

    def levels(number: int) -> Levels:
        if number not in of_part:
            schema = _schema_of(listing.databases[number]) or store.schema
            of_part[number] = of_schema.setdefault(id(schema), Levels(schema))
        return of_part[number]

    return levels


def _schema_of(database: "Database") -> "Schema | None":
    try:
        return database.schema()
    except OSError:
        return None


def key_texts(store: "FDB", listing: "Listing") -> Iterator[str]:
    """Yield the key of each field as FDB writes it. Cost: a microsecond a field and some passes over columns.

    Fields of one shape (which keywords they have, in which order) share a template.
    """
    import numpy as np

    from dte_hpc.fdb.finding.matching import key_numbers

    if not len(listing):
        return
    levels, keywords = _levels(store, listing), listing.keywords
    codes = {keyword: listing.codes(keyword)[0] for keyword in keywords}
    tested = {k for number in range(len(listing.databases)) for k in levels(number).tested}
    facts = [listing.part, *((c > 0).astype(np.int32) for c in codes.values())]
    facts += [codes[keyword] for keyword in keywords if keyword in tested]
    numbers, _ = key_numbers(facts, np.arange(len(listing)))
    _, firsts, shapes = np.unique(numbers, return_index=True, return_inverse=True)
    formats = []
    for first in firsts.tolist():
        names = levels(int(listing.part[first])).names(dict(listing.key(first)))
        template = "".join("{" + ",".join(["%s"] * len(level)) + "}" for level in names)
        formats.append((template, itemgetter(*(keywords.index(k) for level in names for k in level))))
    for shape, pairs in zip(shapes.ravel().tolist(), zip(*_pairs(listing), strict=True), strict=True):
        template, chosen = formats[shape]
        yield template % chosen(pairs)


def _pairs(listing: "Listing") -> Iterator[list[str]]:
    """Yield for each keyword what its pair with each field's value looks like."""
    import numpy as np

    for keyword in listing.keywords:
        codes, words = listing.codes(keyword)
        yield np.array([f"{keyword}={word}" for word in words.list], object)[codes].tolist()


def lines(store: "FDB", listing: "Listing", shown: Shown) -> Iterator[str]:
    """Yield a line for each field, as fdb-list prints it."""
    if not any(shown):
        yield from key_texts(store, listing)
        return
    files, paths = listing.locations()
    columns = (files.tolist(), listing.offset.tolist(), listing.length.tolist(), listing.time.tolist())
    for text, file, offset, length, time in zip(key_texts(store, listing), *columns, strict=True):
        if shown.location:
            uri = f"URI[scheme=file,name={paths[file]}]"
            text += f", TocFieldLocation[uri={uri},offset={offset},length={length},remapKey={{}}]"
        text += f", length={length}" if shown.length else ""
        yield text + (f", timestamp={time}" if shown.timestamp else "")


def braced(*keys: Key) -> str:
    """Return keys as FDB writes them, each in its own braces."""
    return "".join("{" + ",".join(f"{k}={value}" for k, value in key.items()) + "}" for key in keys)


def records(listing: "Listing", shown: Shown) -> Iterator[dict[str, Any]]:
    """Yield each field for JSON: its key as fdb-list gives it; with other facts, the key under ``keys``."""
    if not any(shown):
        yield from map(dict, listing.keys())
        return
    files, paths = listing.locations()
    columns = (files.tolist(), listing.offset.tolist(), listing.length.tolist(), listing.time.tolist())
    for key, file, offset, length, time in zip(listing.keys(), *columns, strict=True):
        place = {"path": paths[file], "offset": offset, "length": length}
        facts = {"location": place, "length": length, "timestamp": time}
        wanted = {name: fact for name, fact in facts.items() if getattr(shown, name)}
        yield {"keys": dict(key), **wanted}
