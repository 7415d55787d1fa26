"""Where is the one field that a request names, when no column has been put together yet?

The segments of a snapshot are looked through from the newest to the oldest, each in its own narrow
codes, until one has a row of exactly the values wanted. That costs a new handle less than any column
of the whole snapshot. What is not decided so (values that answer second best, keywords that the request
leaves open and rows differ in) is left to others.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from dte_hpc.fdb.files.segment import Segment
from dte_hpc.fdb.files.table import Table
from dte_hpc.fdb.finding.matching import Wanted, WantedValue

ABSENT, UNSURE = -1, -2


def seek(table: Table, wanted: Wanted, keywords: Collection[str], hidden: Collection[str]) -> int:
    """Return the row of a request's one field; ABSENT, or UNSURE where others must look.

    Parameters
    ----------
    table : Table
        The snapshot.
    wanted : Wanted
        What is asked for.
    keywords : collection of str
        Those with one value; the others' are defaults of keywords that the request leaves out.
    hidden : collection of str
        Keywords of which the empty value answers too.
    """
    if any(keyword in hidden for keyword in wanted) or not _are_alike(table, keywords, wanted):
        return UNSURE
    for number in range(len(table.segments) - 1, -1, -1):
        at = _last(table.segments[number][0], wanted, keywords)
        if at >= 0:
            row = int(table.starts[number]) + at
            return row if table.number_at("length", row) else ABSENT
    has_other_answers = any(value.forms or len(value.exact) > 1 for v in wanted.values() for value in v)
    return UNSURE if has_other_answers else ABSENT


def _are_alike(table: Table, keywords: Collection[str], wanted: Wanted) -> bool:
    """Whether all rows have the same value of every keyword that the request leaves open."""
    for keyword in table.keywords:
        if keyword in keywords:
            continue
        seen = set()
        for segment, _, _ in table.segments:
            words, codes = segment.words(keyword) or ([""], None)
            if codes is not None:
                return False
            seen.add(words[0])
        if len(seen) > 1:
            return False
        if keyword in wanted and not any(seen & set(value.exact) for value in wanted[keyword]):
            return False
    return True


def _last(segment: Segment, wanted: Wanted, keywords: Collection[str]) -> int:
    """Return the last row of a segment that has exactly the values wanted, -1 when there is none."""
    passed: NDArray[np.bool_] | None = None
    for keyword in keywords:
        words, codes = segment.words(keyword) or ([""], None)
        text = _text(wanted[keyword][0])
        if codes is None:
            if words[0] != text:
                return -1
            continue
        if text not in words:
            return -1
        here = codes == words.index(text)
        passed = here if passed is None else passed & here
    rows = np.flatnonzero(passed) if passed is not None else np.array([segment.n_fields - 1])
    return int(rows[-1]) if len(rows) else -1


def _text(value: WantedValue) -> str:
    return value.exact[0]
