"""What are the packing facts of a field that FDB 5 knows nothing of?

FDB 5's index says where a message lies and not what is in it. An `Fdb5Table` reads the header of a
message, never its data, when its packing or its grid is asked for, and remembers both for its row.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidMessage, UnsupportedPacking
from dte_hpc.codecs.layout import LAYOUT, read_layout
from dte_hpc.codecs.outline import outline
from dte_hpc.fdb.disk import OpenFile, read_exactly
from dte_hpc.fdb.fdb5.segment import Fdb5Segment
from dte_hpc.fdb.table import FILE, Table

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
        self._facts = np.zeros(self.n_rows, LAYOUT)
        self._grids: list[str | None] = [None] * self.n_rows
        if older is not None:
            self._facts[: older.n_rows] = older._facts
            self._grids[: older.n_rows] = older._grids

    def layout(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """Return the packing facts of some rows, dtype `LAYOUT`; all zero for what is not GRIB.

        Cost: two small reads a row when asked for the first time.
        """
        for row in rows.tolist():
            if self._grids[row] is None:
                self._read_header(row)
        return self._facts[rows]

    def grid_name(self, row: int) -> str:
        """Return the name of the grid a field lies on, empty when it is not known."""
        if self._grids[row] is None:
            self._read_header(row)
        return self._grids[row] or ""

    def _read_header(self, row: int) -> None:
        from dte_hpc.codecs.decode import grid_name

        name = self.words_of(FILE).list[int(self.codes(FILE)[row])]
        file, start = self._opened(name), int(self.number("offset")[row])
        grid = ""
        try:
            message = outline(
                lambda offset, length: read_exactly(file.fd, length, start + offset, name),
                int(self.number("length")[row]),
            )
            facts = read_layout(message)
            self._facts[row] = tuple(getattr(facts, fact) for fact in LAYOUT.names or ())
            grid = grid_name(message) or ""
        except (InvalidMessage, UnsupportedPacking):
            pass
        self._grids[row] = grid
