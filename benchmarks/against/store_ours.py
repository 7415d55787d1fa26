"""How does dte_hpc's store do every row of `fdb.py`?"""

import fdb_ours
import numpy as np
import work
from fdb_ours import store_at, warm
from sample import Sample, digest, one_then_two


def archive_grib_100kb(sample: Sample) -> None:
    """Messages of 100 KB, their keys read from their headers; flush included."""
    fdb_ours.archive_all(sample, "100KB", lambda store, named, message: store.archive(message))


def archive_grib_1mb(sample: Sample) -> None:
    """Messages of 1 MB, their keys read from their headers; flush included."""
    fdb_ours.archive_all(sample, "1MB", lambda store, named, message: store.archive(message))


def archive_key_1mb(sample: Sample) -> None:
    """Messages of 1 MB with their keys given; flush included."""
    fdb_ours.archive_all(sample, "1MB", lambda store, named, message: store.archive(message, named))


def archive_tiny(sample: Sample) -> None:
    """Fields of 64 bytes with their keys given, a call each; flush included."""
    warm(sample)
    fields = list(zip(work.listed(sample.size), work.tiny_each(sample.size), strict=True))
    with sample.clock():
        store = store_at(sample, sample.scratch / "store")
        for named, message in fields:
            store.archive(message, named)
        store.flush()
    _all_keys(sample, sample.scratch / "store")


def archive_tiny_many(sample: Sample) -> None:
    """The same fields with one call: one buffer, and a column for each keyword that varies."""
    warm(sample)
    columns, buffer = work.listed_columns(sample.size), work.tiny(sample.size)
    lengths = np.full(sample.size, work.TINY_BYTES)
    with sample.clock():
        store = store_at(sample, sample.scratch / "store")
        store.archive_many(buffer, columns, lengths=lengths)
        store.flush()
    _all_keys(sample, sample.scratch / "store")


def archive_tiny_mappings(sample: Sample) -> None:
    """The same fields with one call: a list of messages, and a mapping for each."""
    warm(sample)
    keys, messages = list(work.listed(sample.size)), work.tiny_each(sample.size)
    with sample.clock():
        store = store_at(sample, sample.scratch / "store")
        store.archive_many(messages, keys)
        store.flush()
    _all_keys(sample, sample.scratch / "store")


def _all_keys(sample: Sample, root) -> None:
    sample.result = digest((named, b"") for named in list(store_at(sample, root).list().keys()))


def fill_fields(sample: Sample) -> None:
    """Store many fields of 64 bytes with one flush."""
    store = store_at(sample, sample.own / f"fields-{sample.size}")
    for first in range(0, sample.size, work.TINY_AT_ONCE):
        count = min(work.TINY_AT_ONCE, sample.size - first)
        columns, lengths = work.listed_columns(count, first), np.full(count, work.TINY_BYTES)
        store.archive_many(work.tiny(count, first), columns, lengths=lengths)
    store.flush()


def fill_flushes(sample: Sample) -> None:
    """Store fields of 64 bytes, a flush each."""
    store = store_at(sample, sample.own / f"flushes-{sample.size}")
    for named, message in zip(work.listed(sample.size), work.tiny_each(sample.size), strict=True):
        store.archive(message, named)
        store.flush()


def list_columns(sample: Sample) -> None:
    """Every field's key, file, offset and length, as columns."""
    _list_columns(sample, sample.own / f"fields-{sample.size}")


def list_flushes(sample: Sample) -> None:
    """The same of a store with many flushes."""
    _list_columns(sample, sample.own / f"flushes-{sample.size}")


def _list_columns(sample: Sample, root) -> None:
    warm(sample)
    with sample.clock():
        listing = store_at(sample, root).list()
        columns = {keyword: listing.column(keyword) for keyword in listing.keywords}
        _ = listing.offset, listing.length, listing.locations()
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    sample.result = digest((dict(zip(columns, row, strict=True)), b"") for row in rows)


def list_keys(sample: Sample) -> None:
    """Every field's keys() through pyfdb's own interface."""
    from dte_hpc.fdb import pyfdb

    warm(sample)
    for element in pyfdb.FDB(work.config_of(sample.work, sample.scratch / "warm")).list({}):
        element.keys()
    config = work.config_of(sample.work, sample.own / f"fields-{sample.size}")
    with sample.clock():
        keys = [element.keys() for element in pyfdb.FDB(config).list({})]
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
        data = store_at(sample, root).retrieve(named).read()
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


retrieve_whole, retrieve_single = fdb_ours.retrieve_whole, fdb_ours.retrieve_single
fill_1mb, fill_100kb = fdb_ours.fill_1mb, fdb_ours.fill_100kb
