"""How do the row lengths of a reduced grid stand in its name?

As the differences from row to row (the first from 0), in letters, so that any grid has a name that says all:
a difference d is the number 2d (2|d| - 1 below zero) in groups of five bits, the lowest first, one letter of
``A-Za-z0-9-_`` each, whose sixth bit says that another follows. ``*n.`` after a difference stands for n more
of the same.
"""

import re

import numpy as np

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.protocol import Int64s

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CODE = r"[A-Za-z0-9_*.\-]{1,4000}"
LEAST_REPEATED = 4
_PIECE = re.compile(r"([g-z0-9_\-]{0,5}[A-Za-f])(?:\*([1-9]\d{0,5})\.)?")


def row_code(lengths: Int64s) -> str:
    """Return row lengths as letters."""
    differences = np.diff(lengths, prepend=0)
    begin = np.flatnonzero(np.diff(differences, prepend=differences[0] + 1))
    counts = np.diff(begin, append=differences.size).tolist()
    pieces = []
    for difference, count in zip(differences[begin].tolist(), counts, strict=True):
        letters = _letters(difference)
        repeated = f"{letters}*{count - 1}." if count > LEAST_REPEATED else letters * count
        pieces.append(repeated)
    return "".join(pieces)


def row_lengths(name: str, code: str, n_rows: int) -> Int64s:
    """Return the row lengths that letters stand for; InvalidGrid unless they are `n_rows` lengths from 0."""
    differences: list[int] = []
    at = 0
    while at < len(code):
        piece = _PIECE.match(code, at)
        count = 1 + int(piece[2] or 0) if piece else n_rows + 1
        if piece is None or len(differences) + count > n_rows:
            raise _no_code(name, n_rows)
        differences += [_number(piece[1])] * count
        at = piece.end()
    lengths = np.cumsum(np.array(differences, np.int64))
    if lengths.size != n_rows or lengths.min(initial=0) < 0:
        raise _no_code(name, n_rows)
    return lengths


def _no_code(name: str, n_rows: int) -> InvalidGrid:
    return InvalidGrid(
        f"grid {name[:80]!r} ends in letters that are no lengths of {n_rows} rows; "
        "expected those of row_code",
        name=name,
    )


def _letters(difference: int) -> str:
    number = 2 * difference if difference >= 0 else -2 * difference - 1
    letters = ""
    while number >= 32:
        letters += LETTERS[32 + (number & 31)]
        number >>= 5
    return letters + LETTERS[number]


def _number(letters: str) -> int:
    number = 0
    for place, letter in enumerate(letters):
        number |= (LETTERS.index(letter) & 31) << (5 * place)
    return number >> 1 if number % 2 == 0 else -(number + 1) >> 1
