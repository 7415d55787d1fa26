"""How do the fields of many ranks become visible at once?

Each rank writes its own data files, as a writer alone does. At the flush the rows of a database travel
to one of the ranks that have some, its owner, which publishes them as one segment, with one toc record
(`dte_hpc.fdb.writing.publish`): a reader sees the fields of all ranks or of none. The steps, all of them
collective:

1. Every rank makes its messages durable, and the names of its data files (`Writer.prepare`).
2. All tell all: which databases they have rows for, how many bytes, and what failed.
3. Of databases for which nothing failed the rows travel, as the bytes of index segments.
4. Owners publish. What is masked follows the order of ranks, then the order of archiving.
5. All tell all what failed. The fields of published databases are forgotten by their writers; all others
   stay for the next flush, and the first failure is raised on every rank.

The owner is chosen by a hash of the database and the rank, so that the databases of a store are spread
over the ranks, and one keeps its owner, hence its index file, while that rank has rows for it. An owner
looks whether it finds the data files of the others: a store on the disk of one node is refused before
anything is visible.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import DteError
from dte_hpc.fdb.files.repack import repacked
from dte_hpc.fdb.files.segment import Packed, Segment, checksum_of
from dte_hpc.fdb.files.table import FILE, Table
from dte_hpc.fdb.writing.writer import Writer
from dte_hpc.parallel.agree import attempt, error_bytes, error_of, tell_all
from dte_hpc.parallel.mpi import BYTE, Comm, Request
from dte_hpc.parallel.waiting import finish

if TYPE_CHECKING:
    from dte_hpc.fdb.store import FDB

TAG = 21

Failures = dict[str, DteError]
"""By database."""


class _Share(NamedTuple):
    """What a rank has for a database, as all ranks know it."""

    rank: int
    n_fields: int
    segment_bytes: int
    table_bytes: int


@dataclass(slots=True, eq=False)
class _Flush:
    """A flush as all ranks know it.

    Attributes
    ----------
    shares : dict of database to list of _Share
        By ascending rank.
    failures : dict of database to DteError
        The first of each, by rank.
    """

    shares: dict[str, list[_Share]] = field(default_factory=dict)
    failures: Failures = field(default_factory=dict)

    def sound(self) -> list[tuple[str, list[_Share], int]]:
        """Return the databases to be published in their order, with everybody's share, and their owners."""
        return [
            (where, shares, _owner(where, (share.rank for share in shares)))
            for where, shares in sorted(self.shares.items())
            if where not in self.failures
        ]


def flush_together(stores: Iterable["FDB"], comm: Comm) -> None:
    """Make what was archived through the handles of all ranks durable and visible.

    Collective: every rank calls it, also one without fields, with whatever stores it has. Databases are the
    same when their root and name are. Cost over a flush alone: two reductions, the rows to their owner,
    and the owner's repacking.

    Raises
    ------
    DteError
        On every rank the same, that of the first database and rank with one; StorageFailed mostly. What
        was published is published whole; nothing else is visible (or, when a toc's sync was refused,
        perhaps all of it) and no field is forgotten.
    """
    with ExitStack() as held:
        writers = [writer for store in stores for writer in held.enter_context(store.flushing())]
        _flush(_named(writers), comm)


def _flush(pending: Mapping[str, Writer], comm: Comm) -> None:
    packed, failures = _prepare(pending, comm)
    flush = _agreed(comm, packed, failures)
    own = _publish(comm, pending, flush, _gather(comm, flush, packed))
    flush.failures.update(_told(comm, own))
    for where in packed.keys() - flush.failures.keys():
        pending[where].done()
    own.update(_lost(comm, pending, flush.failures))
    if flush.failures:
        first = min(flush.failures)
        raise flush.failures[first] from {**failures, **own}.get(first)


def _named(writers: Iterable[Writer]) -> dict[str, Writer]:
    """Return the writers that have rows by their databases; a second one of a database is named apart."""
    named: dict[str, Writer] = {}
    for writer in writers:
        if writer.n_pending:
            where = writer.where
            while where in named:
                where += "\0"
            named[where] = writer
    return named


def _prepare(pending: Mapping[str, Writer], comm: Comm) -> tuple[dict[str, Packed], Failures]:
    """Make this rank's messages durable; return the rows of each database, and what failed."""
    packed, failures = {}, {}
    for where, writer in pending.items():
        rows, error = attempt(comm, partial(_prepared, writer))
        if error is None and rows is not None:
            packed[where] = rows
        elif error is not None:
            failures[where] = error
    return packed, failures


def _prepared(writer: Writer) -> Packed:
    writer.prepare(own_index=False)
    return writer.packed("")


def _agreed(comm: Comm, packed: Mapping[str, Packed], failures: Failures) -> _Flush:
    """Tell all ranks what this one has, and return what all have."""
    mine = [[where, rows.n_fields, len(rows.segment), len(rows.tables)] for where, rows in packed.items()]
    texts = tell_all(comm, json.dumps([mine, _texts(failures)]).encode() if mine or failures else b"")
    flush = _Flush()
    for rank, text in enumerate(texts):
        shares, told = json.loads(text) if text else ([], [])
        for where, *sizes in shares:
            flush.shares.setdefault(where, []).append(_Share(rank, *sizes))
        for where, error in told:
            flush.failures.setdefault(where, error_of(error.encode()))
    return flush


def _lost(comm: Comm, pending: Mapping[str, Writer], failures: Failures) -> Failures:
    """Forget the fields of databases that were wiped meanwhile; return what is to be said of them."""
    found = {}
    for where in pending.keys() & failures.keys():
        _, error = attempt(comm, partial(pending[where].give_up_if_wiped, failures[where]))
        if error is not None:
            found[where] = error
    return found


def _told(comm: Comm, failures: Failures) -> Failures:
    """Tell all ranks what failed on this one, and return what failed on any."""
    texts = tell_all(comm, json.dumps(_texts(failures)).encode() if failures else b"")
    return {where: error_of(error.encode()) for text in texts if text for where, error in json.loads(text)}


def _texts(failures: Failures) -> list[tuple[str, str]]:
    return [(where, error_bytes(error).decode()) for where, error in failures.items()]


def _owner(where: str, ranks: Iterable[int]) -> int:
    return max(ranks, key=lambda rank: checksum(f"{where}\0{rank}".encode()))


def _gather(comm: Comm, flush: _Flush, packed: Mapping[str, Packed]) -> dict[str, list[Packed]]:
    """Send this rank's rows to their owners; return those it owns, by ascending rank."""
    owned: dict[str, list[tuple[_Share, NDArray[np.uint8]]]] = {}
    requests: list[Request] = []
    kept = []
    for where, shares, owner in flush.sound():
        for share in shares:
            if comm.rank == share.rank:
                rows = np.frombuffer(packed[where].segment + packed[where].tables, np.uint8)
            elif comm.rank == owner:
                rows = np.empty(share.segment_bytes + share.table_bytes, np.uint8)
                requests.append(comm.Irecv([rows, BYTE], share.rank, TAG))
            if comm.rank == owner:
                owned.setdefault(where, []).append((share, rows))
            elif comm.rank == share.rank:
                requests.append(comm.Isend([rows, BYTE], owner, TAG))
                kept.append(rows)
    for request in requests:
        finish(request)
    return {where: [_received(*piece) for piece in pieces] for where, pieces in owned.items()}


def _received(share: _Share, rows: NDArray[np.uint8]) -> Packed:
    cut = share.segment_bytes
    return Packed(share.n_fields, rows[:cut].tobytes(), rows[cut:].tobytes())


def _publish(
    comm: Comm, writers: Mapping[str, Writer], flush: _Flush, owned: Mapping[str, Sequence[Packed]]
) -> Failures:
    """Publish the databases this rank owns; return what failed."""
    failures = {}
    for where, pieces in owned.items():
        ranks = [share.rank for share in flush.shares[where]]
        _, error = attempt(comm, partial(_publish_one, writers[where], pieces, ranks))
        if error is not None:
            failures[where] = error
    return failures


def _publish_one(writer: Writer, pieces: Sequence[Packed], ranks: Sequence[int]) -> None:
    segments = [
        Segment(piece.segment, checksum_of(piece.segment), f"the rows of rank {rank} for {writer.where}")
        for piece, rank in zip(pieces, ranks, strict=True)
    ]
    # As if each rank's tables were a file, called by the number of its piece.
    table = Table([(segment, str(n), -segment.length) for n, segment in enumerate(segments)])
    writer.refuse_absent(table.words_of(FILE).list[1:])
    rows = np.arange(table.n_rows)

    def read_table(piece: str, offset: int, length: int) -> bytes:
        return pieces[int(piece)].tables[offset : offset + length]

    writer.open_index()
    writer.publisher.publish(lambda index: repacked(table, rows, index, read_table=read_table))
