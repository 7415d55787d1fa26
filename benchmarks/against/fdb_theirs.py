"""How does ECMWF's FDB do the work?"""

import pyfdb
import work
from sample import Sample, digest


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
    store = store_at(sample, sample.own / "small")
    for named in work.listed():
        store.archive(b"x" * 64, named)
    store.flush()


def list_objects(sample: Sample) -> None:
    """Every field's key as a mapping, with its offset and length."""
    warm(sample)
    with sample.clock():
        found = store_at(sample, sample.own / "small").list({})
        fields = [(element.combined_key(), element.offset(), element.length()) for element in found]
    sample.result = digest((named, b"") for named, _, _ in fields)


list_columns = list_objects  # it has no other way


def retrieve_whole(sample: Sample) -> None:
    """One request of many fields of 1 MB, read into one bytes object."""
    warm(sample)
    request = work.whole(sample.work, "1MB")
    with sample.clock():
        data = read(store_at(sample, sample.own / "1MB"), request)
    sample.result = digest([({}, data)])


def retrieve_single(sample: Sample) -> None:
    """A request a field of 100 KB, by one handle."""
    warm(sample)
    names = [named for named, _ in work.keys_and_messages(sample.work, "100KB")]
    with sample.clock():
        store = store_at(sample, sample.own / "100KB")
        messages = [read(store, named) for named in names]
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
    found = store_at(sample, sample.scratch / "store").list({})
    sample.result = digest((element.combined_key(), _bytes(element.data_handle)) for element in found)


def _fill(sample: Sample, name: str) -> None:
    store = store_at(sample, sample.own / name)
    for named, message in work.keys_and_messages(sample.work, name):
        store.archive(message, named)
    store.flush()


def warm(sample: Sample, name: str = "warm") -> None:
    """Use each call once, on another store: the MARS language is read."""
    named, message = work.keys_and_messages(sample.work, "100KB")[0]
    store = store_at(sample, sample.scratch / name)
    store.archive(message)
    store.flush()
    for element in store.list({}):
        element.combined_key()
    read(store, named)


def read(store, request) -> bytes:
    """Return the messages a request names."""
    return _bytes(store.retrieve(request))


def _bytes(handle) -> bytes:
    """Read all at once: `readall` reads 1 KiB at a time and is ten times slower."""
    with handle:
        return handle.read(handle.size())


def store_at(sample: Sample, root) -> pyfdb.FDB:
    """Return a new handle."""
    return pyfdb.FDB(work.config_of(sample.work, root))
