"""What is a field store, as a datacube?

The keywords of the fields' keys are axes, and so are latitude and longitude of their grid. Only what a shape
touches is read (`read`): the ground's ranges of each field, all fields together.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import FieldNotFound
from dte_hpc.codecs.parameters import parameter
from dte_hpc.extract.account import Account
from dte_hpc.extract.batches import ReadPolicy
from dte_hpc.extract.chosen import Chosen
from dte_hpc.extract.feature import Feature
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.places import Places
from dte_hpc.extract.polytope import shapes
from dte_hpc.extract.polytope.axis import Axis, make_axis
from dte_hpc.extract.polytope.errors import BadGridError, BadRequestError, PolytopeError
from dte_hpc.extract.polytope.factor import Factor
from dte_hpc.extract.polytope.ground import Ground, ground_of_mapper
from dte_hpc.extract.polytope.options import Settings
from dte_hpc.extract.query import Query
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.read import read_values
from dte_hpc.extract.store import Fields, Store
from dte_hpc.extract.times import moments, seconds_of
from dte_hpc.grids import grid as grid_of_name

Int64s = NDArray[np.int64]

PROBES = 1000
_MEANINGS = {"step": "hours", "date": "day", "hdate": "day"}


class StoreCube:
    """Fields of a store.

    Parameters
    ----------
    fields : Fields
        What the request's plain values select.
    settings : Settings
    limits : Limits
    """

    name = "values"

    def __init__(self, fields: Fields, settings: Settings, limits: Limits) -> None:
        self.fields = fields
        self.account = Account()
        self._limits = limits
        self._positions: dict[str, Int64s] = {}
        self.axes: dict[str, Axis] = {}
        ground = _ground(fields, settings)
        self._grid = ground.grid
        self.ground: Ground | None = ground
        taken = {options.merge[0] for options in settings.axes.values() if options.merge}
        for keyword in fields.keywords:
            column = fields.column(keyword)
            if keyword not in taken and (column != "").any():
                self._add(keyword, column, settings)
        self.axes |= ground.as_axes()

    def _add(self, name: str, column: NDArray[np.str_], settings: Settings) -> None:
        options = settings.of(name)
        texts, position = _different(column)
        if options.merge:
            other, link, end = options.merge
            pairs, position = np.unique(
                np.stack([column, self.fields.column(other)], axis=1), axis=0, return_inverse=True
            )
            seconds = np.array([seconds_of(f"{a}{link}{b}{end}") for a, b in pairs.tolist()])
            if np.isnan(seconds).any():
                first = pairs[int(np.argmax(np.isnan(seconds)))].tolist()
                raise PolytopeError(
                    f"the axes {name} and {other} are merged to {link.join(first)}{end}; expected times"
                )
            axis = make_axis(name, moments(seconds))
        else:
            meaning = options.meaning or _MEANINGS.get(name, "")
            axis = make_axis(name, texts.astype(object), meaning=meaning, period=options.period)
        if name == "param":
            short = {parameter(text).short_name: number for text, number in axis.texts.items()}
            axis = replace(axis, kind="text", texts={**axis.texts, **short, **axis.texts})
        place = np.empty(len(axis), np.int64)
        place[axis.order] = np.arange(len(axis))
        self.axes[name] = axis
        self._positions[name] = place[position.reshape(-1)]

    def read(self, factors: Sequence[Factor]) -> NDArray[np.float64]:
        """Return the values at all combinations of the factors' points; the ground is the last dimension."""
        *others, ground = factors
        keys = [self._keys(factor.axes, factor.columns()) for factor in others]
        keys.append(self._keys(ground.axes, list(ground.rows.T)) + np.zeros(len(ground.rows), np.int64))
        wanted = np.zeros((), np.int64)
        for key in keys:
            wanted = np.add.outer(wanted, key)
        shape = tuple(factor.n_points for factor in factors)
        rows = self._rows(wanted.ravel())
        self._limits.refuse_over("points", int(ground.row_counts().max(initial=0)), "the request")
        self._limits.refuse_over("values", int(np.prod(shape)), "the request")
        query = self._query(rows, ground, wanted.shape)
        self.account.fields, self.account.points = rows.size, int(np.prod(shape))
        self.account.bytes_whole_fields = int(self.fields.length[rows].sum())
        with self.account.phase("read"):
            values = read_values(query, 0, int(query.read_start()[-1]), self.account, policy=ReadPolicy())
        return values.reshape(shape)

    def _keys(self, axes: Sequence[str], columns: Sequence[Int64s]) -> Int64s:
        """Return the part of a field's number that some of its axes make."""
        stride, strides = 1, {}
        for name in self._positions:
            strides[name] = stride
            stride *= len(self.axes[name])
        key = np.zeros((), np.int64)
        for axis, column in zip(axes, columns, strict=False):
            if axis in strides:
                key = key + strides[axis] * column
        return np.atleast_1d(key)

    def _rows(self, wanted: Int64s) -> Int64s:
        """Return the field of each number; FieldNotFound names one that is not stored."""
        stored = self._keys(list(self._positions), list(self._positions.values()))
        order = np.argsort(stored, kind="stable")
        ordered = stored[order]
        at = np.minimum(np.searchsorted(ordered, wanted), max(ordered.size - 1, 0))
        missing = np.flatnonzero(ordered[at] != wanted)
        if missing.size:
            raise self._missing(int(wanted[missing[0]]), int(missing.size))
        return order[at]

    def _missing(self, key: int, n_missing: int) -> FieldNotFound:
        named = {}
        for name in self._positions:
            key, position = divmod(key, len(self.axes[name]))
            named[name] = str(self.axes[name].shown[position])
        facts = ", ".join(f"{name}={value}" for name, value in named.items())
        more = f" ({n_missing} in all)" if n_missing > 1 else ""
        return FieldNotFound(f"the shapes touch a field that is not stored{more}: {facts}", **named)

    def _query(self, rows: Int64s, ground: Factor, shape: tuple[int, ...]) -> Query:
        cuts = np.searchsorted(ground.row, np.arange(len(ground.rows) + 1)).tolist()
        places = tuple(
            Places(
                grid=self._grid,
                ranges=Ranges(start=ground.start[a:b].copy(), stop=ground.stop[a:b].copy()),
            )
            for a, b in itertools.pairwise(cuts)
        )
        none = np.full(rows.size, np.nan)
        chosen = Chosen(fields=self.fields.select(rows), columns={}, level=none, step=none, reference=none)
        place = np.broadcast_to(np.arange(len(places)), shape).ravel()
        return Query(feature=Feature(kind="polytope"), chosen=chosen, places=places, place_of_field=place)


def choose(store: Store, settings: Settings, parts: Sequence[shapes.Shape], limits: Limits) -> Fields:
    """Return the fields of a store that ``pre_path`` and the plain values of Selects name.

    Raises
    ------
    BadRequestError
        When there are none.
    """
    wanted = {keyword: _texts(value) for keyword, value in settings.pre_path.items()}
    for shape in parts:
        if isinstance(shape, shapes.Select) and _is_plain(shape, settings):
            wanted[shape.axis] = _texts(shape.values)
    fields = store.list(wanted)
    if not len(fields):
        raise BadRequestError(f"no stored field matches {wanted}", request=str(wanted))
    limits.refuse_over("fields", len(fields), "the request")
    return fields


def _is_plain(shape: shapes.Select, settings: Settings) -> bool:
    """Whether a Select names values as a store has them."""
    is_free = shape.method is None and shape.axis not in ("latitude", "longitude", *settings.axes)
    if shape.axis == "param":  # a short name is known by the fields' own numbers
        is_free = all(str(value).isdigit() for value in shape.values)
    return is_free and all(isinstance(value, str | int) for value in shape.values)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [str(each) for each in values]


def _different(column: NDArray[np.str_]) -> tuple[NDArray[np.str_], Int64s]:
    """Return the different texts of a column, and which of them each is; most columns have one."""
    if (column == column[0]).all():
        return column[:1], np.zeros(column.size, np.int64)
    texts, position = np.unique(column, return_inverse=True)
    return texts, position.astype(np.int64)


def _ground(fields: Fields, settings: Settings) -> Ground:
    """Return the grid of the fields; BadGridError unless they have one, and it is the mapper's."""
    _, rows = np.unique(fields.layout["n_values"], return_index=True)
    names = {fields.grid_name(int(row)) for row in rows}
    if len(names) > 1 or "" in names:
        raise BadGridError(
            f"the fields lie on the grids {', '.join(sorted(name or 'unknown' for name in names))}; "
            "expected one that points can be found on: select grid, or other keywords",
            grids=sorted(names),
        )
    grid = grid_of_name(names.pop())
    mapped = settings.mapped
    if mapped is None or mapped[1].mapper is None:
        return Ground(grid=grid)
    told = ground_of_mapper(mapped[1].mapper, grid.n_points, mapped[1].place)
    probe = np.linspace(0, grid.n_points - 1, PROBES).astype(np.int64)
    same = np.allclose(told.grid.coordinates_of(probe), grid.coordinates_of(probe), atol=1e-6)
    if not same:
        raise BadGridError(f"{mapped[1].place}: the mapper is of another grid than the fields' {grid.name}")
    return Ground(grid=grid, latitude=told.latitude, longitude=told.longitude)
