"""How do fields come from one store into another, for certain?

Each message is read from the source, which compares it with its checksum, and archived in the target by
its key, as a writer does: so any two stores will do, masked fields stay behind, and nothing of a database
is visible before all of it is durable. Then every field is read back from the target. What the target has
already, byte for byte, is not copied again: a copy that was cut short goes on where it was.
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
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.store import FDB

Progress = Callable[[int, int], None]
Whole = tuple[int, int]


@dataclass(slots=True)
class Copied:
    """What a copy did.

    Attributes
    ----------
    n_databases : int
        Databases that fields came from.
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
    listing: Listing,
    target: FDB,
    *,
    modifiers: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> Copied:
    """Copy fields into a store, database by database, and verify each.

    Parameters
    ----------
    listing : Listing
        Of the source.
    target : FDB
        What was archived through this handle before, and not flushed, is flushed too.
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
    copied, done = Copied(), 0
    for number in sorted(set(listing.part.tolist())):
        part = listing.select(listing.part == number)
        for _ in _Work(part, target, modifiers or {}).run(copied):
            done += 1
            progress(done, 2 * len(listing))
        copied.n_databases += 1
    return copied


@dataclass(slots=True)
class _Work:
    """The copying of the fields of one database."""

    listing: Listing
    target: FDB
    modifiers: Mapping[str, str]
    expected: dict[Key, Whole] = field(default_factory=dict)

    def run(self, copied: Copied) -> Iterator[None]:
        there = {} if self.modifiers else self._there()
        known = self.listing.databases[int(self.listing.part[0])].has_checksums
        for number, key in enumerate(self.listing.keys()):
            whole = (int(self.listing.length[number]), int(self.listing.checksum[number]))
            if known and there.get(key) == whole:
                self.expected[key] = whole
                copied.n_present += 1
            else:
                self._copy_one(number, key, there, copied)
            yield
        self.target.flush()
        yield from self._verify(copied)

    def _copy_one(self, number: int, key: Key, there: Mapping[Key, Whole], copied: Copied) -> None:
        message: ByteLike = self.listing.message(number)
        name: Mapping[str, Scalar] = key
        if self.modifiers:
            message = grib.modified(message, self.modifiers)
            name = mars_key(message)
        elif self._is_renamed(key) and bytes(message[:4]) == b"GRIB":
            name = mars_key(message)
        stored, whole = self.target.schema.key_of(name), (len(message), checksum(message))
        self.expected[stored] = whole
        if there.get(stored) == whole:
            copied.n_present += 1
            return
        encoded = None if self.modifiers else self._encoded(number, key, message)
        self.target.archive(encoded or message, name)
        copied.n_fields += 1
        copied.n_bytes += len(message)

    def _is_renamed(self, key: Key) -> bool:
        """Whether a stored key may have a keyword that was made from another, which is not stored."""
        return any(name in key for names in self.target.schema.stored_as.values() for name in names)

    def _encoded(self, number: int, key: Key, message: ByteLike) -> EncodedField | None:
        """Return a message with all that the source knows of it, None for one it knows nothing of."""
        record = self.listing.layout[number]
        if record["packing"] == OTHER:
            return None
        grid = self.listing.grid_name(number)
        return EncodedField(
            metadata=Metadata({**key, "grid": grid} if grid else dict(key)),
            message=message,
            layout=Layout.of_record(record),
            block_offsets=self.listing.block_offsets(number),
        )

    def _there(self) -> dict[Key, Whole]:
        there = self.target.list(around(self.listing.keys()))
        sizes = zip(there.length.tolist(), there.checksum.tolist(), strict=True)
        return dict(zip(there.keys(), sizes, strict=True))

    def _verify(self, copied: Copied) -> Iterator[None]:
        there = self.target.list(around(self.expected))
        numbers = {key: number for number, key in enumerate(there.keys()) if key in self.expected}
        for key, whole in self.expected.items():
            number = numbers.get(key, -1)
            if number < 0 or (int(there.length[number]), int(there.checksum[number])) != whole:
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
