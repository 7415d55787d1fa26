"""How does ECMWF's FDB do every row of `fdb.py`?"""

import fdb_theirs
import work
from fdb_theirs import read, store_at, warm
from sample import Sample, digest, one_then_two


def archive_grib_100kb(sample: Sample) -> None:
    """Messages of 100 KB, their keys read from their headers; flush included."""
    fdb_theirs.archive_all(sample, "100KB", lambda store, named, message: store.archive(message))


def archive_grib_1mb(sample: Sample) -> None:
    """Messages of 1 MB, their keys read from their headers; flush included."""
    fdb_theirs.archive_all(sample, "1MB", lambda store, named, message: store.archive(message))


def archive_key_1mb(sample: Sample) -> None:
    """Messages of 1 MB with their keys given; flush included."""
    fdb_theirs.archive_all(sample, "1MB", lambda store, named, message: store.archive(message, named))


def archive_tiny(sample: Sample) -> None:
    """Fields of 64 bytes with their keys given, a call each; flush included."""
    warm(sample)
    fields = list(zip(work.listed(sample.size), work.tiny_each(sample.size), strict=True))
    with sample.clock():
        store = store_at(sample, sample.scratch / "store")
        for named, message in fields:
            store.archive(message, named)
        store.flush()
    found = store_at(sample, sample.scratch / "store").list({})
    sample.result = digest((element.combined_key(), b"") for element in found)


archive_tiny_many = archive_tiny_mappings = archive_tiny  # it has no other way


def fill_fields(sample: Sample) -> None:
    """Store many fields of 64 bytes with one flush."""
    store = store_at(sample, sample.own / f"fields-{sample.size}")
    for named, message in zip(work.listed(sample.size), work.tiny_each(sample.size), strict=True):
        store.archive(message, named)
    store.flush()


def fill_flushes(sample: Sample) -> None:
    """Store fields of 64 bytes, a flush each."""
    store = store_at(sample, sample.own / f"flushes-{sample.size}")
    for named, message in zip(work.listed(sample.size), work.tiny_each(sample.size), strict=True):
        store.archive(message, named)
        store.flush()


def list_columns(sample: Sample) -> None:
    """Every field's key, offset and length, an object a field: it has no other way."""
    _list(sample, sample.own / f"fields-{sample.size}")


def list_flushes(sample: Sample) -> None:
    """The same of a store with many flushes."""
    _list(sample, sample.own / f"flushes-{sample.size}")


def _list(sample: Sample, root) -> None:
    warm(sample)
    with sample.clock():
        found = store_at(sample, root).list({})
        fields = [(element.combined_key(), element.offset(), element.length()) for element in found]
    sample.result = digest((named, b"") for named, _, _ in fields)


def list_keys(sample: Sample) -> None:
    """Every field's keys()."""
    warm(sample)
    with sample.clock():
        found = store_at(sample, sample.own / f"fields-{sample.size}").list({})
        keys = [element.keys() for element in found]
    sample.result = digest((work.joined(levels), b"") for levels in keys)


def retrieve_one(sample: Sample) -> None:
    """One field, by a new handle."""
    _retrieve_one(sample, sample.own / f"fields-{sample.size}")


def retrieve_one_flushes(sample: Sample) -> None:
    """The same of a store with many flushes."""
    _retrieve_one(sample, sample.own / f"flushes-{sample.size}")


def _retrieve_one(sample: Sample, root) -> None:
    warm(sample)
    named = work.one_of(sample.size)
    with sample.clock():
        data = read(store_at(sample, root), named)
    sample.result = digest([(named, data)])


def index_of_fields(sample: Sample) -> None:
    """Count the bytes beside the data of a store with one flush."""
    sample.count_index(sample.own / f"fields-{sample.size}")


def index_of_flushes(sample: Sample) -> None:
    """Count the bytes beside the data of a store with a flush for each field."""
    sample.count_index(sample.own / f"flushes-{sample.size}")


def writers(sample: Sample) -> None:
    """Fields of 1 MB by one process, then by two, each into a database of its own."""
    fields = work.keys_and_messages(sample.work, "1MB")[: sample.size]

    def write(number: int, root) -> None:
        store = store_at(sample, root)
        for named, message in fields:
            store.archive(message, {**named, "expver": f"{number:04d}"})
        store.flush()

    one_then_two(sample, lambda number: warm(sample, f"warm-{number}"), write)


retrieve_whole, retrieve_single = fdb_theirs.retrieve_whole, fdb_theirs.retrieve_single
fill_1mb, fill_100kb = fdb_theirs.fill_1mb, fdb_theirs.fill_100kb
