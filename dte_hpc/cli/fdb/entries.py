"""How is a stored field shown?

In FDB's words: ``{database}{index}{datum}``, then what was asked for of its location, length and time.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from dte_hpc.base.key import Key

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB, Listing, Schema
    from dte_hpc.fdb.database import Database
    from dte_hpc.fdb.levels import Levels, SplitKey


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
    from dte_hpc.fdb.levels import Levels

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


def lines(store: "FDB", listing: "Listing", shown: Shown) -> Iterator[str]:
    """Yield a line for each field, as fdb-list prints it."""
    files, paths = listing.locations()
    columns = zip(files.tolist(), listing.offset.tolist(), listing.length.tolist(), strict=True)
    times = listing.time.tolist()
    for number, (key, (file, offset, length)) in enumerate(
        zip(split_keys(store, listing), columns, strict=True)
    ):
        text = braced(*key)
        if shown.location:
            uri = f"URI[scheme=file,name={paths[file]}]"
            text += f", TocFieldLocation[uri={uri},offset={offset},length={length},remapKey={{}}]"
        text += f", length={length}" if shown.length else ""
        yield text + (f", timestamp={times[number]}" if shown.timestamp else "")


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
