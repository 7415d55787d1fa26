"""What is the least the file system lets a plan take?"""

import os

import work
from sample import Sample


def encode(sample: Sample) -> None:
    """Write as many bytes as the plan's messages have, a message a write, and one fdatasync."""
    message = (sample.work / "moment.grib").read_bytes()
    with sample.clock(), (sample.scratch / "raw").open("wb", buffering=0) as file:
        for _ in range(work.N_ENCODED):
            file.write(message)
        os.fdatasync(file.fileno())
