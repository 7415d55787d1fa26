"""What travels: a `Part` from a model rank, a whole `Field` on a server.

Metadata is MARS's vocabulary (class, stream, expver, type, date, time, step, levtype, levelist,
param, number, timespan, ...) plus ``grid`` (a name of the grids room) and ``domain`` (the name under
which the model described its decomposition). Values are scalars; see docs/architecture.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.key import Scalar
from dte_hpc.base.pairs import Pairs

Values: TypeAlias = NDArray[np.float64] | NDArray[np.float32]
PACKING_FACTS = (
    "packingType",
    "bitsPerValue",
    "decimalScaleFactor",
    "binaryScaleFactor",
    "referenceValue",
)
"""Keywords that say how the message was packed which a field was read from; new values have none of it."""
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class Metadata(Pairs[Scalar]):
    """What is known of a field: an immutable, hashable mapping from keyword to scalar."""

    __slots__ = ()

    def __init__(self, pairs: Mapping[str, Scalar]) -> None:
        super().__init__(dict(pairs))
        for keyword, value in self._pairs.items():
            if not isinstance(keyword, str) or not isinstance(value, str | int | float):
                raise InvalidPart(
                    f"metadata has {keyword!r}={value!r}; expected text keywords and text or number values",
                    keyword=keyword,
                )

    def replace(self, **changes: Scalar) -> "Metadata":
        """Return this metadata with some values changed or added."""
        return Metadata({**self._pairs, **changes})

    def without(self, *keywords: str) -> "Metadata":
        """Return this metadata without some keywords."""
        return Metadata({k: v for k, v in self._pairs.items() if k not in keywords})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The values one rank holds of one field.

    Attributes
    ----------
    metadata : Metadata
        Of the whole field; byte-identical on every rank that sends a part of it.
    values : ndarray of float32 or float64, shape (n_local,)
        In the order of the rank's index list for ``metadata["domain"]``. NaN is missing.
    """

    metadata: Metadata
    values: Values

    def __post_init__(self) -> None:
        _refuse_odd_values(self.metadata, self.values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """All values of one field, in the grid's own order.

    Attributes
    ----------
    metadata : Metadata
        What the field is called, and on which ``grid`` it lies.
    values : ndarray of float32 or float64, shape (n_points,)
        NaN is missing. Never written to by whoever receives it: make a new `Field`.
    """

    metadata: Metadata
    values: Values

    def __post_init__(self) -> None:
        _refuse_odd_values(self.metadata, self.values)

    @property
    def n_bytes(self) -> int:
        """Bytes of the values."""
        return int(self.values.nbytes)


def _refuse_odd_values(metadata: Metadata, values: Any) -> None:
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype not in FLOATS:
        found = f"{getattr(values, 'dtype', type(values).__name__)} {getattr(values, 'shape', '')}".strip()
        raise InvalidPart(
            f"field {metadata} has values of {found}; expected a one-dimensional float32 or float64 array",
            metadata=metadata,
        )
