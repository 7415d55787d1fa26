"""What does a request of shapes select of a datacube?

Every shape is sliced for itself. Shapes have no axis in common, so what a request selects is all combinations
of what its shapes select: factors, which are never multiplied out but in the values.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dte_hpc.extract.account import Account
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.polytope import shapes
from dte_hpc.extract.polytope.build import solids_of
from dte_hpc.extract.polytope.cube import Datacube, in_order
from dte_hpc.extract.polytope.cube_array import VARIABLE, ArrayCube, DatasetCube
from dte_hpc.extract.polytope.cube_store import StoreCube, choose
from dte_hpc.extract.polytope.errors import AxisOverdefinedError, AxisUnderdefinedError, PolytopeError
from dte_hpc.extract.polytope.factor import Factor
from dte_hpc.extract.polytope.options import Settings, parse_options
from dte_hpc.extract.polytope.result import Result
from dte_hpc.extract.polytope.slicing import slice_solids
from dte_hpc.extract.polytope.solids import one_axis_each


class Request:
    """Shapes that together have every axis of a datacube, and none of them twice.

    Raises
    ------
    AxisOverdefinedError
        When two shapes have the same axis: they are one `Union`, if they are meant as one.
    """

    def __init__(self, *parts: shapes.Shape) -> None:
        self.shapes = list(parts)
        seen: set[str] = set()
        for shape in parts:
            for axis in shape.axes():
                if axis in seen:
                    raise AxisOverdefinedError(
                        f"the axis {axis} is in two shapes of a request; expected one, or a Union of both",
                        axis=axis,
                    )
                seen.add(axis)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.shapes))


class Polytope:
    """Slices a datacube.

    Parameters
    ----------
    datacube : DataArray, Dataset, or Store
        A `dte_hpc.fdb.FDB`, or anything that lists fields like one.
    options : mapping, optional
        Polytope's own (see `options`).
    context : object, optional
        Accepted, and not used.
    limits : Limits, optional
        The most a request may select.
    """

    def __init__(
        self,
        datacube: Any,
        options: Mapping[str, Any] | None = None,
        context: object = None,
        *,
        limits: Limits | None = None,
    ) -> None:
        self.datacube = datacube
        self.context = context
        self._settings = parse_options(options)
        self._limits = limits or Limits()
        self._cube = _array_cube(datacube, self._settings)

    def retrieve(self, request: Request, method: str = "standard") -> Result:
        """Return the points that are in a request's shapes; an empty result when there are none.

        Raises
        ------
        AxisUnderdefinedError
            When an axis with more than one value is in no shape (the axis ``variable`` of a Dataset may be).
        PolytopeError
            When a shape does not fit the datacube's axes.
        FieldNotFound
            When the shapes touch a field that a store does not have.
        """
        cube = self._cube or self._store_cube(request)
        parts = _complete(request.shapes, cube)
        factors = [factor for shape in _joined(parts, cube) for factor in _factors(shape, cube)]
        factors.sort(key=lambda factor: (factor.is_on_ground, list(cube.axes).index(factor.axes[0])))
        n_values = int(np.prod([float(factor.n_points) for factor in factors]))
        self._limits.refuse_over("values", n_values, "the request")
        values = cube.read(factors)
        account = cube.account if isinstance(cube, StoreCube) else Account()
        return Result(cube=cube, factors=tuple(factors), values=values, account=account)

    def _store_cube(self, request: Request) -> StoreCube:
        fields = choose(self.datacube, self._settings, request.shapes, self._limits)
        return StoreCube(fields, self._settings, self._limits)


def _array_cube(datacube: Any, settings: Settings) -> Datacube | None:
    """Return an array as a datacube; None for a store, whose axes depend on the request."""
    if hasattr(datacube, "data_vars"):
        return DatasetCube(datacube, settings)
    if hasattr(datacube, "dims") and hasattr(datacube, "isel"):
        return ArrayCube(datacube, settings)
    if hasattr(datacube, "list") and hasattr(datacube, "inspect"):
        return None
    raise PolytopeError(
        f"a datacube is a {type(datacube).__name__}; "
        "expected an xarray DataArray or Dataset, or a field store"
    )


def _complete(parts: Sequence[shapes.Shape], cube: Datacube) -> list[shapes.Shape]:
    """Return the shapes, and a whole axis for each that has one value and is in none of them."""
    named = {axis for shape in parts for axis in shape.axes()}
    in_order(cube, sorted(named))
    whole: list[shapes.Shape] = []
    for name, axis in cube.axes.items():
        if name in named:
            continue
        if len(axis) != 1 and name != VARIABLE:
            raise AxisUnderdefinedError(
                f"the axis {name} is in no shape of the request; expected one, for instance All({name!r})",
                axis=name,
            )
        whole.append(shapes.All(name))
    return [*parts, *whole]


def _joined(parts: Sequence[shapes.Shape], cube: Datacube) -> list[shapes.Shape]:
    """Return the shapes, with those that have latitude and longitude of a grid as one."""
    if cube.ground is None:
        return list(parts)
    ground = [shape for shape in parts if set(shape.axes()) & set(cube.ground.axes)]
    others = [shape for shape in parts if shape not in ground]
    return [*others, ground[0] if len(ground) == 1 else _one_shape(ground)]


def _one_shape(ground: Sequence[shapes.Shape]) -> shapes.Shape:
    """Return the product of a shape with latitude and one with longitude; of two Selects, their Point."""
    first, second = ground
    if (
        isinstance(first, shapes.Select)
        and isinstance(second, shapes.Select)
        and first.method == second.method
    ):
        places = [[a, b] for a in first.values for b in second.values]
        return shapes.Point([first.axis, second.axis], places, first.method, max(first.k, second.k))
    return shapes.Product(first, second)


def _factors(shape: shapes.Shape, cube: Datacube) -> list[Factor]:
    """Return the points of one shape; of a box, one factor an axis."""
    solids = solids_of(shape, cube)
    if (
        len(solids) > 1
        or not solids.is_box
        or (cube.ground is not None and cube.ground.latitude in solids.axes)
    ):
        return [slice_solids(solids, cube)]
    return [slice_solids(part, cube) for part in one_axis_each(solids)]
