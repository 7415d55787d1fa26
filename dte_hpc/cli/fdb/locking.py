"""What may be done with databases? (status, lock, unlock)"""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.cli.fdb.entries import braced
from dte_hpc.cli.fdb.requests import (
    OF_A_LIST,
    OF_A_WIPE,
    answers,
    error_options,
    refuse_no_data,
    request_options,
)
from dte_hpc.cli.fdb.show import print_json
from dte_hpc.cli.fdb.verb import Verb, store_of, store_options

if TYPE_CHECKING:
    from dte_hpc.fdb.upkeep.control import Control, DatabaseStatus

_NAMES = ("list", "retrieve", "archive", "wipe")


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_LIST)
    error_options(parser)


def _lock_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_WIPE)
    error_options(parser)
    for name, what in zip(_NAMES, ("listing", "retrieval", "archival", "wiping"), strict=True):
        parser.add_argument(f"--{name}", action="store_true", help=f"databases for {what}")


def _status(arguments: argparse.Namespace) -> int:
    store = store_of(arguments)
    return _show(answers(arguments, store, store.status), arguments)


def _lock(arguments: argparse.Namespace) -> int:
    return _control(arguments, "disable")


def _unlock(arguments: argparse.Namespace) -> int:
    return _control(arguments, "enable")


def _control(arguments: argparse.Namespace, action: Literal["enable", "disable"]) -> int:
    identifiers = _identifiers(arguments)
    if not identifiers:
        raise InvalidRequest(
            "found nothing to lock or unlock; expected --list, --retrieve, --archive or --wipe"
        )
    store = store_of(arguments)
    return _show(answers(arguments, store, lambda r: store.control(r, action, identifiers)), arguments)


def _identifiers(arguments: argparse.Namespace) -> "list[Control]":
    from dte_hpc.fdb.upkeep.control import Control

    return [Control[name.upper()] for name in _NAMES if getattr(arguments, name)]


def _show(answered: "Iterable[Iterable[DatabaseStatus]]", arguments: argparse.Namespace) -> int:
    found = [status for statuses in answered for status in statuses]
    refuse_no_data(bool(found), arguments)
    if arguments.json:
        print_json([_facts(status) for status in found])
        return 0
    for status in found:
        print(f"Database: {braced(status.key)}\n  location: {status.where}")
        for name in _locks(status):
            print(f"  {name}: LOCKED")
    return 0


def _facts(status: "DatabaseStatus") -> dict[str, object]:
    return {"key": dict(status.key), "location": status.where, "locked": _locks(status)}


def _locks(status: "DatabaseStatus") -> list[str]:
    from dte_hpc.fdb.upkeep.control import Control

    return [name for name in _NAMES if Control[name.upper()] & status.disabled]


VERBS = (
    Verb(
        name="status",
        summary="say which databases there are, and for what they are locked",
        example="--config STORE class=od,expver=0001",
        arguments=_status_arguments,
        action=_status,
    ),
    Verb(
        name="lock",
        summary="lock databases: for what they are locked they are not there",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00 --archive --wipe",
        arguments=_lock_arguments,
        action=_lock,
    ),
    Verb(
        name="unlock",
        summary="unlock databases",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00 --archive --wipe",
        arguments=_lock_arguments,
        action=_unlock,
    ),
)
