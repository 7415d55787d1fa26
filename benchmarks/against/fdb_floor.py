"""What is the least the file system lets the work take?"""

import os
from collections.abc import Sequence

import work
from sample import Sample


def archive(sample: Sample) -> None:
    """Write the same bytes, a message a write, and one fdatasync."""
    archive_all(sample, [message for _, message in work.keys_and_messages(sample.work, "1MB")])


def archive_all(sample: Sample, messages: Sequence[bytes]) -> None:
    """Time a new file, a write a message, and one fdatasync."""
    with sample.clock(), (sample.scratch / "raw").open("wb", buffering=0) as file:
        for message in messages:
            file.write(message)
        os.fdatasync(file.fileno())


archive_grib = archive_identifier = archive


def retrieve_whole(sample: Sample) -> None:
    """Read the same bytes with one read."""
    with sample.clock():
        (sample.work / "1MB.grib").read_bytes()


def retrieve_single(sample: Sample) -> None:
    """Read the same messages, a read each, from an open file."""
    lengths = [len(message) for _, message in work.keys_and_messages(sample.work, "100KB")]
    with sample.clock(), (sample.work / "100KB.grib").open("rb", buffering=0) as file:
        _ = [file.read(length) for length in lengths]
