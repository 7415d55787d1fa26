"""Which points of which fields does a request come down to?

A query is a set of fields times sorted index ranges: one set of ranges for all fields on a grid, or, for
a path through levels and steps, one for each pair of them that it touches. There is never an object a
point.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import FieldNotFound, InvalidRequest
from dte_hpc.extract.account import Account
from dte_hpc.extract.chosen import Chosen, choose_fields
from dte_hpc.extract.feature import Feature
from dte_hpc.extract.find import PathPieces, find_path, find_points
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.places import Places, box_around, find_places
from dte_hpc.extract.reduce import Reduction
from dte_hpc.extract.request import PointRequest
from dte_hpc.extract.shapes import Path, Shape
from dte_hpc.extract.store import Fields, Store
from dte_hpc.extract.thin import thinned
from dte_hpc.grids import Grid
from dte_hpc.grids import grid as grid_of_name

Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """What is to be read.

    Attributes
    ----------
    feature : Feature
    chosen : Chosen
        The fields, in the order of the answer.
    places : tuple of Places
        Each set of points once.
    place_of_field : int64, shape (n_fields,)
        Which of `places` is wanted of each field.
    reduction : Reduction or None
        What becomes of the values before they are an answer.
    """

    feature: Feature
    chosen: Chosen
    places: tuple[Places, ...]
    place_of_field: Int64s
    reduction: Reduction | None = None

    @property
    def fields(self) -> Fields:
        """The fields."""
        return self.chosen.fields

    @property
    def n_fields(self) -> int:
        """How many fields are touched."""
        return int(self.place_of_field.size)

    def read_start(self) -> Int64s:
        """Return where each field's values begin among those read: int64, shape (n_fields + 1,)."""
        return _starts(np.array([p.n_read for p in self.places], np.int64)[self.place_of_field])

    def value_start(self) -> Int64s:
        """Return where each field's values begin in the answer: int64, shape (n_fields + 1,)."""
        return _starts(np.array([p.n_points for p in self.places], np.int64)[self.place_of_field])


def make_query(store: Store, request: PointRequest, limits: Limits, account: Account) -> Query:
    """Return what a request comes down to; nothing of a field is read.

    Raises
    ------
    FieldNotFound, InvalidRequest
        When fields are missing, no point lies inside, or a limit is passed.
    """
    with account.phase("locate"):
        chosen = choose_fields(store, request, limits)
        grids = _grids(chosen)
    with account.phase("geometry"):
        query = _query(request, chosen, grids, limits)
        _settle(account, query, chosen, request.feature.shape)
    return query


def _starts(counts: Int64s) -> Int64s:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _grids(chosen: Chosen) -> NDArray[np.str_]:
    names = np.array([chosen.fields.grid_name(row) for row in range(len(chosen))])
    if (names == "").any():
        row = int(np.argmax(names == ""))
        facts = ", ".join(f"{keyword}={column[row]}" for keyword, column in chosen.columns.items())
        raise InvalidRequest(f"the field {facts} lies on a grid that points cannot be found on", field=facts)
    return names


def _query(request: PointRequest, chosen: Chosen, grids: NDArray[np.str_], limits: Limits) -> Query:
    feature, shape = request.feature, request.feature.shape
    names, grid_of_field = np.unique(grids, return_inverse=True)
    known = [grid_of_name(name) for name in names.tolist()]
    if isinstance(shape, Path) and len(shape.axes) > 2:
        query = _along_path(request, shape, chosen, known, grid_of_field)
    else:
        query = Query(
            feature=feature,
            chosen=chosen,
            places=tuple(find_places(feature, grid) for grid in known),
            place_of_field=grid_of_field,
            reduction=request.reduction,
        )
    limits.refuse_over("points", max(p.n_points for p in query.places))
    limits.refuse_over("values", int(query.value_start()[-1]))
    return query


def _along_path(
    request: PointRequest, path: Path, chosen: Chosen, grids: list[Grid], grid_of_field: Int64s
) -> Query:
    """Return the fields at the levels and steps that a path touches, each with its own points."""
    levels, level_of_field = _axis(chosen.level, "levelist", path)
    times = chosen.valid if request.feature.by_valid_time else chosen.step
    steps, step_of_field = _axis(times, "step", path)
    shape, thinning = (len(grids), steps.size, levels.size), request.feature.thinning
    place_at = np.full(shape, -1, np.int64)
    places: list[Places] = []
    for number, grid in enumerate(grids):
        for level, step, ranges in _pieces(path, grid, levels, steps):
            place_at[number, step, level] = len(places)
            kept = thinned(ranges, grid, thinning) if thinning else ranges
            places.append(Places(grid=grid, ranges=kept))
    place_of_field = place_at[grid_of_field, step_of_field, level_of_field]
    rows = np.flatnonzero(place_of_field >= 0)
    if not rows.size:
        raise _touches_nothing(path, chosen)
    _refuse_gaps(chosen.select(rows), place_of_field[rows])
    used, place_of_field = np.unique(place_of_field[rows], return_inverse=True)
    return Query(
        feature=request.feature,
        reduction=request.reduction,
        chosen=chosen.select(rows),
        places=tuple(places[at] for at in used.tolist()),
        place_of_field=place_of_field,
    )


def _pieces(path: Path, grid: Grid, levels: NDArray[np.float64], steps: NDArray[np.float64]) -> PathPieces:
    return find_path(
        path,
        grid,
        levels if np.isfinite(levels).all() else None,
        steps if np.isfinite(steps).all() else None,
    )


def _axis(values: NDArray[np.float64], name: str, path: Path) -> tuple[NDArray[np.float64], Int64s]:
    """Return the different values of an axis and which of them each field has."""
    if np.isnan(values).any():
        if name in path.axes or not np.isnan(values).all():
            raise InvalidRequest(f"$.feature.axes: some of the fields have no {name}", place="$.feature.axes")
        return np.full(1, np.nan), np.zeros(values.size, np.int64)
    different, where = np.unique(values, return_inverse=True)
    return different, where


def _refuse_gaps(chosen: Chosen, place_of_field: Int64s) -> None:
    """Raise FieldNotFound when a level and step on the path lacks a field that another has."""
    kinds = np.zeros(len(chosen), np.int64)
    for keyword, column in chosen.columns.items():
        if keyword not in ("levelist", "step", "date", "time"):
            different, code = np.unique(column, return_inverse=True)
            kinds = np.unique(kinds * different.size + code, return_inverse=True)[1]
    present = np.zeros((int(place_of_field.max()) + 1, int(kinds.max()) + 1), np.bool_)
    present[place_of_field, kinds] = True
    pieces, missing = np.nonzero(~present[np.unique(place_of_field)])
    if pieces.size:
        at = int(np.flatnonzero(place_of_field == np.unique(place_of_field)[pieces[0]])[0])
        like = int(np.flatnonzero(kinds == missing[0])[0])
        raise FieldNotFound(
            f"the path passes levelist={chosen.column('levelist')[at]}, step="
            f"{chosen.column('step')[at]}, where no field with param="
            f"{chosen.column('param')[like]} is stored",
            levelist=str(chosen.column("levelist")[at]),
            step=str(chosen.column("step")[at]),
        )


def _touches_nothing(path: Path, chosen: Chosen) -> InvalidRequest:
    known = {"levelist": chosen.level, "step": chosen.step}
    facts = ", ".join(
        f"{name} {known[name].min():g} to {known[name].max():g}" for name in path.axes if name in known
    )
    return InvalidRequest(
        f"$.feature: the path comes within its inflation of no grid point at any stored level and step "
        f"(stored: {facts})",
        place="$.feature",
    )


def _settle(account: Account, query: Query, chosen: Chosen, shape: Shape) -> None:
    """Write what is known before reading into the account."""
    account.fields = query.n_fields
    account.points = int(query.value_start()[-1])
    account.bytes_whole_fields = int(query.fields.length.sum())
    account.bytes_bounding_box = int(chosen.fields.length.sum())
    box = box_around(shape)
    if box is None:
        account.points_bounding_box = account.points
        return
    in_box = {name: find_points(box, grid_of_name(name)).n_points for name in _names(query)}
    account.points_bounding_box = max(in_box.values()) * len(chosen)


def _names(query: Query) -> set[str]:
    return {place.grid.name for place in query.places}
