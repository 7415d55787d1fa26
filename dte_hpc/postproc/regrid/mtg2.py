"""How does one field come to several grids? By one interpolation for each (interpolate-mtg2)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.key import Scalar
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.options import near
from dte_hpc.postproc.regrid.interpolate import Interpolate
from dte_hpc.postproc.regrid.named import words_of
from dte_hpc.postproc.regrid.options import InterpolateOptions

RESOLUTIONS = ("low", "standard", "high")
MAX_OUTPUTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodOptions:
    """Mapping ``options`` of an output: what MultIO hands to MIR.

    Attributes
    ----------
    interpolation : str or None
        The method: linear, unless it says something else.
    interpolation_matrix : str or None
        A weights file between these very grids, for the method ``matrix``.
    intgrid, intermediate_interpolation : str or None
        A grid to come over, and the method to get there (linear).
    caching : bool
        Read and without effect: weights are always kept.
    """

    interpolation: str | None = None
    interpolation_matrix: str | None = None
    intermediate_interpolation: str | None = None
    intgrid: str | None = None
    caching: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalMetadata:
    """What fields of an output are called besides: ``resolution``, one of low, standard, high."""

    resolution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One grid that fields come to.

    Attributes
    ----------
    grid : str
    enable : bool
        Otherwise it is checked, and nothing comes out.
    cache_path : str or None
        Directory of weights files.
    options : MethodOptions
    additional_metadata : AdditionalMetadata
    """

    grid: str
    enable: bool = True
    cache_path: str | None = None
    options: MethodOptions = MethodOptions()
    additional_metadata: AdditionalMetadata = AdditionalMetadata()

    def legs(self) -> Iterator[InterpolateOptions]:
        """Yield the interpolations a field goes through: one, or two over another grid."""
        said = self.options
        if said.intgrid is not None:
            method = said.intermediate_interpolation
            yield InterpolateOptions(grid=said.intgrid, interpolation=method, cache_path=self.cache_path)
        matrix = (
            {} if said.interpolation_matrix is None else {"interpolation-matrix": said.interpolation_matrix}
        )
        yield InterpolateOptions(
            grid=self.grid, interpolation=said.interpolation, options=matrix, cache_path=self.cache_path
        )

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an unknown grid, method or resolution."""
        for leg in self.legs():
            yield from leg.mistakes(place)
        if self.options.intermediate_interpolation is not None and self.options.intgrid is None:
            at = f"{place}.options.intermediate-interpolation"
            yield refuse(at, "it without intgrid", "both or none")
        resolution = self.additional_metadata.resolution
        if resolution not in (None, *RESOLUTIONS):
            found = repr(resolution) + near(str(resolution), RESOLUTIONS)
            at = f"{place}.additional-metadata.resolution"
            yield refuse(at, found, f"one of {', '.join(RESOLUTIONS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpolateMtg2Options(Options):
    """Options of `InterpolateMtg2`: its outputs, in the order in which they come."""

    outputs: tuple[Output, ...]

    @property
    def enabled(self) -> tuple[Output, ...]:
        """The outputs that are on."""
        return tuple(output for output in self.outputs if output.enable)

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is wrong with each output, and two outputs that nothing tells apart."""
        if not 1 <= len(self.outputs) <= MAX_OUTPUTS:
            yield refuse(f"{place}.outputs", f"{len(self.outputs)} outputs", f"1 to {MAX_OUTPUTS}")
        named = [(output.grid, output.additional_metadata) for output in self.outputs]
        for index, output in enumerate(self.outputs):
            yield from output.mistakes(f"{place}.outputs[{index}]")
            if output.enable and named[index] in named[:index]:
                at = f"{place}.outputs[{index}].grid"
                yield refuse(
                    at, f"{output.grid!r} again", "another grid, or another resolution in its metadata"
                )


class InterpolateMtg2(Passing):
    """Bring each field to several grids; ``grid`` of the metadata says from which.

    One field comes out for each output that is on, in their order, named by its ``grid`` and perhaps a
    ``resolution``. Values, missing points and cost are those of `Interpolate`.
    """

    Options = InterpolateMtg2Options
    makes_values = True

    def __init__(self, options: InterpolateMtg2Options, context: Context) -> None:
        self._outputs = [
            (
                [Interpolate(leg, context) for leg in output.legs()],
                tuple(word for leg in output.legs() for word in words_of(leg.target())),
                output.additional_metadata.resolution,
            )
            for output in options.enabled
        ]

    @classmethod
    def explain(cls, options: InterpolateMtg2Options, flow: Flow) -> Explained:
        """Say which ways."""
        ways = [output.grid for output in options.enabled]
        grid = ways[0] if len(ways) == 1 else None
        after = replace(flow, grid=grid, value_bytes=8.0, n_out=flow.n_out * len(ways))
        return Explained(does=f"to {', '.join(ways) or 'no grid'}", flow=after)

    def warm(self) -> None:
        """Load or compile the loop."""
        for legs, _, _ in self._outputs[:1]:
            legs[0].warm()

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the field on each grid."""
        for legs, words, resolution in self._outputs:
            for out in self._along(item, legs):
                facts: dict[str, Scalar] = {} if resolution is None else {"resolution": resolution}
                named = out.metadata.without(*words).replace(**facts)
                yield replace(out, field=replace(out.field, metadata=named))

    def _along(self, item: MaskedField, legs: list[Interpolate]) -> Iterator[MaskedField]:
        """Yield what comes of an item at the end of all legs."""
        if not legs:
            yield item
            return
        for out in legs[0].process(item):
            assert isinstance(out, MaskedField)  # noqa: S101  (fields come of fields)
            yield from self._along(out, legs[1:])
