"""How do thousands of small flushes stay cheap to read?

Whoever appends the last of 16 records of the toc writes the rows of those 16 segments once more, as one
segment, and a record that stands for them (`dte_hpc.fdb.files.toc`). After 16 times 16 records the same is
done with the 16 merged ones, and so on: a reader opens at most 15 segments a level, and a row is written
once for each level. Nothing is removed. A merge that was not made (the writer died, the disk was full, a
segment is large or damaged) is missed by nobody.
"""

from collections.abc import Callable

import numpy as np

from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import open_file, read_exactly
from dte_hpc.fdb.files.repack import repacked
from dte_hpc.fdb.files.segment import Packed
from dte_hpc.fdb.files.table import Table
from dte_hpc.fdb.files.toc import RECLAIMED, SLOT_BYTES, effective, scan_needed

FEW = 16
LARGEST = FEW**6
MAX_MERGED_BYTES = 8 * 1024 * 1024


def completed(position: int) -> tuple[int, int] | None:
    """Return the bytes of the toc that a record at some byte is the last of, None when it is not the last."""
    slot, beyond = divmod(position, SLOT_BYTES)
    n_slots, stop = FEW, slot + 1
    if beyond or stop % n_slots:
        return None
    while n_slots < LARGEST and stop % (n_slots * FEW) == 0:
        n_slots *= FEW
    return (stop - n_slots) * SLOT_BYTES, stop * SLOT_BYTES


def merged(database: Database, start: int, stop: int) -> Callable[[str], Packed] | None:
    """Return the rows of all records in some bytes of the toc, masked ones included, ready to be published.

    None when it is not worth it, or when not every record is there: what appears late must be seen.

    Raises
    ------
    CorruptData
        If a segment is damaged.
    """
    file = open_file(database.root, database.name, "toc")
    where = f"{database.where}/toc"
    records = scan_needed(read_exactly(file.fd, database.toc_bytes() - start, start, where), start)
    if records is None or any(r.kind == RECLAIMED and r.stop > start for r in records):
        return None
    inside = effective(record for record in records if record.start >= start and record.stop <= stop)
    if len(inside) < 2 or sum(record.length for record in inside) > MAX_MERGED_BYTES:
        return None
    table = Table([(database.read_segment(r), r.index, r.offset) for r in inside])
    return lambda index: repacked(table, np.arange(table.n_rows), index)
