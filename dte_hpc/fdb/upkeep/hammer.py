"""How fast does a store take fields, list them, and give them back?

A `Load` mimics one process of an IO server as ECMWF's fdb-hammer does: for each member and step it makes
and archives the fields of its share of a plane of levels x parameters, then flushes. Making fields (random
values, packed anew for each) is timed apart from storing them. Several processes measure together: the
bandwidth is all their bytes by the time between the first's begin and the last's end.
"""

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np

from dte_hpc.base.errors import CorruptData, InvalidRequest
from dte_hpc.base.field import PACKING_FACTS, Field, Metadata
from dte_hpc.base.key import text_of
from dte_hpc.codecs.decode import mars_key
from dte_hpc.codecs.encode import GribEncoder
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.fdb.store import FDB

MAX_FIELDS = 1 << 32
MAX_VALUES = 1 << 28
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Which fields a hammer works with.

    Attributes
    ----------
    template : Metadata
        What all fields are called; step, levelist, param and number are each field's own.
    n_values : int
        Values a field has, of 16 bits.
    n_steps, n_members, n_levels, n_params : int
        How many of each.
    first_step, first_member, first_level : int
        Their first numbers.
    levels : tuple of int
        The levels, instead of so many from the first.
    start_at, stop_at : int
        First and last field, both included, of this process's share of the plane of levels x parameters;
        a negative `stop_at` means the last of all.
    random : bool
        Whether each field has values of its own; else all have the same.
    """

    template: Metadata
    n_values: int
    n_steps: int
    n_params: int
    n_levels: int = 1
    n_members: int = 1
    first_step: int = 0
    first_member: int = 1
    first_level: int = 1
    levels: tuple[int, ...] = ()
    start_at: int = 0
    stop_at: int = -1
    random: bool = True

    def __post_init__(self) -> None:
        known = len(_parameters())
        for name, value, most in (
            ("steps", self.n_steps, MAX_FIELDS),
            ("parameters", self.n_params, known),
            ("levels", self.n_levels, MAX_FIELDS),
            ("members", self.n_members, MAX_FIELDS),
            ("values", self.n_values, MAX_VALUES),
        ):
            if not 1 <= value <= most:
                raise InvalidRequest(f"found {value} {name}; expected 1 to {most}")
        if not 0 <= self.start_at <= self.last < self.n_plane:
            raise InvalidRequest(
                f"the share from {self.start_at} to {self.stop_at} is none of {self.n_plane} fields a step"
            )

    @property
    def n_plane(self) -> int:
        """Fields of one step of one member, all processes' shares together."""
        return (len(self.levels) or self.n_levels) * self.n_params

    @property
    def last(self) -> int:
        """The last field of this process's share of the plane."""
        return self.n_plane - 1 if self.stop_at < 0 else self.stop_at

    @property
    def n_fields(self) -> int:
        """Fields of this process."""
        return self.n_members * self.n_steps * (self.last - self.start_at + 1)

    def share(self, number: int, n_shares: int) -> tuple[int, int]:
        """Return `start_at` and `stop_at` of one of several processes; InvalidRequest if it has none."""
        if n_shares > self.n_plane:
            raise InvalidRequest(
                f"{n_shares} processes share {self.n_plane} fields a step; expected at least one field each"
            )
        return number * self.n_plane // n_shares, (number + 1) * self.n_plane // n_shares - 1

    def steps(self) -> Iterator[Metadata]:
        """Yield what the fields of each flush have in common: a step, and a member if there are several."""
        for member, step in itertools.product(range(self.n_members), range(self.n_steps)):
            words: dict[str, int] = {"step": self.first_step + step}
            if self.n_members > 1:
                words["number"] = self.first_member + member
            yield self.template.replace(**words)

    def fields(self, step: Metadata) -> Iterator[Metadata]:
        """Yield what each field of this process's share of one step is called."""
        for place in range(self.start_at, self.last + 1):
            level, param = divmod(place, self.n_params)
            number = self.levels[level] if self.levels else self.first_level + level
            yield step.replace(levelist=number, param=_parameters()[param])


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a hammer measured.

    Attributes
    ----------
    n_fields, n_bytes : int
        Written, read or listed.
    seconds : float
        From the first call of the store to the last's return, without `making_seconds`.
    making_seconds : float
        In which messages were made, or compared.
    first, last : float
        Seconds since 1970 of the first call and the last's return.
    """

    n_fields: int
    n_bytes: int
    seconds: float
    making_seconds: float
    first: float
    last: float


class Maker:
    """Makes the messages of a load, the same ones whenever it is asked again."""

    def __init__(self, load: Load) -> None:
        self._encoder = GribEncoder()
        self._encoder.warm()
        self._load = load
        self._values = self._random([0])

    def message(self, metadata: Metadata) -> EncodedField:
        """Return one field's message."""
        values = self._random(_seed(metadata)) if self._load.random else self._values
        return self._encoder.encode(Field(metadata=metadata, values=values))

    def _random(self, seed: list[int]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return np.random.default_rng(seed).random(self._load.n_values)


def write(store: FDB, load: Load, maker: Maker, progress: Progress) -> Measured:
    """Archive every field of a load, with a flush for each step of each member."""
    clock, n_bytes, done = _Clock(), 0, 0
    for step in load.steps():
        for metadata in load.fields(step):
            with clock.apart:
                encoded = maker.message(metadata)
            store.archive(encoded)
            n_bytes += len(encoded.message)
            done += 1
            progress(done, load.n_fields)
        store.flush()
    return clock.measured(done, n_bytes)


def read(store: FDB, load: Load, maker: Maker | None, progress: Progress, *, md_check: bool) -> Measured:
    """Retrieve every field of a load, one request each; messages are compared with their checksums.

    Parameters
    ----------
    store, load, progress
        As `write`.
    maker : Maker or None
        Whether each must be the very message that `write` makes.
    md_check : bool
        Whether each message must say in its header that it is the field asked for.

    Raises
    ------
    FieldNotFound, CorruptData
        If a field is not there, or not what was written.
    """
    clock, n_bytes, done = _Clock(), 0, 0
    for step in load.steps():
        for metadata in load.fields(step):
            message = store.retrieve(_request(metadata)).read()
            with clock.apart:
                if md_check:
                    _compare_key(message, metadata)
                if maker is not None and message != bytes(maker.message(metadata).message):
                    raise CorruptData(f"the message of {metadata} is not the one this load writes")
            n_bytes += len(message)
            done += 1
            progress(done, load.n_fields)
    return clock.measured(done, n_bytes)


def list_steps(store: FDB, load: Load, progress: Progress) -> Measured:
    """List every step of every member; CorruptData if there are fewer fields than all processes write."""
    clock, n_bytes, done = _Clock(), 0, 0
    for number, step in enumerate(load.steps(), 1):
        listing = store.list(_request(step))
        if len(listing) < load.n_plane:
            raise CorruptData(f"{len(listing)} fields are listed of {step}; expected {load.n_plane}")
        n_bytes += int(listing.length.sum())
        done += len(listing)
        progress(number, load.n_steps * load.n_members)
    return clock.measured(done, n_bytes)


def template_of(message: "bytes | memoryview | None", **words: str) -> tuple[Metadata, int]:
    """Return what a load's fields are called, and how many values they have (0 for no message given).

    Parameters
    ----------
    message : bytes or None
        One GRIB message whose metadata and grid are taken; None for a field on pressure levels without a
        grid.
    **words
        Keywords that are other than the message's.
    """
    if message is None:
        base = "stream=oper,type=fc,levtype=pl,date=20260101,time=0,class=rd,expver=xxxx"
        return Metadata({**dict(part.split("=") for part in base.split(",")), "time": 0, **words}), 0
    from dte_hpc.codecs.decode import read_field

    field = read_field(message)
    return Metadata({**field.metadata.without(*PACKING_FACTS), **words}), field.values.size


class _Clock:
    """Measures what is done with a store, without what is marked as apart."""

    def __init__(self) -> None:
        self.apart = _Apart()
        self._first, self._started = time.time(), time.perf_counter()

    def measured(self, n_fields: int, n_bytes: int) -> Measured:
        seconds = time.perf_counter() - self._started
        return Measured(
            n_fields=n_fields,
            n_bytes=n_bytes,
            seconds=seconds - self.apart.seconds,
            making_seconds=self.apart.seconds,
            first=self._first,
            last=time.time(),
        )


class _Apart:
    """Adds up the time of its blocks."""

    def __init__(self) -> None:
        self.seconds = self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started


@functools.cache
def _parameters() -> tuple[int, ...]:
    text = resources.files("dte_hpc.fdb").joinpath("data/hammer-parameters.txt").read_text(encoding="utf-8")
    return tuple(int(word) for line in text.splitlines() if not line.startswith("#") for word in line.split())


def _request(metadata: Metadata) -> dict[str, list[str]]:
    return {keyword: [text_of(value)] for keyword, value in metadata.items() if keyword != "grid"}


def _compare_key(message: bytes, metadata: Metadata) -> None:
    found = mars_key(message)
    wrong = [k for k, v in metadata.items() if k in found and text_of(found[k]) != text_of(v)]
    if wrong:
        raise CorruptData(f"the message asked for as {metadata} says it is {found}; they differ in {wrong}")


def _seed(metadata: Metadata) -> list[int]:
    return [int(metadata.get(keyword, 0)) for keyword in ("number", "step", "levelist", "param")]
