"""What is the least the file system lets every row of `fdb.py` take?"""

import os

import fdb_floor
import work
from sample import Sample, one_then_two

retrieve_whole, retrieve_single = fdb_floor.retrieve_whole, fdb_floor.retrieve_single


def archive_grib_100kb(sample: Sample) -> None:
    """Write 100 KB a write, and one fdatasync."""
    fdb_floor.archive_all(sample, [message for _, message in work.keys_and_messages(sample.work, "100KB")])


def archive_grib_1mb(sample: Sample) -> None:
    """Write 1 MB a write, and one fdatasync."""
    fdb_floor.archive_all(sample, [message for _, message in work.keys_and_messages(sample.work, "1MB")])


archive_key_1mb = archive_grib_1mb


def archive_tiny(sample: Sample) -> None:
    """Write the same bytes at once, and one fdatasync."""
    fdb_floor.archive_all(sample, [work.tiny(sample.size)])


archive_tiny_many = archive_tiny_mappings = archive_tiny


def writers(sample: Sample) -> None:
    """Write 1 MB a write by one process, then by two."""
    messages = [message for _, message in work.keys_and_messages(sample.work, "1MB")][: sample.size]

    def write(number: int, root) -> None:
        with root.with_suffix(f".{number}").open("wb", buffering=0) as file:
            for message in messages:
                file.write(message)
            os.fdatasync(file.fileno())

    one_then_two(sample, lambda number: None, write)
