"""What is the least that reading points takes?"""

import os

import numpy as np
import work
from sample import Sample


def one(sample: Sample) -> None:
    """A read of 2 bytes for each of 100 points, each of its own field."""
    indices, _ = work.points(sample.work)
    _read(sample, [(step, [index]) for step, index in enumerate(indices.tolist())])


def many(sample: Sample) -> None:
    """A read of 2 bytes for each of 100 points of 100 fields."""
    indices, _ = work.points(sample.work)
    _read(sample, [(step, indices.tolist()) for step in range(work.N_STEPS)])


def _read(sample: Sample, wanted: list[tuple[int, list[int]]]) -> None:
    length = len(work.keys_and_messages(sample.work, "simple")[0][1])
    fd = os.open(sample.work / "simple.grib", os.O_RDONLY)
    with sample.clock():
        data = [os.pread(fd, 2, step * length + 2 * i) for step, indices in wanted for i in indices]
        np.frombuffer(b"".join(data), ">u2").astype(np.float64)
    os.close(fd)


one_simple = one
many_simple = many
