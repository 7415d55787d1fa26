"""What is in a database, told in few words?"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dte_hpc.base.key import Key
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.owners import files_in
from dte_hpc.fdb.files.table import FILE
from dte_hpc.fdb.files.toc import SEGMENT
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.finding.matching import newest_rows
from dte_hpc.fdb.naming.grammar import Predicate
from dte_hpc.fdb.naming.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStats:
    """What a database holds.

    Attributes
    ----------
    where, key : str, Key
        The database.
    n_fields, n_bytes : int
        Fields that are not masked, and the bytes of their messages.
    n_masked, n_masked_bytes : int
        The same for those that are.
    n_data_files, n_index_files, n_flushes : int
        Files that fields lie in, index files in use, and flushes since the last purge.
    index_bytes, toc_bytes : int
        Bytes of index files and toc.
    """

    where: str
    key: Key
    n_fields: int
    n_bytes: int
    n_masked: int
    n_masked_bytes: int
    n_data_files: int
    n_index_files: int
    n_flushes: int
    index_bytes: int
    toc_bytes: int


def database_key(values: Iterable[str], schema: Schema) -> Key:
    """Return the key that a database's values stand for, by the first rule that could have made them."""
    values = tuple(values)
    for rule in schema.rules:
        level = rule.levels[0]
        if len(level) == len(values) and all(map(_could_store, level, values)):
            pairs = {p.stored_as: value for p, value in zip(level, values, strict=True)}
            return Key({keyword: value for keyword, value in pairs.items() if value})
    return Key({})


def _could_store(predicate: Predicate, value: str) -> bool:
    return predicate.accepts(value or None)


def stats_of(database: Database, key: Key) -> DatabaseStats:
    """Return what a database holds. Cost: one pass over its index."""
    table = database.table()
    everything = table.fields(np.arange(table.n_rows, dtype=np.int64))
    lengths = table.number("length")
    alive = newest_rows(table, np.arange(table.n_rows, dtype=np.int64))
    records = database.every_record()
    indexes = {record.index for record in records if record.index}
    sizes = {f.name: f.size for folder in database.folders for f in files_in(folder)}
    return DatabaseStats(
        where=database.where,
        key=key,
        n_fields=len(alive),
        n_bytes=int(lengths[alive].sum()),
        n_masked=len(everything) - len(alive),
        n_masked_bytes=int(lengths.sum()) - int(lengths[alive].sum()),
        n_data_files=len(np.unique(table.codes(FILE)[everything])) if len(everything) else 0,
        n_index_files=len(indexes),
        n_flushes=sum(record.kind == SEGMENT for record in records),
        index_bytes=sum(sizes.get(name, 0) for name in indexes),
        toc_bytes=database.toc_bytes(),
    )


def axes_of(listing: Listing, schema: Schema, level: int) -> dict[str, list[str]]:
    """Return for each keyword of the first levels the values that fields have, numbers by size.

    Parameters
    ----------
    listing : Listing
        The fields.
    schema : Schema
        That says which level a keyword is of; where rules differ, the outermost.
    level : int
        1 (database), 2 (and index) or 3 (and datum).
    """
    known = {p.stored_as for rule in schema.rules for p in rule.predicates}
    upto = {p.stored_as for rule in schema.rules for part in rule.levels[:level] for p in part}
    axes = {}
    for keyword in listing.keywords:
        if keyword in upto or (level == 3 and keyword not in known):
            codes, words = listing.codes(keyword)
            values = {words.list[code] for code in np.unique(codes).tolist()} - {""}
            axes[keyword] = sorted(values, key=_size)
    return axes


def _size(value: str) -> tuple[bool, float, str]:
    """Order numbers by size, before text."""
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value
