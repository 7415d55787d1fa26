"""How is a database read that ECMWF's FDB 5 wrote?

A `Fdb5Database` answers as a `Database` of our own does: its table holds whole columns, made of the
B-trees that its toc and sub-tocs name. Reading again costs one lstat a toc when nothing was flushed;
otherwise the new records and their trees are read, or all of them when what is new does not count last.
The first few requests for few fields do not read all trees: their entries are looked up.

Nothing there carries a checksum. What can be seen to be wrong (records, pages, entries that contradict
themselves, their index's axes or one another) is reported to the listener, once, and passed over. A
field that reaches beyond the end of its data file is listed, and reading it is `CorruptData`.
"""

from collections.abc import Iterable
from pathlib import Path

from dte_hpc.base.errors import CorruptData
from dte_hpc.base.events import Listener
from dte_hpc.fdb.fdb5.narrowing import Narrowing
from dte_hpc.fdb.fdb5.reader import IndexReader, Sought
from dte_hpc.fdb.fdb5.rules import key_of_name, names, rule_of
from dte_hpc.fdb.fdb5.table import Fdb5Table
from dte_hpc.fdb.fdb5.toc import Index
from dte_hpc.fdb.fdb5.tocs import Tocs
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import OpenFile, OpenFiles
from dte_hpc.fdb.files.toc import TocRecord
from dte_hpc.fdb.finding.matching import Wanted

MAX_LOOK_UPS = 8
MAX_TREES = 64


class Fdb5Database(Database):
    """One database of a store that ECMWF's FDB 5 wrote; read only.

    Parameters
    ----------
    root : Path
        The root directory.
    name : str
        The database's directory: values joined by ``:``, not encoded.
    files : OpenFiles
        Through which index and data files are read.
    listener : Listener
        Told of damage.
    data_roots : iterable of Path
        Other roots in which the same database may have data files (``storeRoots``).
    """

    has_checksums = False

    def __init__(
        self,
        root: Path,
        name: str,
        files: OpenFiles,
        listener: Listener,
        data_roots: Iterable[Path] = (),
    ) -> None:
        super().__init__(root, name, files, listener)
        self._data_roots = {root, *data_roots}
        self._tocs = Tocs(root, name, self._skipped)
        self._reader = IndexReader(self.where, self.file, self._keywords, self._skipped)
        self._indexes: list[tuple[str, int]] = []
        self._fields = Fdb5Table((), self.file)
        self._is_stale = False
        self._n_look_ups = 0
        self._orders: dict[tuple[str, ...], tuple[dict[str, str], tuple[str, ...]]] = {}

    def table(self) -> Fdb5Table:
        """Return a snapshot of everything flushed up to now, by anybody."""
        if self._is_new():
            self._is_stale = False
            self._read()
        return self._fields

    def table_for(self, wanted: Wanted) -> Fdb5Table:
        """Return a snapshot of at least the fields that answer a request."""
        if not self._is_new() or self._indexes or self._n_look_ups >= MAX_LOOK_UPS:
            return self.table()
        self._n_look_ups += 1
        try:
            sought = self._sought(wanted)
            return self.table() if sought is None else Fdb5Table(self._reader.some(sought), self.file)
        except CorruptData:
            return self.table()

    def anew(self, listener: Listener) -> "Fdb5Database":
        """Return the same database as if it had just been opened: nothing of it was read or reported."""
        return Fdb5Database(self.root, self.name, OpenFiles(), listener, self._data_roots)

    def every_record(self) -> list[TocRecord]:
        """Return a record for each index of the toc and its sub-tocs, cleared ones included."""
        _ = self._is_new(), self._tocs.indexes()
        return [
            TocRecord(
                position=0,
                index=index.file,
                sequence=0,
                n_fields=0,
                offset=index.offset,
                length=0,
                checksum=0,
                time_ns=index.time * 1_000_000_000,
            )
            for index in self._tocs.every_index()
        ]

    def toc_bytes(self) -> int:
        """Return the size of the toc and the sub-tocs that are read, 0 when there is none."""
        return self._tocs.n_bytes()

    def file(self, name: str) -> OpenFile:
        """Return one of the database's index or data files; CorruptData for a name that is not one's."""
        if "/" not in name and name not in ("", ".", "..") and "\0" not in name:
            return self._files.get(self.root, self.name, name)
        path = Path(name)
        if path.parent.name == self.name and path.parent.parent in self._data_roots and path.name != "..":
            return self._files.get(path.parent.parent, self.name, path.name)
        raise CorruptData(
            f"{self.where} names {name!r}, which is no file in {self.name} of a configured root",
            where=self.where,
        )

    def _is_new(self) -> bool:
        """Whether a toc has something that is not in the columns."""
        self._is_stale = self._tocs.changed() or self._is_stale
        return self._is_stale

    def _read(self) -> None:
        found = self._tocs.indexes()
        places = [(index.file, index.offset) for index in found]
        older = self._fields if places[: len(self._indexes)] == self._indexes else None
        if older is None:
            self._schema = None
            self._orders.clear()
            self._files.forget(self.root, self.name)
        new = found if older is None else found[len(self._indexes) :]
        self._indexes = places
        if new or older is None:
            segments = self._reader.everything(new)
            self._fields = Fdb5Table([*(older.placed if older else ()), *segments], self.file, older)

    def _sought(self, wanted: Wanted) -> list[Sought] | None:
        """Return the few entries that may answer a request, None when they are many."""
        schema = self.schema()
        if schema is None:
            return None
        narrowing = Narrowing(wanted, schema.hidden)
        sought: list[Sought] = []
        for index in self._tocs.indexes():
            key, order = self._keywords(index)
            keys = (
                narrowing.fingerprints(index.axes, order) if narrowing.may_hold({**key, **index.key}) else []
            )
            if keys is None or len(sought) > MAX_TREES:
                return None
            if keys:
                sought.append((index, keys))
        return sought

    def _keywords(self, index: Index) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return the database's key, and the keywords of an index's fields in the order of fingerprints."""
        like = (*index.key, "", *index.key.values(), "", *index.axes)
        found = self._orders.get(like)
        if found is None:
            found = self._orders[like] = self._new_keywords(index)
        return found

    def _new_keywords(self, index: Index) -> tuple[dict[str, str], tuple[str, ...]]:
        schema = self.schema()
        if schema is None:
            raise CorruptData(f"{self.where} has no schema, which says what an index holds", where=self.where)
        key = self._tocs.key() or key_of_name(schema, self.name)
        rule = rule_of(schema, key, index.key, index.axes) if key is not None else None
        if key is None or rule is None:
            keywords = ", ".join((*(key or ()), *index.key, *index.axes))
            raise CorruptData(f"{self.where}/schema has no rule for {keywords}", where=self.where)
        return key, names(rule.levels[2])
