"""Which weights does a field have whose same points are always missing? A sea's, or a domain's: made once.

Where values are missing, rows must be looked at one by one, for every field: 6 to 18 ms where 2.5 do without
(O320 to 0.25/0.25, three tenths missing). A mask that comes a second time gets a matrix of its own, to which
the rule was applied: missing inputs are not in it, the others are weighted anew, missing rows are empty.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.compiled import frozen
from dte_hpc.base.field import Values
from dte_hpc.postproc.regrid import kernels
from dte_hpc.postproc.regrid.weights_file import Weights

MAX_BYTES = 512 * 1024 * 1024
MOST_SEEN = 64
_Key = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Masked:
    of: Weights
    missing: NDArray[np.bool_]
    counts: NDArray[np.uint8] | NDArray[np.uint32]
    indices: NDArray[np.uint32]
    weights: NDArray[np.float64]

    @property
    def n_bytes(self) -> int:
        return sum(each.nbytes for each in (self.missing, self.counts, self.indices, self.weights))


class Masks:
    """The matrices of masks that came more than once, the last used ones, at most `max_bytes` together."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._seen: OrderedDict[_Key, None] = OrderedDict()
        self._kept: OrderedDict[_Key, _Masked] = OrderedDict()

    @property
    def n_bytes(self) -> int:
        """Bytes kept."""
        return sum(each.n_bytes for each in self._kept.values())

    def apply(self, weights: Weights, values: Values, out: NDArray[np.float64]) -> int:
        """Bring a field over; return how many results are missing. Values are not written to."""
        values = frozen(values)
        arrays = weights.counts, weights.indices, weights.weights
        if values.size > weights.weights.size:  # to a coarse grid: it reads few of the values
            return int(kernels.weigh_with_missing(*arrays, values, out))
        if kernels.all_finite(values):
            return int(kernels.weigh(*arrays, values, out))
        masked = self._of(weights, np.isnan(values))
        if masked is None:
            return int(kernels.weigh_with_missing(*arrays, values, out))
        return int(kernels.weigh(masked.counts, masked.indices, masked.weights, values, out))

    def _of(self, weights: Weights, missing: NDArray[np.bool_]) -> _Masked | None:
        """Return the matrix of a mask, None when it comes for the first time or is too large to keep."""
        key = id(weights), checksum(missing.view(np.uint8))
        found = self._kept.get(key)
        if found is not None and found.of is weights and np.array_equal(found.missing, missing):
            self._kept.move_to_end(key)
            return found
        if key not in self._seen:
            self._seen[key] = None
            if len(self._seen) > MOST_SEEN:
                self._seen.popitem(last=False)
            return None
        return self._keep(key, _made(weights, missing)) if weights.n_bytes < self._max_bytes else None

    def _keep(self, key: _Key, made: _Masked) -> _Masked:
        self._kept.pop(key, None)
        while self._kept and self.n_bytes + made.n_bytes > self._max_bytes:
            self._kept.popitem(last=False)
        self._kept[key] = made
        return made


def _made(weights: Weights, missing: NDArray[np.bool_]) -> _Masked:
    counts = np.empty_like(weights.counts)
    indices, numbers = np.empty_like(weights.indices), np.empty_like(weights.weights)
    n_left = kernels.without_missing(
        weights.counts, weights.indices, weights.weights, frozen(missing), counts, indices, numbers
    )
    left = slice(0, int(n_left))
    return _Masked(
        of=weights,
        missing=missing,
        counts=counts,
        indices=indices[left].copy(),
        weights=numbers[left].copy(),
    )
