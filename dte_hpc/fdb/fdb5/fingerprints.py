"""Which values does the fingerprint of an index entry stand for?

A fingerprint is the values of a field's keywords joined by ``:``, in the order of the schema's rule; it
is cut apart for all entries at once, as arrays of bytes. A value may hold a ``:`` itself (``quantile``
does: ``1:3``). Such a fingerprint has more pieces than keywords and is put together again with the help
of the index's axes, which list all values of each keyword: it is taken when there is one way to do so.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]
MAX_WAYS = 64
_COLON = ord(":")


def coded_columns(
    keys: NDArray[np.bytes_], axes: Sequence[Sequence[str]]
) -> tuple[list[Codes], NDArray[np.bool_]]:
    """Return for each keyword the number of each entry's value among its axis, and which entries have all.

    Parameters
    ----------
    keys : ndarray of bytes, shape (n,)
        Fingerprints.
    axes : sequence of sequences of str
        The different values of each keyword, in the order of the fingerprint.

    Returns
    -------
    codes : list of int32 ndarray, shape (n,)
    good : ndarray of bool, shape (n,)
        False where a value is none of its axis: the entry, or the axis, is damaged.
    """
    raw = np.ascontiguousarray(keys).view(np.uint8).reshape(len(keys), -1)
    ends, plain = _ends(raw, len(axes))
    codes = [np.zeros(len(keys), np.int32) for _ in axes]
    good = plain.copy()
    rows = np.flatnonzero(plain)
    start = np.zeros(len(rows), np.int64)
    for number, axis in enumerate(axes):
        found, known = _coded(_cut(raw[rows], start, ends[:, number]), axis)
        codes[number][rows] = found
        good[rows] &= known
        start = ends[:, number] + 1
    _put_together(keys, axes, np.flatnonzero(~plain), codes, good)
    return codes, good


def _ends(raw: NDArray[np.uint8], n_values: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where the values of the entries end that have as many as keywords, and which these are."""
    colons = raw == _COLON
    plain = colons.sum(axis=1) == n_values - 1
    inside = np.nonzero(colons[plain])[1].reshape(int(plain.sum()), n_values - 1)
    length = (raw[plain] != 0).sum(axis=1)
    return np.concatenate((inside, length[:, None]), axis=1), plain


def _cut(raw: NDArray[np.uint8], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Return a piece of each row as bytes of equal width, padded with NUL."""
    width = max(1, int((end - start).max(initial=1)))
    at = start[:, None] + np.arange(width)
    inside = at < end[:, None]
    piece = np.take_along_axis(raw, np.minimum(at, raw.shape[1] - 1), axis=1)
    piece[~inside] = 0
    return piece.view(f"S{width}").reshape(-1)


def _coded(values: NDArray[np.bytes_], axis: Sequence[str]) -> tuple[Codes, NDArray[np.bool_]]:
    """Return the number of each value in an axis, and whether it is there."""
    if not axis:
        return np.zeros(len(values), np.int32), np.zeros(len(values), np.bool_)
    words = np.array([word.encode("utf-8") for word in axis])
    order = np.argsort(words, kind="stable")
    at = np.minimum(np.searchsorted(words, values, sorter=order), len(words) - 1)
    found: Codes = order[at].astype(np.int32)
    return found, words[found] == values


def _put_together(
    keys: NDArray[np.bytes_],
    axes: Sequence[Sequence[str]],
    rows: NDArray[np.int64],
    codes: list[Codes],
    good: NDArray[np.bool_],
) -> None:
    """Fill in the entries whose values hold a colon."""
    numbers = [{word: number for number, word in enumerate(axis)} for axis in axes]
    for row in rows.tolist():
        pieces = bytes(keys[row]).decode("utf-8", "replace").split(":")
        ways = _ways(pieces, numbers)
        if len(ways) == 1:
            good[row] = True
            for column, code in zip(codes, ways[0], strict=True):
                column[row] = code


def _ways(pieces: Sequence[str], numbers: Sequence[dict[str, int]]) -> list[tuple[int, ...]]:
    """Return the ways to make one value of each axis of all pieces, none when there are too many to tell."""
    partial: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    for left, known in zip(range(len(numbers) - 1, -1, -1), numbers, strict=True):
        longer = [
            (stop, (*way, code))
            for start, way in partial
            for stop in range(start + 1, len(pieces) - left + 1)
            if (code := known.get(":".join(pieces[start:stop]))) is not None
        ]
        if len(longer) > MAX_WAYS:
            return []
        partial = longer
    return [way for stop, way in partial if stop == len(pieces)]
