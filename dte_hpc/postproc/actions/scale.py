"""How does a field come to other units, under the parameter they belong to?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.options import near
from dte_hpc.postproc.params import param_of, table, times, with_param

PRESETS = ("local-to-wmo", "wmo-to-local")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleMapping:
    """One parameter, what it becomes, and the factor."""

    param_in: int
    param_out: int
    scaling: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleOptions(Options):
    """Options of `Scale`: at least one of the two.

    Attributes
    ----------
    preset_mappings : str, optional
        local-to-wmo or wmo-to-local: between ECMWF's local units and WMO's.
    custom_mappings : tuple of ScaleMapping
        The plan's own; they win over a preset.
    """

    preset_mappings: str | None = None
    custom_mappings: tuple[ScaleMapping, ...] = ()

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an unknown preset, nothing to do, and a parameter that is mapped twice."""
        preset = self.preset_mappings
        if preset is not None and preset not in PRESETS:
            at = f"{place}.preset-mappings"
            yield refuse(at, repr(preset) + near(preset, PRESETS), f"one of {', '.join(PRESETS)}")
        if preset is None and not self.custom_mappings:
            yield refuse(place, "neither 'preset-mappings' nor 'custom-mappings'", "one of them, or both")
        seen: set[int] = set()
        for index, mapping in enumerate(self.custom_mappings):
            at = f"{place}.custom-mappings[{index}]"
            if mapping.param_in in seen:
                yield refuse(f"{at}.param-in", f"{mapping.param_in} again", "each parameter once")
            if not np.isfinite(mapping.scaling) or not mapping.scaling:
                yield refuse(f"{at}.scaling", str(mapping.scaling), "a finite number other than 0")
            seen.add(mapping.param_in)


def mappings_of(options: ScaleOptions) -> dict[str, tuple[int, float]]:
    """Return the new parameter and the factor for each old one."""
    rows = [(a, int(b), float(c)) for a, b, c in table("local-to-wmo.txt")] if options.preset_mappings else []
    if options.preset_mappings == PRESETS[1]:
        rows = [(str(b), int(a), 1.0 / c) for a, b, c in rows]
    own = [(str(m.param_in), m.param_out, m.scaling) for m in options.custom_mappings]
    return {before: (after, factor) for before, after, factor in [*rows, *own]}


class Scale(Passing):
    """Multiply fields of known parameters and rename them; others pass."""

    Options = ScaleOptions
    makes_values = True
    works_on_parts = True

    def __init__(self, options: ScaleOptions, context: Context) -> None:
        self._mappings = mappings_of(options)

    @classmethod
    def explain(cls, options: ScaleOptions, flow: Flow) -> Explained:
        """Say how many parameters change."""
        return Explained(does=f"other units for {len(mappings_of(options))} parameters", flow=replace(flow))

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the scaled field, or the same one. InvalidPart when it has no parameter."""
        param = param_of(item.metadata)
        if param is None:
            raise InvalidPart(
                f"field {item.metadata} has no parameter; expected 'param' for the action scale",
                metadata=item.metadata,
            )
        if param not in self._mappings:
            return (item,)
        after, factor = self._mappings[param]
        field = Field(metadata=with_param(item.metadata, after), values=times(item.field.values, factor))
        return (MaskedField(field=field, mask=item.mask),)
