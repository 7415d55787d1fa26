"""How do the entries of FDB 5 indexes become the columns of a table?

All indexes with the same key and keywords that are read together are one `Fdb5Segment`: a table asks the
same of it as of a segment of our own, and gets whole columns.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dte_hpc.fdb.files.segment import Segment
from dte_hpc.fdb.files.table import FILE, GRID

Codes = NDArray[np.int32]
U64 = NDArray[np.uint64]
Coded = tuple[Sequence[str], Codes]


class Fdb5Segment(Segment):
    """The fields of some indexes.

    Parameters
    ----------
    where : str
        For people.
    common : mapping of str to str
        Keywords that all fields share, with their value.
    columns : mapping of str to (words, codes)
        The other keywords; codes of shape (n,).
    files : (words, codes)
        Names of the data files in the same form.
    numbers : mapping of str to ndarray of uint64, shape (n,)
        ``offset`` and ``length`` of the messages, and ``time``, the second of their flush.
    """

    __slots__ = ("_columns", "_numbers")

    def __init__(
        self,
        where: str,
        common: Mapping[str, str],
        columns: Mapping[str, Coded],
        files: Coded,
        numbers: Mapping[str, U64],
    ) -> None:
        offset, length = numbers["offset"], numbers["length"]
        self.where = where
        self.n_fields = len(offset)
        self.start = int(offset[0])
        self.time = int(numbers["time"][-1])
        self.digest = self.length = self.table_bytes = 0
        self.keywords = tuple(dict.fromkeys((*common, *columns)))
        self._columns: dict[str, tuple[list[str], Codes | None]] = {k: ([v], None) for k, v in common.items()}
        for keyword, (words, codes) in {**columns, FILE: files}.items():
            self._columns[keyword] = (list(words), codes)
        self._columns[GRID] = ([""], None)
        gap = np.zeros(len(offset), np.uint64)
        gap[1:] = offset[1:] - offset[:-1] - length[:-1]
        self._numbers = {"gap": gap, "length": length, "time": numbers["time"]}

    def words(self, keyword: str) -> tuple[list[str], NDArray[np.integer] | None] | None:
        """Return the dictionary of a column and the codes of its fields; None for no such column."""
        return self._columns.get(keyword)

    def number(self, name: str) -> tuple[int, NDArray[np.integer] | None]:
        """Return the base of a number column, and what is added for each field (None for nothing).

        What FDB 5 does not know (checksums, how a message is packed) is 0.
        """
        found = self._numbers.get(name)
        if found is None or not found.any():
            return 0, None
        return (int(found[0]), None) if name == "time" and (found == found[0]).all() else (0, found)

    def reference_is_single(self) -> bool:
        """Whether the numbers of ``reference`` are the bits of float32s: there are none."""
        return False
