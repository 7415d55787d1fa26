"""Which indexes of a database are to be read, in which order?

The toc, with each sub-toc (a writer's own, ``FDB_SUB_TOCS``) read in place of the record that names it.
Of equal keys the one in the last index counts. A clear record takes an index, a sub-toc, or all that
stood before it in its own toc, out; where it stands does not matter, because theirs collects all clear
records before it reads an index. When a writer with a sub-toc closes, it writes one index of all its
fields into the toc and clears its sub-toc.

A sub-toc of another database (``fdb-overlay``) is not followed: keys and messages of what is mounted
would have to be changed on the way. It is reported.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from dte_hpc.base.errors import CorruptData
from dte_hpc.fdb.fdb5.toc import MAX_RECORD_BYTES, Clear, Index, Init, Record, SubToc, begins_record, scan
from dte_hpc.fdb.files.disk import open_file, read_exactly

SETTLED_SECONDS = 2.0
Skipped = Callable[[str, str], None]


class TocFile:
    """One toc being read, again and again.

    Parameters
    ----------
    root : Path
        The root directory.
    database : str
        The database's directory.
    name : str
        Of the file.
    skipped : callable
        Told where something is passed over, and why.
    """

    def __init__(self, root: Path, database: str, name: str, skipped: Skipped) -> None:
        self.name = name
        self.records: list[Record] = []
        self._place = (root, database)
        self._where = f"{root}/{database}/{name}"
        self._skipped = skipped
        self._seen = (0, 0)
        self._read_to = 0
        self._told: set[int] = set()
        self._unsettled = False

    def look(self) -> tuple[int, int]:
        """Return inode and size of the file, zeros when there is none."""
        try:
            status = os.lstat(self._where)
        except (FileNotFoundError, NotADirectoryError):
            return 0, 0
        return status.st_ino, status.st_size

    def read(self) -> bool:
        """Read what is new; return whether there was anything. A file that is not there has no records."""
        seen = self.look()
        if seen == self._seen and not self._unsettled:
            return False
        if seen[0] != self._seen[0] or seen[1] < self._seen[1]:
            self.records, self._read_to, self._told = [], 0, set()
        self._seen = seen
        if seen != (0, 0):
            try:
                self._read_tail()
            except (CorruptData, FileNotFoundError) as error:
                self._skipped(self._where, str(error))
        return True

    def _read_tail(self) -> None:
        file = open_file(*self._place, self.name)
        start = self._read_to
        data = read_exactly(file.fd, self._seen[1] - start, start, self._where)
        settled = time.time() - os.fstat(file.fd).st_mtime > SETTLED_SECONDS
        found = list(scan(data, start))
        self.records += [record for record in found if not isinstance(record, tuple)]
        self._read_to, self._unsettled = self._seen[1], False
        for begin, stop in (gap for gap in found if isinstance(gap, tuple)):
            if stop == self._seen[1] and stop - begin < MAX_RECORD_BYTES:
                self._read_to = begin
                self._unsettled = not settled and begins_record(data[begin - start :])
            if not self._unsettled and begin not in self._told:
                self._told.add(begin)
                self._skipped(f"{self._where}, bytes {begin} to {stop}", "no record is there")


class Tocs:
    """The toc of a database and its sub-tocs, being read again and again."""

    def __init__(self, root: Path, name: str, skipped: Skipped) -> None:
        self.where = f"{root}/{name}"
        self._place = (root, name)
        self._skipped = skipped
        self.master = TocFile(root, name, "toc", skipped)
        self._subs: dict[str, TocFile] = {}
        self._walked: list[TocFile] = []

    def changed(self) -> bool:
        """Read what is new; return whether there was anything. Cost: one lstat a toc when not."""
        read = [toc.read() for toc in (self.master, *self._walked)]
        return any(read)

    def key(self) -> dict[str, str] | None:
        """Return the database's key, None when no toc says it."""
        tocs = (self.master, *self._subs.values())
        keys = (record.key for toc in tocs for record in toc.records if isinstance(record, Init))
        return next(keys, None)

    def indexes(self) -> list[Index]:
        """Return the indexes that are not cleared, those that count last."""
        self._walked = []
        return self._walk(self.master, set(), {"toc"})

    def every_index(self) -> list[Index]:
        """Return all indexes of the tocs that are read, cleared ones included."""
        records = (record for toc in (self.master, *self._walked) for record in toc.records)
        return [record for record in records if isinstance(record, Index)]

    def n_bytes(self) -> int:
        """Return the size of the tocs that are read."""
        return sum(toc.look()[1] for toc in (self.master, *self._walked))

    def _walk(self, toc: TocFile, cleared: set[tuple[str, int]], above: set[str]) -> list[Index]:
        cleared = cleared | _cleared(toc.records)
        found: list[Index] = []
        for record in toc.records:
            if isinstance(record, Index):
                if (record.file, record.offset) not in cleared:
                    found.append(record)
            elif isinstance(record, SubToc):
                name = record.path.rpartition("/")[2]
                if (name, 0) not in cleared and self._is_own(record.path) and name not in above:
                    found += self._walk(self._sub(name), cleared, above | {name})
        return found

    def _sub(self, name: str) -> TocFile:
        if name not in self._subs:
            self._subs[name] = TocFile(*self._place, name, self._skipped)
            if not self._subs[name].read():
                self._skipped(f"{self.where}/{name}", "it is not there, but the toc names it")
        self._walked.append(self._subs[name])
        return self._subs[name]

    def _is_own(self, path: str) -> bool:
        """Whether a sub-toc is of this database; old versions of FDB wrote absolute paths of those too."""
        directory, _, name = path.rpartition("/")
        if (
            name.startswith("toc.")
            and name.isprintable()
            and (not directory or directory.rpartition("/")[2] == self._place[1])
        ):
            return True
        self._skipped(
            f"{self.where}/toc", f"{path!r} of another database is laid over, which is not followed"
        )
        return False


def _cleared(records: list[Record]) -> set[tuple[str, int]]:
    """Return the file and byte of what a toc's clear records take out."""
    cleared: set[tuple[str, int]] = set()
    before: list[tuple[str, int]] = []
    for record in records:
        if isinstance(record, Index):
            before.append((record.file, record.offset))
        elif isinstance(record, SubToc):
            before.append((record.path.rpartition("/")[2], 0))
        elif isinstance(record, Clear):
            cleared.update(before if record.file == "*" else [(record.file, record.offset)])
    return cleared
