"""Which values of a producer's field are missing?

Here NaN is missing, everywhere. MultIO's producers name a number (``missingValue``) and say whether it
counts (``bitmapPresent``): where a field enters the pipeline, values equal to it become NaN, once.
"""

import numpy as np

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import PACKING_FACTS, Field, Metadata
from dte_hpc.base.key import Scalar
from dte_hpc.postproc.naming import spellings, value_of

_NO = ("0", "false", "no")
_OF_MISSING = tuple(word for each in ("missingValue", "bitmapPresent") for word in (each, *spellings(each)))
OF_THE_VALUES = (*PACKING_FACTS, *_OF_MISSING)
"""Keywords that say how the values of one field were held: those of the next time, level, member or component
may say something else, and be of the same variable all the same."""


def with_nan(field: Field) -> Field:
    """Return the field with NaN where its producer's missing value stands.

    The field itself when there is nothing to change: without ``bitmapPresent`` that costs four look-ups,
    with it one pass over the values. Otherwise a new field; the given one is not written to.

    Raises
    ------
    InvalidPart
        When ``bitmapPresent`` is true and ``missingValue`` is no number.
    """
    number = missing_value_of(field.metadata)
    if number is None:
        return field
    is_missing = field.values == in_precision(number, field)
    if not is_missing.any():
        return field
    values = field.values.copy()
    values[is_missing] = np.nan
    return Field(metadata=field.metadata, values=values)


def missing_value_of(metadata: Metadata) -> Scalar | None:
    """Return the number that means missing to a field's producer; None when none does."""
    present = value_of(metadata, "bitmapPresent")
    if present is None or str(present).lower() in _NO:
        return None
    return value_of(metadata, "missingValue")


def in_precision(number: Scalar, field: Field) -> np.floating:
    """Return the missing value as the field would hold it: float32's largest is written with more digits.

    Raises
    ------
    InvalidPart
        When it is no number.
    """
    try:
        with np.errstate(over="ignore"):
            return field.values.dtype.type(number)
    except ValueError as error:
        raise InvalidPart(
            f"field {field.metadata} has missingValue={number!r}; expected a number", metadata=field.metadata
        ) from error
