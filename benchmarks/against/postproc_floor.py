"""What is the least that memory lets post-processing take?

A copy of as many bytes as the work must move: every value read once, every running value read and written
once, every result written once. The copy is between two arrays larger than the caches, and bytes read and
bytes written both count.
"""

import numpy as np
import postproc_work as pw
from sample import Sample

COPIED_BYTES = 64 * 1024 * 1024
FIELD = 8 * pw.N_POINTS
COARSE_POINTS, COARSE_WEIGHTS, FINE_WEIGHTS, OCTAHEDRAL_POINTS = 65_160, 65_160, 3_108_680, 421_120


def four(sample: Sample) -> None:
    """A sample, and three running arrays."""
    _copy(sample, "four", FIELD * (1 + 2 * 3))


def average(sample: Sample) -> None:
    """A sample, and one running array."""
    _copy(sample, "average", FIELD * 3)


def coarse(sample: Sample) -> None:
    """A value, an index and a weight for each weight, and the results."""
    _copy(sample, "coarse", COARSE_WEIGHTS * (8 + 4 + 8) + 8 * COARSE_POINTS)


def fine(sample: Sample) -> None:
    """Every value once, an index and a weight for each weight, and the results."""
    _copy(sample, "fine", 8 * OCTAHEDRAL_POINTS + FINE_WEIGHTS * 12 + FIELD)


def levels(sample: Sample) -> None:
    """The same, where eight fields share the indices and weights."""
    _copy(sample, "levels", 8 * OCTAHEDRAL_POINTS + FINE_WEIGHTS * 12 // pw.N_LEVELS + FIELD)


def simple(sample: Sample) -> None:
    """Every value once, and two bytes each."""
    _copy(sample, "simple", FIELD * 10 // 8)


def ccsds(sample: Sample) -> None:
    """Every value once, and at most two bytes each."""
    _copy(sample, "ccsds", FIELD * 10 // 8)


def plan_simple(sample: Sample) -> None:
    """Every value once, two bytes each made, and those written to a file (read and written again)."""
    _copy(sample, "plan-simple", FIELD * 14 // 8)


def plan_ccsds(sample: Sample) -> None:
    """The same."""
    _copy(sample, "plan-ccsds", FIELD * 14 // 8)


def _copy(sample: Sample, row: str, n_bytes: int) -> None:
    source, target = np.ones(COPIED_BYTES // 8), np.zeros(COPIED_BYTES // 8)
    left = n_bytes * pw.COUNTS[row] // 16
    with sample.clock():
        while left > 0:
            n = min(left, source.size)
            np.copyto(target[:n], source[:n])
            left -= n
    sample.result = target[:1]
