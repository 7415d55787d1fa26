"""How do the points outside a model's domain become missing?"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field
from dte_hpc.base.key import text_of
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.naming import spellings, value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOptions(Options):
    """Options of `Mask`.

    Attributes
    ----------
    apply_bitmap : bool
        Make points outside the mask missing.
    missing_value : float
        What producers of MultIO write there. Here NaN is missing, until a message or a raw file is made:
        the number is noted in the metadata (``missingValue``, ``bitmapPresent``), and no value becomes it.
    offset_fields : tuple of text or number
        `param` or `name` of the fields to which `offset_value` is added, inside the mask.
    offset_value : float
        In the field's unit; 273.15 takes degrees Celsius to Kelvin.
    """

    apply_bitmap: bool = True
    missing_value: float = float(np.finfo(np.float32).max)
    offset_fields: tuple[str | int, ...] = ()
    offset_value: float = 273.15


class Mask(Passing):
    """Make points outside the domain's mask missing, and shift the named fields."""

    Options = MaskOptions
    passes_metadata = True

    def __init__(self, options: MaskOptions, context: Context) -> None:
        self._options = options
        self._offset_names = frozenset(map(text_of, options.offset_fields))

    @classmethod
    def explain(cls, options: MaskOptions, flow: Flow) -> Explained:
        """Say what is masked and shifted."""
        words = ["points outside the domain's mask become missing"] if options.apply_bitmap else []
        if options.offset_fields:
            words.append(f"{options.offset_value:+g} on {'/'.join(map(text_of, options.offset_fields))}")
        return Explained(does=", ".join(words) or "nothing", flow=replace(flow))

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the field, with new values where anything changes. Cost: at most one copy of them."""
        outside = _outside(item) if self._options.apply_bitmap else None
        names = (value_of(item.metadata, keyword) for keyword in ("param", "name"))
        shifted = any(name is not None and text_of(name) in self._offset_names for name in names)
        if outside is None and not shifted:
            return (item,)
        values = item.field.values.copy()
        metadata = item.metadata
        if shifted:
            values += np.asarray(self._options.offset_value, values.dtype)
        if outside is not None:
            values[outside] = np.nan
            metadata = metadata.without(*spellings("missingValue"), *spellings("bitmapPresent"))
            metadata = metadata.replace(missingValue=self._options.missing_value, bitmapPresent=True)
        return (MaskedField(field=Field(metadata=metadata, values=values), mask=item.mask),)


def _outside(item: MaskedField) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    if item.mask is None:
        return None
    if item.mask.shape != item.field.values.shape:
        raise InvalidPart(
            f"field {item.metadata} has {item.field.values.size} values and a mask of {item.mask.size} "
            "points; expected as many",
            metadata=item.metadata,
        )
    return np.logical_not(item.mask)
