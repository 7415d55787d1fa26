"""Which fields are there, where are they, and what are their bytes? (list, inspect, where, read)"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from dte_hpc.base.request import Request
from dte_hpc.cli.fdb.entries import Shown, braced, lines, records, split_keys
from dte_hpc.cli.fdb.requests import (
    OF_A_LIST,
    answers,
    error_options,
    refuse_no_data,
    request_options,
    requests_of,
)
from dte_hpc.cli.fdb.show import (
    MIB,
    bar,
    print_heading,
    print_json,
    print_json_array,
    rate_text,
    size_text,
)
from dte_hpc.cli.fdb.verb import Verb, store_of, store_options

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB, Listing, MessageHandle
    from dte_hpc.fdb.files.database import Database

CHUNK_BYTES = 64 * MIB
Missing = Literal["error", "skip"]


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_LIST)
    parser.add_argument("--location", action="store_true", help="file, byte and length of each field")
    parser.add_argument("--length", action="store_true", help="bytes of each field")
    parser.add_argument("--timestamp", action="store_true", help="second since 1970 of each field's flush")
    parser.add_argument("--full", action="store_true", help="masked fields too")
    parser.add_argument("--only-duplicates", action="store_true", help="only masked fields")
    parser.add_argument("--ignore-errors", action="store_true", help="warn of requests that fail, and go on")
    parser.add_argument("--depth", type=int, choices=(1, 2, 3), default=3, help="levels of the keys to show")
    parser.add_argument("--compact", action="store_true", help="as requests that name exactly these fields")
    parser.add_argument("--porcelain", action="store_true", help="one field a line and nothing else")


def _list(arguments: argparse.Namespace) -> int:
    store = store_of(arguments)
    requests = requests_of(arguments, store)
    if not arguments.porcelain and not arguments.json:
        print_heading("Listing", requests)
    listings = answers(arguments, store, lambda request: _listing(store, request, arguments))
    shown = Shown(arguments.location, arguments.length, arguments.timestamp)
    if arguments.depth < 3:
        _show_keys(store, listings, arguments)
    elif arguments.compact:
        _show_compact(store, listings, arguments)
    elif arguments.json:
        print_json_array(entry for listing in listings for entry in records(listing, shown))
    else:
        for listing in listings:
            for line in lines(store, listing, shown):
                print(line)
        _show_sum(listings, arguments)
    return 0


def _listing(store: "FDB", request: Request, arguments: argparse.Namespace) -> "Listing":
    if not arguments.only_duplicates:
        return store.list(request, masked=arguments.full)
    newest, every = store.list(request), store.list(request, masked=True)
    seen = set(_places(newest))
    return every.select([number for number, place in enumerate(_places(every)) if place not in seen])


def _places(listing: "Listing") -> Iterable[tuple[str, int]]:
    files, paths = listing.locations()
    return zip((paths[file] for file in files.tolist()), listing.offset.tolist(), strict=True)


def _show_keys(store: "FDB", listings: "list[Listing]", arguments: argparse.Namespace) -> None:
    """Show the different keys of the first one or two levels."""
    split = (key[: arguments.depth] for listing in listings for key in split_keys(store, listing))
    keys = dict.fromkeys(split)
    if arguments.json:
        print_json_array({k: value for level in key for k, value in level.items()} for key in keys)
        return
    for key in keys:
        print(braced(*key))


def _show_compact(store: "FDB", listings: "list[Listing]", arguments: argparse.Namespace) -> None:
    """Show requests for the fields of each database and index."""
    from dte_hpc.fdb.naming.cubes import requests_for

    indexes: dict[tuple[object, ...], list[dict[str, str]]] = {}
    for listing in listings:
        for database, index, datum in split_keys(store, listing):
            indexes.setdefault((database, index), []).append({**database, **index, **datum})
    found = [request for keys in indexes.values() for request in requests_for(keys)]
    if arguments.json:
        print_json_array(found)
        return
    for request in found:
        print(",".join(f"{keyword}={'/'.join(values)}" for keyword, values in request.items()))
    _show_sum(listings, arguments)


def _show_sum(listings: "list[Listing]", arguments: argparse.Namespace) -> None:
    if not arguments.porcelain:
        n_bytes = sum(int(listing.length.sum()) for listing in listings)
        print(f"\nEntries       : {sum(map(len, listings)):,}\nTotal         : {size_text(n_bytes)}")


def _inspect_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser)
    error_options(parser)
    parser.add_argument("--porcelain", action="store_true", help="one field a line and nothing else")


def _inspect(arguments: argparse.Namespace) -> int:
    store = store_of(arguments)
    missing: Missing = "skip" if arguments.ignore_no_data else "error"
    listings = answers(arguments, store, lambda request: store.inspect(request, missing=missing))
    shown = Shown(location=True, timestamp=True)
    if arguments.json:
        print_json_array(entry for listing in listings for entry in records(listing, shown))
        return 0
    for listing in listings:
        for line in lines(store, listing, shown):
            print(line)
    _show_sum(listings, arguments)
    return 0


def _where_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_LIST)
    error_options(parser)
    parser.add_argument("--porcelain", action="store_true", help="directories and nothing else")


def _where(arguments: argparse.Namespace) -> int:
    store = store_of(arguments)
    found = answers(arguments, store, lambda request: _databases(store.list(request)))
    databases = list(dict.fromkeys(database for each in found for database in each))
    refuse_no_data(bool(databases), arguments)
    if arguments.json:
        print_json([{"root": str(d.root), "name": d.name, "location": d.where} for d in databases])
        return 0
    for database in databases:
        print(database.where)
    return 0


def _databases(listing: "Listing") -> "list[Database]":
    return [listing.databases[number] for number in sorted(set(listing.part.tolist()))]


def _read_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, many=False)
    parser.add_argument("target", help="file to write, or - for standard output")
    parser.add_argument("--extract", action="store_true", help="REQUEST is a GRIB file: read its fields")
    parser.add_argument("--ignore-no-data", action="store_true", help="pass over fields that are not there")
    parser.add_argument("--statistics", action="store_true", help="tell how long it took")


def _read(arguments: argparse.Namespace) -> int:
    store = store_of(arguments)
    missing: Missing = "skip" if arguments.ignore_no_data else "error"
    requests = _keys_of_file(store, arguments) if arguments.extract else requests_of(arguments, store)
    handles = [store.retrieve(request, missing=missing) for request in requests]
    started = time.perf_counter()
    if arguments.target == "-":
        _copy(handles, sys.stdout.buffer)
        sys.stdout.flush()
    else:
        _copy_to_file(handles, Path(arguments.target))
    _tell_read(handles, arguments, time.perf_counter() - started)
    return 0


def _keys_of_file(store: "FDB", arguments: argparse.Namespace) -> list[Request]:
    from dte_hpc.codecs.decode import mars_key
    from dte_hpc.codecs.stream import open_messages

    with open_messages(arguments.requests[0]) as messages:
        return [Request.of_key(store.schema.key_of(mars_key(message))) for message in messages]


def _tell_read(handles: "list[MessageHandle]", arguments: argparse.Namespace, seconds: float) -> None:
    stream = sys.stderr if arguments.target == "-" else sys.stdout
    n_fields, n_bytes = sum(map(len, handles)), sum(handle.size for handle in handles)
    if arguments.json:
        import json

        facts = {"fields": n_fields, "bytes": n_bytes, "target": arguments.target, "seconds": seconds}
        print(json.dumps(facts), file=stream)
        return
    print(f"{n_fields} fields, {size_text(n_bytes)}", file=stream)
    if arguments.statistics:
        print(f"{seconds:.6f} seconds elapsed, {rate_text(n_bytes, seconds)}", file=stream)


def _copy_to_file(handles: "list[MessageHandle]", target: Path) -> None:
    """Write aside, sync, and rename, so that the target is whole or not there."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as aside:
        try:
            _copy(handles, aside)
            aside.flush()
            os.fsync(aside.fileno())
            Path(aside.name).replace(target)
        except BaseException:
            Path(aside.name).unlink(missing_ok=True)
            raise


def _copy(handles: "list[MessageHandle]", target: IO[bytes]) -> None:
    progress, done = bar("MiB"), 0
    total = sum(handle.size for handle in handles)
    for handle in handles:
        while chunk := handle.read(CHUNK_BYTES):
            target.write(chunk)
            done += len(chunk)
            progress(done // MIB, total // MIB)


VERBS = (
    Verb(
        name="list",
        summary="list the fields that answer requests",
        example="--config STORE class=od,expver=0001,step=0/to/24/by/6 --location",
        arguments=_list_arguments,
        action=_list,
    ),
    Verb(
        name="inspect",
        summary="say where each field that requests name lies; all must be there",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00,step=6,param=130",
        arguments=_inspect_arguments,
        action=_inspect,
    ),
    Verb(
        name="where",
        summary="say in which directories the fields that answer requests lie",
        example="--config STORE class=od,expver=0001,date=20260101",
        arguments=_where_arguments,
        action=_where,
    ),
    Verb(
        name="read",
        summary="write the messages that a request names to a file, in its order; all must be there",
        example="--config STORE class=od,expver=0001,date=20260101,time=00,step=0/6 out.grib",
        arguments=_read_arguments,
        action=_read,
    ),
)
