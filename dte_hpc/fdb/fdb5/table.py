"""What are the packing facts of a field that FDB 5 knows nothing of?

FDB 5's index says where a message lies and not what is in it. An `Fdb5Table` reads the header of a
message, never its data, when its packing or its grid is asked for, and remembers both for its row.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidMessage
from dte_hpc.codecs.layout import LAYOUT
from dte_hpc.codecs.outline import outline
from dte_hpc.fdb.fdb5.segment import Fdb5Segment
from dte_hpc.fdb.files.disk import OpenFile, read_exactly
from dte_hpc.fdb.files.table import FILE, Table
from dte_hpc.fdb.writing.facts import grid_of, layout_of

_FACTS = attrgetter(*(LAYOUT.names or ()))
_NO_FACTS: tuple[Any, ...] = np.zeros(1, LAYOUT)[0].item()
Opener = Callable[[str], OpenFile]


class Fdb5Table(Table):
    """A snapshot of the fields of a database that FDB 5 wrote.

    Parameters
    ----------
    segments : sequence of (Fdb5Segment, index file, byte)
        Those that count last, last.
    opened : callable
        From a data file's name to the file.
    older : Fdb5Table, optional
        A snapshot whose segments these ones begin with.
    """

    def __init__(
        self,
        segments: Sequence[tuple[Fdb5Segment, str, int]],
        opened: Opener,
        older: "Fdb5Table | None" = None,
    ) -> None:
        super().__init__(segments, older)
        self.placed = tuple(segments)
        self._opened = opened
        self._headers: dict[int, tuple[tuple[Any, ...], str]] = {} if older is None else older._headers

    def layout(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """Return the packing facts of some rows, dtype `LAYOUT`; all zero for what is not GRIB.

        Cost: two small reads a row when asked for the first time.
        """
        return np.array([self._header(row)[0] for row in rows.tolist()], LAYOUT)

    def grid_name(self, row: int) -> str:
        """Return the name of the grid a field lies on, empty when it is not known."""
        return self._header(row)[1]

    def _header(self, row: int) -> tuple[tuple[Any, ...], str]:
        """Return the packing facts and the grid of a row."""
        found = self._headers.get(row)
        if found is None:
            found = self._headers[row] = self._read_header(row)
        return found

    def _read_header(self, row: int) -> tuple[tuple[Any, ...], str]:
        name = self.words_of(FILE).list[int(self.codes(FILE)[row])]
        fd, start = self._opened(name).fd, int(self.number("offset")[row])

        def read(offset: int, length: int) -> bytes:
            return read_exactly(fd, length, start + offset, name)

        try:
            message = outline(read, int(self.number("length")[row]))
        except InvalidMessage:
            return _NO_FACTS, ""
        facts = layout_of(message)
        return (_NO_FACTS, "") if facts is None else (_FACTS(facts), grid_of(message))
