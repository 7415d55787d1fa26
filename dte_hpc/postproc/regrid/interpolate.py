"""How does a field come from one grid to another? By a sparse matrix, kept in a file (`weights`)."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.base.field import Field, Metadata, Values
from dte_hpc.grids import grid
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Passing
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.regrid.named import renamed, words_of
from dte_hpc.postproc.regrid.options import InterpolateOptions
from dte_hpc.postproc.regrid.target import plain_name
from dte_hpc.postproc.regrid.weights_file import Weights, read_weights


class Interpolate(Passing):
    """Bring fields to another grid; ``grid`` of the metadata says from which.

    Weights are read at a grid's first field (made first, if nobody has made them) and kept. Values come
    out float64. Missing: where the input of largest weight is missing. Components of vectors
    are fields like others, which is wrong near the poles, unless ``vector`` says otherwise.
    """

    Options = InterpolateOptions
    makes_values = True

    def __init__(self, options: InterpolateOptions, context: Context) -> None:
        # numba takes half a second to import, and checking a plan needs none of it
        from dte_hpc.postproc.regrid import batch, kernels, masked, weights, winds

        self._target = options.target()
        self._words = words_of(self._target)
        self._method = options.method
        self._job = options.job
        self._input = options.input_name
        self._directory = weights.weights_directory(options.weights or options.cache_path)
        self._apply, self._load, self._refuse = (
            context.shared(masked.Masks, masked.Masks).apply,
            weights.load_weights,
            weights.refuse_others,
        )
        self._warm = kernels.warm
        at_once = options.fields_at_once
        self._batch = batch.Batch(at_once, self._single) if at_once > 1 else None
        self._winds = winds.Winds(options.vector_pairs) if options.vector_pairs else None
        self._turn, self._frame_of = winds.turned, winds.frame_of
        self._context = context

    @classmethod
    def explain(cls, options: InterpolateOptions, flow: Flow) -> Explained:
        """Say which way."""
        target = options.target().name
        came = options.input_name or flow.grid or "the field’s grid"
        return Explained(
            does=f"{options.method} from {came} to {target}",
            flow=replace(flow, grid=target, value_bytes=8.0),
        )

    def warm(self) -> None:
        """Load or compile the loop."""
        self._warm()

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the field on the target grid. Cost: 0.15 ms for O320 to 1/1, 3.3 ms to 0.25/0.25."""
        metadata = item.metadata
        weights = self._weights_from(self._source(metadata))
        if item.field.values.size != weights.n_in:
            raise InvalidGrid(
                f"field {metadata} has {item.field.values.size} values; expected {weights.n_in} on "
                f"{weights.in_grid}",
                metadata=metadata,
            )
        values = self._with_nan(item.field.values)
        if self._winds is not None and self._winds.concerns(metadata):
            turn = partial(self._turned, weights)
            return [self._named(*each) for each in self._winds.take(metadata, values, turn)]
        if self._batch is None:
            return (self._named(metadata, *self._single(weights, values)),)
        return [self._named(*each) for each in self._batch.take(weights, metadata, values)]

    def held(self) -> Iterable[Item]:
        """Yield the fields held until there are `fields-at-once` of them.

        Raises
        ------
        InvalidPart
            When one component of a vector came without the other: it could not be made durable.
        """
        if self._winds is not None:
            self._winds.refuse_waiting()
        return [] if self._batch is None else [self._named(*each) for each in self._batch.release()]

    def close(self) -> Iterable[Item]:
        """Yield the same."""
        return self.held()

    def _single(self, weights: Weights, values: Values) -> tuple[Values, int]:
        out = np.empty(weights.n_out)
        return out, self._apply(weights, values, out)

    def _turned(self, weights: Weights, u: Values, v: Values) -> tuple[Values, Values, int]:
        frames = [
            self._context.shared(("frame", each.name), partial(self._frame_of, each))
            for each in (grid(weights.in_grid), self._target)
        ]
        turned: tuple[Values, Values, int] = self._turn(weights, u, v, *frames)
        return turned

    def _named(self, metadata: Metadata, values: Values, n_missing: int) -> MaskedField:
        named = renamed(metadata, self._target, self._words, n_missing > 0)
        return MaskedField(field=Field(metadata=named, values=values))

    def _source(self, metadata: Metadata) -> str:
        """The field's grid: of its metadata, else of the plan."""
        found = metadata.get("atlas-grid-kind") or value_of(metadata, "grid") or self._input
        if not found:
            raise InvalidGrid(
                f"field {metadata} does not say its grid; expected grid=... to interpolate from, or input "
                "in the plan"
            )
        return plain_name(str(found))

    def _with_nan(self, values: Values) -> Values:
        number = self._job.missing_value
        if number is None:
            return values
        is_missing = values == values.dtype.type(number)
        return np.where(is_missing, values.dtype.type(np.nan), values) if is_missing.any() else values

    def _weights_from(self, source: str) -> Weights:
        name = ("weights", source, self._target.name, self._method, self._directory)
        return self._context.shared((*name, self._job.interpolation_matrix), lambda: self._opened(source))

    def _opened(self, source: str) -> Weights:
        if self._method != "matrix":
            return self._load(source, self._target, self._method, self._directory)
        path = Path(str(self._job.interpolation_matrix)).expanduser()
        weights = read_weights(path)
        return self._refuse(weights, path, grid(source), self._target, weights.method)
