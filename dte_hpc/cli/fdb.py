"""What is in a store, and is it whole? (dte fdb list | inspect | read | info | check)"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.cli.roots import open_store

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB, Listing, MessageHandle

SUMMARY = "list, inspect, read and check a store"
EXAMPLE = "dte fdb list --config /scratch/store class=od,param=130,step=0/to/24/by/6"
CHUNK_BYTES = 64 * 1024 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs under ``dte fdb``, with FDB's names for options where FDB has them."""
    verbs = parser.add_subparsers(dest="fdb_verb", metavar="VERB", required=True)
    for name, summary, example, action in (
        ("list", "list the fields that answer a request", "class=od,expver=0001", _list),
        ("inspect", "say where each requested field lies", "class=od,expver=0001,step=6", _inspect),
        ("read", "write messages to a file, or to standard output", "class=od,step=6 out.grib", _read),
        ("info", "count databases, fields and bytes", "", _info),
        ("check", "verify toc, indexes and every message; exit 1 if damaged", "", _check),
    ):
        verb = verbs.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"example: dte fdb {name} --config STORE {example}",
        )
        verb.add_argument(
            "--config",
            metavar="STORE",
            help="root directory or configuration (else FDB_CONFIG, FDB_HOME ...)",
        )
        verb.add_argument(
            "--schema", metavar="FILE", help="schema in FDB's language (else the configured one)"
        )
        verb.add_argument("--json", action="store_true", help="print JSON")
        verb.set_defaults(fdb_action=action)
        _ARGUMENTS.get(name, _no_arguments)(verb)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen verb; the status is 1 when a store is damaged."""
    with open_store(arguments.config, arguments.schema) as store:
        return int(arguments.fdb_action(store, arguments))


def _no_arguments(_verb: argparse.ArgumentParser) -> None:
    return


def _request_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("request", nargs="?", default="", help="key=value/value,key=value ...; empty for all")
    verb.add_argument(
        "--minimum-keys", default="", metavar="KEY,KEY", help="refuse a request that lacks one of these"
    )


def _list_arguments(verb: argparse.ArgumentParser) -> None:
    _request_arguments(verb)
    verb.add_argument("--full", action="store_true", help="masked fields too")
    verb.add_argument("--location", action="store_true", help="file, byte and length of each field")
    verb.add_argument("--porcelain", action="store_true", help="one field a line and nothing else")


def _inspect_arguments(verb: argparse.ArgumentParser) -> None:
    _request_arguments(verb)
    verb.add_argument("--porcelain", action="store_true", help="one field a line and nothing else")


def _read_arguments(verb: argparse.ArgumentParser) -> None:
    _request_arguments(verb)
    verb.add_argument("target", help="file to write, or - for standard output")


def _check_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--no-data", action="store_true", help="do not read the messages themselves")


_ARGUMENTS = {
    "list": _list_arguments,
    "inspect": _inspect_arguments,
    "read": _read_arguments,
    "check": _check_arguments,
}


def parse_request(text: str, minimum_keys: str = "") -> dict[str, str]:
    """Return ``class=od,step=0/6`` as a mapping; InvalidRequest for anything else, or for a missing key."""
    request: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        keyword, equals, value = part.partition("=")
        keyword = keyword.strip()
        if not equals or not keyword or keyword in request:
            raise InvalidRequest(f"the request has {part!r}; expected each keyword once, as key=value/value")
        request[keyword] = value.strip()
    absent = [keyword for keyword in filter(None, minimum_keys.split(",")) if keyword not in request]
    if absent:
        raise InvalidRequest(f"the request lacks {', '.join(absent)}; expected all of {minimum_keys}")
    return request


def _list(store: "FDB", arguments: argparse.Namespace) -> int:
    listing = store.list(parse_request(arguments.request, arguments.minimum_keys), masked=arguments.full)
    _show(listing, arguments, location=arguments.location)
    return 0


def _inspect(store: "FDB", arguments: argparse.Namespace) -> int:
    listing = store.inspect(parse_request(arguments.request, arguments.minimum_keys))
    _show(listing, arguments, location=True)
    return 0


def _show(listing: "Listing", arguments: argparse.Namespace, *, location: bool) -> None:
    if arguments.json:
        print("[", end="")
        for number, entry in enumerate(_entries(listing, location)):
            print(",\n " if number else "", json.dumps(entry), sep="", end="")
        print("]")
        return
    for entry in _entries(listing, location):
        place = entry.pop("location", None)
        key = ",".join(f"{keyword}={value}" for keyword, value in entry["keys"].items())
        print(f"{{{key}}}", *([f"{place['path']} {place['offset']} {place['length']}"] if place else []))
    if not arguments.porcelain:
        print(f"{len(listing)} fields, {int(listing.length.sum())} bytes")


def _entries(listing: "Listing", location: bool) -> Iterator[dict[str, Any]]:
    files, paths = listing.locations()
    for number, key in enumerate(listing.keys()):
        entry: dict[str, Any] = {"keys": dict(key)}
        if location:
            place = {"offset": int(listing.offset[number]), "length": int(listing.length[number])}
            entry["location"] = {"path": paths[int(files[number])], **place}
        yield entry


def _read(store: "FDB", arguments: argparse.Namespace) -> int:
    handle = store.retrieve(parse_request(arguments.request, arguments.minimum_keys))
    if arguments.target == "-":
        _copy(handle, sys.stdout.buffer)
        sys.stdout.flush()
    else:
        _copy_to_file(handle, Path(arguments.target))
    facts = {"fields": len(handle), "bytes": handle.size, "target": arguments.target}
    text = json.dumps(facts) if arguments.json else f"{len(handle)} fields, {handle.size} bytes"
    print(text, file=sys.stderr if arguments.target == "-" else sys.stdout)
    return 0


def _copy_to_file(handle: "MessageHandle", target: Path) -> None:
    """Write aside, sync, and rename, so that the target is whole or not there."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as aside:
        try:
            _copy(handle, aside)
            aside.flush()
            os.fsync(aside.fileno())
            Path(aside.name).replace(target)
        except BaseException:
            Path(aside.name).unlink(missing_ok=True)
            raise


def _copy(handle: "MessageHandle", target: IO[bytes]) -> None:
    while chunk := handle.read(CHUNK_BYTES):
        target.write(chunk)


def _info(store: "FDB", arguments: argparse.Namespace) -> int:
    listing, everything = store.list(), store.list(masked=True)
    facts = {
        "roots": [str(root) for root in store.config.readable_roots()],
        "schema": store.schema.source,
        "databases": len(store.databases()),
        "fields": len(listing),
        "bytes": int(listing.length.sum()),
        "masked-fields": len(everything) - len(listing),
        "masked-bytes": int(everything.length.sum()) - int(listing.length.sum()),
    }
    _print_facts(facts, arguments.json)
    return 0


def _check(store: "FDB", arguments: argparse.Namespace) -> int:
    from dte_hpc.fdb.check import check

    report = check(store, data=not arguments.no_data)
    findings = [{"where": f.where, "what": f.what, "damage": f.damage} for f in report.findings]
    facts = {
        "databases": report.n_databases,
        "fields": report.n_fields,
        "bytes": report.n_bytes,
        "damaged": report.is_damaged,
    }
    if arguments.json:
        print(json.dumps({**facts, "findings": findings}, indent=1))
    else:
        for finding in report.findings:
            print(f"{'damage' if finding.damage else 'leftover'}: {finding.where}: {finding.what}")
        _print_facts(facts, False)
    return 1 if report.is_damaged else 0


def _print_facts(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    for name, value in facts.items():
        print(f"{name:<14} {', '.join(value) if isinstance(value, list) else value}")
