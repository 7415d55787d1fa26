"""How do fields come into a store, from files or from another store? (write, copy, move)"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.cli.fdb.requests import (
    OF_A_LIST,
    OF_A_WIPE,
    answers,
    error_options,
    parse_request,
    refuse_no_data,
    request_options,
)
from dte_hpc.cli.fdb.show import MIB, bar, print_json, rate_text, size_text
from dte_hpc.cli.fdb.verb import Verb, store_of, store_options

if TYPE_CHECKING:
    from dte_hpc.base.checksum import ByteLike
    from dte_hpc.fdb import FDB
    from dte_hpc.fdb.upkeep.copy import Copied

Filters = list[tuple[Mapping[str, frozenset[str]], bool]]


def _write_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="FILE", help="GRIB files, or - for standard input")
    parser.add_argument(
        "--config", metavar="STORE", help="root directory (made if there is none) or configuration"
    )
    parser.add_argument("--schema", metavar="FILE", help="schema in FDB's language (else the configured one)")
    parser.add_argument("--include-filter", metavar="KEY=A/B,KEY=C", help="write only messages like this")
    parser.add_argument("--exclude-filter", metavar="KEY=A/B,KEY=C", help="do not write messages like this")
    parser.add_argument(
        "--modifiers", metavar="KEY=VALUE,KEY=VALUE", help="ecCodes keys to change in each message"
    )
    parser.add_argument("--statistics", action="store_true", help="tell how long it took")
    parser.add_argument("--verbose", action="store_true", help="print the key of each message")


def _write(arguments: argparse.Namespace) -> int:
    """Write every message, then flush: all of a database's fields appear at once, or none does."""
    from dte_hpc.base.log import log_trouble
    from dte_hpc.fdb import FDB

    modifiers = _modifiers(arguments)
    filters = _filters(arguments)
    started, n_fields, n_bytes = time.perf_counter(), 0, 0
    with FDB(arguments.config, schema=arguments.schema, listener=log_trouble) as store:
        for message, key in _messages(arguments.paths, modifiers, filters):
            store.archive(message, key)
            n_fields, n_bytes = n_fields + 1, n_bytes + len(message)
            if arguments.verbose and not arguments.json:
                print(f"Archiving {{{','.join(f'{k}={v}' for k, v in key.items())}}}")
    seconds = time.perf_counter() - started
    if arguments.json:
        print_json({"fields": n_fields, "bytes": n_bytes, "seconds": seconds})
        return 0
    print(f"{n_fields} fields, {size_text(n_bytes)}")
    if arguments.statistics:
        print(f"{seconds:.6f} seconds elapsed, {rate_text(n_bytes, seconds)}")
    return 0


def _messages(
    paths: list[str], modifiers: Mapping[str, str], filters: Filters
) -> "Iterator[tuple[ByteLike, dict[str, Scalar]]]":
    """Yield every message that passes the filters, changed, and its key."""
    from dte_hpc.codecs import grib
    from dte_hpc.codecs.decode import mars_key
    from dte_hpc.codecs.stream import open_messages

    total = sum(Path(path).stat().st_size for path in paths if path != "-")
    progress, done = bar("MiB"), 0
    for path in paths:
        with open_messages(path) as messages:
            for original in messages:
                done += len(original)
                progress(done // MIB, max(total, done) // MIB)
                key: dict[str, Scalar] = {**mars_key(original)}
                if all(_is_like(key, wanted) is expected for wanted, expected in filters):
                    message = grib.modified(original, modifiers) if modifiers else original
                    yield message, {**mars_key(message)} if modifiers else key


def _filters(arguments: argparse.Namespace) -> Filters:
    """Return what messages must, and must not, be like."""
    found: Filters = []
    for text, expected in ((arguments.include_filter, True), (arguments.exclude_filter, False)):
        if text:
            wanted = {k: frozenset(value.split("/")) for k, value in parse_request(text).items()}
            found.append((wanted, expected))
    return found


def _is_like(key: Mapping[str, Scalar], wanted: Mapping[str, frozenset[str]]) -> bool:
    return all(
        text_of(key.get(keyword, "")) in values or text_of(key.get(keyword, "")).zfill(4) in values
        for keyword, values in wanted.items()
    )


def _modifiers(arguments: argparse.Namespace) -> dict[str, str]:
    return parse_request(arguments.modifiers) if arguments.modifiers else {}


def _copy_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", metavar="STORE", required=True, help="root or configuration to read from")
    parser.add_argument("--target", metavar="STORE", required=True, help="root or configuration to write to")
    parser.add_argument("--schema", metavar="FILE", help="schema of the target (else the configured one)")
    request_options(parser, OF_A_LIST)
    error_options(parser)
    parser.add_argument(
        "--modifiers", metavar="KEY=VALUE,KEY=VALUE", help="ecCodes keys to change in each message"
    )


def _copy(arguments: argparse.Namespace) -> int:
    from dte_hpc.base.log import log_trouble
    from dte_hpc.cli.roots import open_store
    from dte_hpc.fdb import FDB
    from dte_hpc.fdb.upkeep.copy import copy

    source, modifiers = open_store(arguments.source), _modifiers(arguments)
    with FDB(arguments.target, schema=arguments.schema, listener=log_trouble) as target:
        _refuse_same_root(source, target)
        done = answers(
            arguments,
            source,
            lambda request: copy(
                source.list(request), target, modifiers=modifiers, progress=bar("fields copied and verified")
            ),
        )
    refuse_no_data(any(each.n_databases for each in done), arguments)
    _tell_copied(done, arguments)
    return 0


def _refuse_same_root(source: "FDB", target: "FDB") -> None:
    roots = {root.resolve() for root in source.config.readable_roots()}
    both = roots.intersection(root.resolve() for root in target.config.readable_roots())
    if both:
        raise InvalidRequest(f"source and target share the root {both.pop()}; expected two stores")


def _move_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_WIPE)
    error_options(parser)
    parser.add_argument("--dest", metavar="ROOT", required=True, help="root directory to move databases into")
    parser.add_argument("--keep", action="store_true", help="leave the source, locked for archiving")


def _move(arguments: argparse.Namespace) -> int:
    from dte_hpc.fdb.upkeep.move import move

    store = store_of(arguments)
    found = answers(
        arguments,
        store,
        lambda request: move(
            store, request, arguments.dest, keep=arguments.keep, progress=bar("fields copied and verified")
        ),
    )
    done = [copied for each in found for copied in each]
    refuse_no_data(bool(done), arguments)
    _tell_copied(done, arguments)
    return 0


def _tell_copied(done: "Sequence[Copied]", arguments: argparse.Namespace) -> None:
    facts = {
        "databases": sum(each.n_databases for each in done),
        "fields": sum(each.n_fields for each in done),
        "bytes": sum(each.n_bytes for each in done),
        "already-there": sum(each.n_present for each in done),
        "verified": sum(each.n_verified for each in done),
    }
    if arguments.json:
        print_json(facts)
        return
    print(
        f"{facts['fields']} fields, {size_text(facts['bytes'])}, of {facts['databases']} databases copied; "
        f"{facts['already-there']} were there; {facts['verified']} verified"
    )


VERBS = (
    Verb(
        name="write",
        summary="write GRIB files into a store; all their fields become visible at the end, or none does",
        example="--config STORE forecast.grib --modifiers expver=0042",
        arguments=_write_arguments,
        action=_write,
    ),
    Verb(
        name="copy",
        summary="copy fields from one store to another and verify each; what is there is not copied again",
        example="--source OLD --target NEW class=od,expver=0001,date=20260101",
        arguments=_copy_arguments,
        action=_copy,
    ),
    Verb(
        name="move",
        summary="move whole databases into another root: copied, verified, and only then removed",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00 --dest /archive/root",
        arguments=_move_arguments,
        action=_move,
    ),
)
