"""How does an accumulated field become the mean rate over its time range?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.key import text_of
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.params import param_of, table, times, with_param

_SPAN = re.compile(r"(\d{1,6})([smhd]?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class AverageRateOptions(Options):
    """Options of `AverageRate`: none."""


class AverageRate(Passing):
    """Divide by the seconds of the time range, and rename to the parameter of the mean rate."""

    Options = AverageRateOptions
    makes_values = True
    works_on_parts = True

    def __init__(self, options: AverageRateOptions, context: Context) -> None:
        self._params = {before: int(after) for before, after in table("average-rate.txt")}

    @classmethod
    def explain(cls, options: AverageRateOptions, flow: Flow) -> Explained:
        """Say what it is divided by."""
        return Explained(does="divide by the seconds of timespan", flow=replace(flow))

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the rate.

        Raises
        ------
        InvalidPart
            For a parameter without a mean rate, and a ``timespan`` that is no length of time.
        """
        metadata = item.metadata
        param = param_of(metadata)
        if param not in self._params:
            raise InvalidPart(
                f"field {metadata} has no known mean rate for parameter {param}; expected one of the "
                f"{len(self._params)} accumulated ones (select them before average-rate)",
                metadata=metadata,
            )
        values = times(item.field.values, 1.0 / timespan_seconds(metadata))
        field = Field(metadata=with_param(metadata, self._params[param]), values=values)
        return (MaskedField(field=field, mask=item.mask),)


def timespan_seconds(metadata: Metadata) -> int:
    """Return the length of a field's time range: ``timespan`` in hours, or such as 30m, 6h, 1d."""
    found = value_of(metadata, "timespan")
    match = None if found is None else _SPAN.fullmatch(text_of(found))
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not seconds:
        raise InvalidPart(
            f"field {metadata} has timespan={found!r}; expected a length such as 1 (hours), 30m, 6h or 1d",
            metadata=metadata,
        )
    return seconds
