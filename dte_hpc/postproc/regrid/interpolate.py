"""How does a field come from one grid to another? By a sparse matrix, kept in a file (`weights`)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dte_hpc.base.compiled import frozen
from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig, InvalidGrid
from dte_hpc.base.field import PACKING_FACTS, Field
from dte_hpc.grids import grid
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.options import near
from dte_hpc.postproc.regrid.mir import METHODS
from dte_hpc.postproc.regrid.weights_file import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpolateOptions(Options):
    """Options of `Interpolate`.

    Attributes
    ----------
    grid : str or tuple of numbers
        The target: ``1/1`` or ``[1, 1]``, ``O96``, ``H32``, ``H32n``, ``0.25/0.25/58/-10/50/2``.
    interpolation : str
        linear, nearest-neighbour or grid-box-average (which keeps area means).
    weights : str or None
        Directory of weights files; see `weights.weights_directory`.
    """

    grid: str | tuple[float, ...]
    interpolation: str = "linear"
    weights: str | None = None

    @property
    def grid_name(self) -> str:
        """The target's name."""
        return self.grid if isinstance(self.grid, str) else "/".join(f"{number:g}" for number in self.grid)

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an unknown grid or method."""
        try:
            grid(self.grid_name)
        except InvalidGrid as error:
            yield InvalidConfig(f"{place}.grid: {error}", place=f"{place}.grid")
        if self.interpolation not in METHODS:
            found = repr(self.interpolation) + near(self.interpolation, METHODS)
            yield refuse(f"{place}.interpolation", found, f"one of {', '.join(METHODS)}")


class Interpolate(Passing):
    """Bring fields to another grid; ``grid`` of the metadata says from which.

    Weights are read at a grid's first field (made first, if nobody has made them) and kept. Values come
    out float64. Missing: where the input of largest weight is missing. Vector components are interpolated
    as scalars, which is wrong near the poles.
    """

    Options = InterpolateOptions
    makes_values = True

    def __init__(self, options: InterpolateOptions, context: Context) -> None:
        # numba takes half a second to import, and checking a plan needs none of it
        from dte_hpc.postproc.regrid import kernels
        from dte_hpc.postproc.regrid.weights import load_weights, weights_directory

        self._target = grid(options.grid_name)
        self._method = options.interpolation
        self._directory = weights_directory(options.weights)
        self._apply, self._load = kernels.apply_weights, load_weights
        self._warm = kernels.warm
        self._context = context

    @classmethod
    def explain(cls, options: InterpolateOptions, flow: Flow) -> Explained:
        """Say which way."""
        target = grid(options.grid_name).name
        return Explained(
            does=f"{options.interpolation} from {flow.grid or 'the field’s grid'} to {target}",
            flow=replace(flow, grid=target, value_bytes=8.0),
        )

    def warm(self) -> None:
        """Load or compile the loop."""
        self._warm()

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the field on the target grid. Cost: 0.15 ms for O320 to 1/1, 3.3 ms to 0.25/0.25."""
        metadata = item.metadata
        values = frozen(item.field.values)
        source = str(metadata.get("grid", ""))
        if not source:
            raise InvalidGrid(
                f"field {metadata} does not say its grid; expected grid=... to interpolate from"
            )
        weights = self._weights_from(source)
        if values.size != weights.n_in:
            raise InvalidGrid(
                f"field {metadata} has {values.size} values; expected {weights.n_in} on {source}",
                metadata=metadata,
            )
        out = np.empty(weights.n_out)
        self._apply(weights.indptr, weights.indices, weights.weights, values, out)
        named = metadata.without("domain", *PACKING_FACTS).replace(grid=self._target.name)
        return (MaskedField(field=Field(metadata=named, values=out)),)

    def _weights_from(self, source: str) -> Weights:
        name = ("weights", source, self._target.name, self._method, self._directory)
        return self._context.shared(
            name, lambda: self._load(source, self._target.name, self._method, self._directory)
        )
