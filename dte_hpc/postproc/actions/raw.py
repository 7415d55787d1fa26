"""How does a field leave without a header? As its values, in the producer's own words for missing."""

import numpy as np

from dte_hpc.base.field import Field
from dte_hpc.postproc.action import RawField
from dte_hpc.postproc.missing import in_precision, missing_value_of


class RawEncoder:
    """Gives out the values of a field."""

    def encode(self, field: Field) -> RawField:
        """Return a view of the values; a copy where the producer's missing value takes NaN's place.

        Cost: nothing without ``bitmapPresent``, else a pass over the values.
        """
        values = np.ascontiguousarray(field.values)
        number = missing_value_of(field.metadata)
        if number is not None:
            is_missing = np.isnan(values)
            if is_missing.any():
                values = np.where(is_missing, in_precision(number, field), values)
        return RawField(metadata=field.metadata, message=values.view(np.uint8))
