"""How do fields come from one store into another, for certain?

Each message is read from the source, which compares it with its checksum, and archived in the target by
its key, as a writer does: so any two stores will do, masked fields stay behind, and nothing of a database
is visible before all of it is durable. Then every field of the request is read back from the target. What
the target has already, byte for byte, is not copied again: a copy that was cut short goes on where it was.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dte_hpc.base.checksum import ByteLike, checksum
from dte_hpc.base.errors import CorruptData
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import Key, Scalar
from dte_hpc.base.request import Request
from dte_hpc.codecs import grib
from dte_hpc.codecs.headers import mars_key
from dte_hpc.codecs.layout import OTHER, EncodedField, Layout
from dte_hpc.fdb.listing import Listing
from dte_hpc.fdb.store import FDB, Requested

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Copied:
    """What a copy did.

    Attributes
    ----------
    n_databases : int
        Databases of the source that fields came from.
    n_fields, n_bytes : int
        Fields and bytes that were copied.
    n_present : int
        Fields that the target had already.
    n_verified : int
        Fields read back from the target.
    """

    n_databases: int = 0
    n_fields: int = 0
    n_bytes: int = 0
    n_present: int = 0
    n_verified: int = 0


def no_progress(_done: int, _total: int) -> None:
    """Tell nobody."""


def copy(
    source: FDB,
    target: FDB,
    request: Requested | None = None,
    *,
    modifiers: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> Copied:
    """Copy the fields that answer a request, database by database, and verify each.

    Parameters
    ----------
    source, target : FDB
        Two stores; what was archived in the target and not flushed is flushed too.
    request : Mapping or Request, optional
        None for the whole source.
    modifiers : mapping of ecCodes key to value, optional
        What is changed in each message, which must be GRIB; its key is then what its header says.
    progress : callable
        Told how many fields of how many are done; each counts when copied and when verified.

    Raises
    ------
    CorruptData
        If a message of the source is damaged, or the target gives back another.
    InvalidKey, StorageFailed
        As `FDB.archive` and `FDB.flush`. Databases that were done before stay.
    """
    copied = Copied()
    listing = source.list(request)
    total, done = 2 * len(listing), 0
    for number in sorted(set(listing.part.tolist())):
        part = listing.select(listing.part == number)
        work = _Work(source, part, target, modifiers or {})
        for _ in work.run(copied):
            done += 1
            progress(done, total)
        copied.n_databases += 1
    return copied


@dataclass(slots=True)
class _Work:
    """The copying of the fields of one database."""

    source: FDB
    listing: Listing
    target: FDB
    modifiers: Mapping[str, str]
    expected: dict[Key, tuple[int, int]] = field(default_factory=dict)

    def run(self, copied: Copied) -> Iterator[None]:
        there = {} if self.modifiers else self._there()
        for number, key in enumerate(self.listing.keys()):
            whole = (int(self.listing.length[number]), int(self.listing.checksum[number]))
            if there.get(key) == whole:
                self.expected[key] = whole
                copied.n_present += 1
            else:
                copied.n_bytes += self._copy_one(number, key)
                copied.n_fields += 1
            yield
        self.target.flush()
        yield from self._verify(copied)

    def _copy_one(self, number: int, key: Key) -> int:
        message: ByteLike = self.listing.message(number)
        if self.modifiers:
            message = grib.modified(message, self.modifiers)
            stored = self.target.schema.key_of(mars_key(message))
            self.target.archive(message)
        else:
            name = self._key(key, message)
            stored = self.target.schema.key_of(name)
            self.target.archive(self._encoded(number, key, message) or message, name)
        self.expected[stored] = (len(message), checksum(message))
        return len(message)

    def _encoded(self, number: int, key: Key, message: ByteLike) -> EncodedField | None:
        """Return a message with all that the source knows of it, None for one it knows nothing of."""
        record = self.listing.layout[number]
        if record["packing"] == OTHER and record["n_values"] == 0:
            return None
        grid = self.listing.grid_name(number)
        return EncodedField(
            metadata=Metadata({**key, "grid": grid} if grid else dict(key)),
            message=message,
            layout=Layout.of_record(record),
            block_offsets=self.listing.block_offsets(number),
        )

    def _key(self, key: Key, message: ByteLike) -> Mapping[str, Scalar]:
        """Return the key to archive by: a stored one may have a keyword that was made from another."""
        derived = any(
            p.stored_as in key
            for rule in self.source.schema.rules
            for p in rule.predicates
            if p.stored_as != p.keyword
        )
        return mars_key(message) if derived and bytes(message[:4]) == b"GRIB" else key

    def _there(self) -> dict[Key, tuple[int, int]]:
        there = self.target.list(around(self.listing.keys()))
        sizes = zip(there.length.tolist(), there.checksum.tolist(), strict=True)
        return dict(zip(there.keys(), sizes, strict=True))

    def _verify(self, copied: Copied) -> Iterator[None]:
        there = self.target.list(around(self.expected))
        numbers = {key: number for number, key in enumerate(there.keys()) if key in self.expected}
        for key, (length, digest) in self.expected.items():
            number = numbers.get(key, -1)
            if number < 0 or (int(there.length[number]), int(there.checksum[number])) != (length, digest):
                raise CorruptData(f"the copy of {key} is not in the target as it was written", key=dict(key))
            there.message(number)
            copied.n_verified += 1
            yield


def around(keys: Iterable[Mapping[str, str]]) -> Request:
    """Return a request that all of some keys answer, and few others: each keyword's values that occur."""
    values: dict[str, dict[str, None]] = {}
    counts: dict[str, int] = {}
    n_keys = 0
    for key in keys:
        n_keys += 1
        for keyword, value in key.items():
            values.setdefault(keyword, {})[value] = None
            counts[keyword] = counts.get(keyword, 0) + 1
    return Request({keyword: list(found) for keyword, found in values.items() if counts[keyword] == n_keys})
