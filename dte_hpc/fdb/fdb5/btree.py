"""Which entries does one B-tree of an FDB 5 index file hold?

A tree is a run of pages; page n (from 1, the root) begins at (n - 1) pages from the tree's own beginning.
Little-endian::

    byte 0   Q  the page's own number       24  Q  leaf: page to the left; node: the first child
         8   Q  entries                     32  Q  leaf: page to the right
        16   Q  1 for a node, 0 for a leaf  40     the entries

    leaf   fingerprint: K bytes, padded with NUL | number of the data file Q | offset Q | length Q
    node   fingerprint: K bytes                  | page of what is not smaller Q

    BTreeIndex     K = 32, pages of 65536 bytes       BTreeIndex4MB  K = 32, pages of 4194304 bytes
    BTreeIndex64   K = 64, pages of 65536 bytes

(eckit, https://github.com/ecmwf/eckit, `src/eckit/container/BTree.h`; fdb, `src/fdb5/toc/BTreeIndex.cc`,
`FieldRef.h`.) A tree is read level by level, a page once, entries as one array: no object an entry.

There are no checksums. What can be seen to be wrong is left out and counted: a page that is cut off,
has another page's number, holds more than fits or was met before, and neighbours that are out of order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import CorruptData
from dte_hpc.fdb.files.disk import read_exactly

HEADER_BYTES = 40
FIRST_READ_BYTES = 4096
READ_BYTES = 8 << 20
_HEADER = np.dtype([("id", "<u8"), ("count", "<u8"), ("node", "<u8"), ("left", "<u8"), ("right", "<u8")])
assert _HEADER.itemsize == HEADER_BYTES  # noqa: S101
Entries = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class TreeKind:
    """How the pages of one type of tree look."""

    key_bytes: int
    page_bytes: int
    leaf: np.dtype[np.void] = field(init=False)
    node: np.dtype[np.void] = field(init=False)

    def __post_init__(self) -> None:
        key = ("key", f"S{self.key_bytes}")
        leaf = np.dtype([key, ("file", "<u8"), ("offset", "<u8"), ("length", "<u8")])
        object.__setattr__(self, "leaf", leaf)
        object.__setattr__(self, "node", np.dtype([key, ("page", "<u8")]))


KINDS = {
    "BTreeIndex": TreeKind(32, 65536),
    "BTreeIndex64": TreeKind(64, 65536),
    "BTreeIndex4MB": TreeKind(32, 4194304),
}
KINDS |= {
    f"BTreeIndex_{kind.key_bytes}_{kind.page_bytes}_FieldRefReduced": kind for kind in list(KINDS.values())
}


def read_tree(fd: int, size: int, kind: TreeKind, offset: int, where: str) -> tuple[list[Entries], list[str]]:
    """Return the leaf entries of a tree, in the order of their fingerprints, and what is wrong with it.

    Parameters
    ----------
    fd, size
        The index file, and its bytes.
    kind : TreeKind
    offset : int
        Byte at which the tree begins.
    where : str
        The file, for errors.

    Notes
    -----
    A tree of few fields costs one read of 4 KiB.
    """
    small = _small_root(fd, size, kind, offset, where)
    if small is not None:
        return [small], []
    return _Walk(fd, size, kind, offset, where).entries()


def search_tree(
    fd: int, size: int, kind: TreeKind, offset: int, where: str, keys: Sequence[bytes]
) -> list[Entries]:
    """Return the leaf entries of a tree that have one of some fingerprints.

    Notes
    -----
    Costs a read for each page between the root and the entries, at most 4 for a million fields.

    Raises
    ------
    CorruptData
        If a page on the way cannot be trusted; `read_tree` says what can be read nevertheless.
    """
    walk = _Walk(fd, size, kind, offset, where)
    level: dict[int, list[bytes]] = {1: sorted(keys)}
    while True:
        pages = dict(walk.pages(list(level)))
        if walk.wrong:
            raise CorruptData(f"{where}: {walk.wrong[0]}", where=where)
        below: dict[int, list[bytes]] = {}
        for page, (entries, is_node) in pages.items():
            for key in level[page] if is_node else ():
                at = int(np.searchsorted(entries["key"][1:], key, side="right"))
                below.setdefault(int(entries["page"][at]), []).append(key)
        if not below:
            return [_with_keys(entries, level[page], where) for page, (entries, _) in pages.items()]
        if any(not is_node for _, is_node in pages.values()):
            raise CorruptData(f"{where}: leaves are among nodes", where=where)
        level = below


def _with_keys(entries: Entries, keys: Sequence[bytes], where: str) -> Entries:
    """Return the entries of a leaf that have one of some fingerprints."""
    found = entries["key"]
    if not (found[1:] > found[:-1]).all():
        raise CorruptData(f"{where}: a page is out of order", where=where)
    return entries[np.isin(found, np.array(keys))]


def in_order(keys: NDArray[np.bytes_], tree: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which fingerprints, of several trees one after another, are larger than the one before them.

    Of two neighbours of one tree that stand in the wrong order, neither can be trusted.
    """
    good = np.ones(len(keys), np.bool_)
    wrong = (keys[1:] <= keys[:-1]) & (tree[1:] == tree[:-1])
    good[1:] &= ~wrong
    good[:-1] &= ~wrong
    return good


def _small_root(fd: int, size: int, kind: TreeKind, offset: int, where: str) -> Entries | None:
    """Return the entries of a tree that is one leaf of few entries, None for any other."""
    if offset + kind.page_bytes > size:
        return None
    head = read_exactly(fd, FIRST_READ_BYTES, offset, where)
    page, count, is_node = (int(n) for n in np.frombuffer(head, "<u8", 3).tolist())
    if page != 1 or is_node or count > (FIRST_READ_BYTES - HEADER_BYTES) // kind.leaf.itemsize:
        return None
    return np.frombuffer(head, kind.leaf, count, HEADER_BYTES)


class _Walk:
    """One walk through a tree, from its root down."""

    def __init__(self, fd: int, size: int, kind: TreeKind, offset: int, where: str) -> None:
        self.fd = fd
        self.kind = kind
        self.offset = offset
        self.where = where
        self.n_pages = max(0, size - offset) // kind.page_bytes
        self.wrong: list[str] = []
        self.seen: set[int] = set()

    def entries(self) -> tuple[list[Entries], list[str]]:
        level, leaves = [1], []
        while level:
            pages = dict(self.pages(level))
            nodes = {page: data for page, data in pages.items() if data[1]}
            if not nodes:
                leaves = [pages[page][0] for page in level if page in pages]
                break
            if len(nodes) != len(pages):
                self.wrong.append(f"leaves among nodes: {len(pages) - len(nodes)}")
            level = [child for page in level if page in nodes for child in nodes[page][0]["page"].tolist()]
        return leaves, self.wrong

    def _fresh(self, level: list[int]) -> list[int]:
        """Return the pages of a level that exist and were not met before, in file order."""
        good = sorted({page for page in level if 1 <= page <= self.n_pages} - self.seen)
        if len(good) != len(level):
            self.wrong.append(f"pages cut off, or named twice: {len(level) - len(good)}")
        self.seen.update(good)
        return good

    def pages(self, numbers: list[int]) -> Iterator[tuple[int, tuple[Entries, bool]]]:
        """Yield number, entries and whether it is a node of each page that can be read."""
        at_once = max(1, READ_BYTES // self.kind.page_bytes)
        for run in _runs(self._fresh(numbers), at_once):
            start = self.offset + (run[0] - 1) * self.kind.page_bytes
            data = read_exactly(self.fd, len(run) * self.kind.page_bytes, start, self.where)
            for at, number in enumerate(run):
                try:
                    yield number, self._page(data, at * self.kind.page_bytes, number)
                except CorruptData as error:
                    self.wrong.append(str(error))

    def _page(self, data: bytes, at: int, number: int) -> tuple[Entries, bool]:
        """Return a page's entries, a node's with its first child before them, and whether it is a node."""
        head = np.frombuffer(data, _HEADER, 1, at)[0]
        is_node, count = int(head["node"]), int(head["count"])
        form = self.kind.node if is_node else self.kind.leaf
        room = (self.kind.page_bytes - HEADER_BYTES) // form.itemsize
        if int(head["id"]) != number or is_node > 1 or count > room or (is_node and not count):
            raise CorruptData(f"page {number} contradicts itself", where=self.where)
        entries = np.frombuffer(data, form, count, at + HEADER_BYTES)
        if not is_node:
            return entries.copy(), False
        first = np.zeros(1, form)
        first["page"] = head["left"]
        return np.concatenate((first, entries)), True


def _runs(numbers: list[int], longest: int) -> Iterator[list[int]]:
    """Yield sorted numbers in runs without a gap."""
    run: list[int] = []
    for number in numbers:
        if run and (number != run[-1] + 1 or len(run) == longest):
            yield run
            run = []
        run.append(number)
    if run:
        yield run
