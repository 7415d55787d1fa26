"""What is a part of an answer, and how do parts become the whole?

Parts follow each other in the order of the answer's values: field after field, and of a field that is too
large for one part, stretch after stretch of its points. Each is an answer of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.account import READING, Account
from dte_hpc.extract.answer import Answer

Int64s = NDArray[np.int64]
PointsKey = tuple[int, ...]
"""What two parts of a query with the same points share."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Some of an answer.

    Attributes
    ----------
    answer : Answer
        The fields and points of this part; its account is that of reading them.
    number, n_parts : int
        Which of them this is, from 0, and how many there are.
    n_values : int
        Of the whole answer, before anything is reduced.
    first_field : int
        Which field of the whole answer this part's first one is.
    first_point : int
        Which of that field's points this part's first one is; other than 0 only when the part is one stretch
        of one field.
    places : int64, shape (n_places,)
        The number of each set of points in the whole answer.
    whole : Account
        What was known of the whole request before it was read.
    rank : int
        Which extraction rank read it.
    """

    answer: Answer
    number: int
    n_parts: int
    n_values: int
    first_field: int
    first_point: int
    places: Int64s
    whole: Account
    rank: int = 0


def points_key(first_point: int, n_points: int, places: Int64s) -> PointsKey:
    """Return what two parts of a query with the same points share."""
    return (first_point, n_points, *places.tolist())


def join(parts: Sequence[Part]) -> Answer:
    """Return the answer that all its parts, in their order, are. Cost: one copy of the values."""
    if len(parts) == 1:
        return replace(parts[0].answer, account=_account(parts))
    heads = [part.answer for part in parts if part.first_point == 0]
    place_of_field = np.concatenate([p.places[p.answer.place_of_field] for p in parts if p.first_point == 0])
    points = _points(parts)
    counts = [sum(piece[0].size for piece in points[place][1]) for place in range(len(points))]
    pieces = [piece for place in range(len(points)) for piece in points[place][1]]
    index, latitude, longitude = (np.concatenate([piece[n] for piece in pieces]) for n in range(3))
    return replace(
        parts[0].answer,
        columns={k: np.concatenate([head.columns[k] for head in heads]) for k in heads[0].columns},
        level=np.concatenate([head.level for head in heads]),
        step=np.concatenate([head.step for head in heads]),
        reference=np.concatenate([head.reference for head in heads]),
        grids=tuple(points[place][0] for place in range(len(points))),
        index=index,
        latitude=latitude,
        longitude=longitude,
        place_start=np.cumsum([0, *counts]),
        place_of_field=place_of_field,
        values=np.concatenate([part.answer.values for part in parts]),
        account=_account(parts),
    )


def _points(parts: Sequence[Part]) -> dict[int, tuple[str, list[tuple[NDArray[np.generic], ...]]]]:
    """Return the grid, and stretch by stretch the index, latitude and longitude, of each set of points."""
    found: dict[int, tuple[str, list[tuple[NDArray[np.generic], ...]]]] = {}
    field_of_place: dict[int, int] = {}
    for part in parts:
        answer, start = part.answer, part.answer.place_start.tolist()
        for local, place in enumerate(part.places.tolist()):
            if field_of_place.setdefault(place, part.first_field) != part.first_field:
                continue
            points = slice(start[local], start[local + 1])
            arrays = (answer.index[points], answer.latitude[points], answer.longitude[points])
            found.setdefault(place, (answer.grids[local], []))[1].append(arrays)
    return found


def _account(parts: Sequence[Part]) -> Account:
    """Return what all parts cost: sums of bytes, seconds of the slowest rank."""
    account = replace(parts[0].whole, seconds=dict(parts[0].whole.seconds))
    seconds: dict[int, dict[str, float]] = {}
    for part in parts:
        for name in READING:
            setattr(account, name, getattr(account, name) + getattr(part.answer.account, name))
        own = seconds.setdefault(part.rank, {})
        for phase, spent in part.answer.account.seconds.items():
            own[phase] = own.get(phase, 0.0) + spent
    for own in seconds.values():
        for phase, spent in own.items():
            account.seconds[phase] = max(account.seconds.get(phase, 0.0), spent)
    account.ranks = len(seconds)
    return account
