"""How does dte_hpc's store do the work?"""

import work
from sample import Sample, digest

from dte_hpc.fdb import FDB


def archive_grib(sample: Sample) -> None:
    """Whole messages, their keys read from their headers; flush included."""
    archive_all(sample, "1MB", lambda store, named, message: store.archive(message))


def archive_identifier(sample: Sample) -> None:
    """Messages with their keys given; flush included."""
    archive_all(sample, "1MB", lambda store, named, message: store.archive(message, named))


def fill_1mb(sample: Sample) -> None:
    """Store 200 fields of 1 MB."""
    _fill(sample, "1MB")


def fill_100kb(sample: Sample) -> None:
    """Store 500 fields of 100 KB."""
    _fill(sample, "100KB")


def fill_small(sample: Sample) -> None:
    """Store many fields of 64 bytes."""
    with store_at(sample, sample.own / "small") as store:
        for named in work.listed():
            store.archive(b"x" * 64, named)


def list_columns(sample: Sample) -> None:
    """Every field's key, file, offset and length, as columns."""
    warm(sample)
    with sample.clock():
        listing = store_at(sample, sample.own / "small").list()
        columns = {keyword: listing.column(keyword) for keyword in listing.keywords}
        _ = listing.offset, listing.length, listing.locations()
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    sample.result = digest((dict(zip(columns, row, strict=True)), b"") for row in rows)


def list_objects(sample: Sample) -> None:
    """Every field's key as a mapping, with its offset and length."""
    warm(sample)
    with sample.clock():
        listing = store_at(sample, sample.own / "small").list()
        fields = list(zip(listing.keys(), listing.offset.tolist(), listing.length.tolist(), strict=True))
    sample.result = digest((named, b"") for named, _, _ in fields)


def retrieve_whole(sample: Sample) -> None:
    """One request of many fields of 1 MB, read into one bytes object."""
    warm(sample)
    request = work.whole(sample.work, "1MB")
    with sample.clock():
        data = store_at(sample, sample.own / "1MB").retrieve(request).read()
    sample.result = digest([({}, data)])


def retrieve_single(sample: Sample) -> None:
    """A request a field of 100 KB, by one handle."""
    warm(sample)
    names = [named for named, _ in work.keys_and_messages(sample.work, "100KB")]
    with sample.clock():
        store = store_at(sample, sample.own / "100KB")
        messages = [store.retrieve(named).read() for named in names]
    sample.result = digest(zip(names, messages, strict=True))


def archive_all(sample: Sample, name: str, archive) -> None:
    """Time a new store and so many calls, flush included."""
    warm(sample)
    fields = work.keys_and_messages(sample.work, name)
    with sample.clock():
        store = store_at(sample, sample.scratch / "store")
        for named, message in fields:
            archive(store, named, message)
        store.flush()
    listing = store_at(sample, sample.scratch / "store").list()
    sample.result = digest((named, listing.message(n)) for n, named in enumerate(listing.keys()))


def _fill(sample: Sample, name: str) -> None:
    with store_at(sample, sample.own / name) as store:
        for named, message in work.keys_and_messages(sample.work, name):
            store.archive(message, named)


def warm(sample: Sample, name: str = "warm") -> None:
    """Use each call once, on another store."""
    named, message = work.keys_and_messages(sample.work, "100KB")[0]
    with store_at(sample, sample.scratch / name) as store:
        store.archive(message)
        store.flush()
        list(store.list().keys())
        store.retrieve(named).read()


def store_at(sample: Sample, root) -> FDB:
    """Return a new handle."""
    return FDB(root, schema=sample.work / "schema")
