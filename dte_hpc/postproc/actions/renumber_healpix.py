"""How do the points of a HEALPix field come from ring order to nested order?"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidGrid, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.grids import RowGrid, grid
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.naming import value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RenumberHealpixOptions(Options):
    """Options of `RenumberHealpix`.

    Attributes
    ----------
    cache_file_name : str, optional
        Accepted and not used: the order is computed, once a grid, in 0.23 s for the 3 million points of H512.
    """

    cache_file_name: str | None = None


class RenumberHealpix(Passing):
    """Bring values from ring order to nested order. State: an index (8 bytes a point) for each grid met."""

    Options = RenumberHealpixOptions

    def __init__(self, options: RenumberHealpixOptions, context: Context) -> None:
        self._context = context

    @classmethod
    def explain(cls, options: RenumberHealpixOptions, flow: Flow) -> Explained:
        """Say the new grid, where the old one is known."""
        name = f"{flow.grid}n" if flow.grid and not flow.grid.endswith("n") else flow.grid
        return Explained(does="from ring order to nested order", flow=replace(flow, grid=name))

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the field in nested order.

        Raises
        ------
        InvalidPart
            When the field is on no HEALPix grid in ring order, or not of its size.
        """
        metadata, values = item.metadata, item.field.values
        name = _ring_grid_of(metadata)
        order = self._context.shared(("ring-of-nested", name), lambda: _ring_of_nested(name, metadata))
        if values.size != order.size:
            raise InvalidPart(
                f"field {metadata} has {values.size} values; expected the {order.size} of {name}",
                metadata=metadata,
            )
        mask = None if item.mask is None else item.mask[order]
        field = Field(metadata=_nested(metadata, name), values=values[order])
        return (MaskedField(field=field, mask=mask),)


def _ring_grid_of(metadata: Metadata) -> str:
    """Return the name of the grid: ``grid``, or gridType=HEALPix with Nside, in orderingConvention=ring."""
    name = value_of(metadata, "grid")
    n_side = metadata.get("Nside")
    kind = str(metadata.get("gridType", "healpix")).lower()
    order = metadata.get("orderingConvention", "ring")
    if n_side is not None and kind == "healpix" and str(n_side).isdecimal() and int(n_side) > 0:
        name = f"H{n_side}"
    text = str(name)
    if order == "ring" and kind == "healpix" and text[:1] in "Hh" and text[1:].isdecimal():
        return text.upper()
    raise InvalidPart(
        f"field {metadata} is not on a HEALPix grid in ring order; expected grid=H32, or gridType=HEALPix "
        "with Nside and orderingConvention=ring",
        metadata=metadata,
    )


def _ring_of_nested(name: str, metadata: Metadata) -> NDArray[np.int64]:
    try:
        nested = grid(f"{name}n")
    except InvalidGrid as error:
        raise InvalidPart(f"field {metadata}: {error}", metadata=metadata) from error
    assert isinstance(nested, RowGrid), nested  # noqa: S101  (what the name says)
    indices: NDArray[np.int64] = nested.to_row_order(np.arange(nested.n_points))
    return indices


def _nested(metadata: Metadata, name: str) -> Metadata:
    changes: dict[str, Any] = {}
    if "orderingConvention" in metadata or "Nside" in metadata:
        changes["orderingConvention"] = "nested"
    if "grid" in metadata or not changes:
        changes["grid"] = f"{name}n"
    return metadata.replace(**changes)
