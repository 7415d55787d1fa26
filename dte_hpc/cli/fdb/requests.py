"""Which fields does a command line ask for?

A request is written as MARS does, ``class=od,expver=0001,step=0/to/24/by/6``, on the command line, in a
file (a path without ``=``) or on standard input (``-``). A file may hold several requests, each with a
verb of MARS before it or not; ``#`` begins a comment. A verb's minimum keys are FDB's, as far as the
store's schema has them, so that a slip of the keyboard neither lists nor wipes a whole store.

Values are expanded as the MARS language says (``param=2t``, ``date=-1``), unless ``--raw`` is given;
keywords that only the store's schema has are taken as they are.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dte_hpc.base.errors import DteError, FieldNotFound, InvalidRequest
from dte_hpc.base.request import Request

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB

Answer = TypeVar("Answer")
OF_A_LIST = "class,expver"
OF_A_WIPE = "class,expver,stream,date,time"
MAX_REQUEST_BYTES = 16 * 1024 * 1024
_VERBS = frozenset({"retrieve", "list", "read", "archive", "inspect", "stage"})
_PART = re.compile(r"""(?:[^,"']|"[^"]*"|'[^']*')+""")


def request_options(parser: argparse.ArgumentParser, minimum_keys: str = "", *, many: bool = True) -> None:
    """Declare requests and what they must have."""
    help_text = "key=value/value,key=value ... or a file of requests, or - for standard input"
    parser.add_argument("requests", nargs="*" if many else 1, metavar="REQUEST", help=help_text)
    if minimum_keys:
        parser.add_argument(
            "--minimum-keys",
            metavar="KEY,KEY",
            help=f"keywords a request must have (else those of {minimum_keys} that the schema has)",
        )
        parser.add_argument(
            "--all", action="store_true", help="lift the minimum: the whole store, if need be"
        )
    parser.add_argument(
        "--raw", action="store_true", help="take requests as they are, without MARS expansion"
    )
    parser.set_defaults(default_minimum=minimum_keys)


def error_options(parser: argparse.ArgumentParser) -> None:
    """Declare what is no reason to end."""
    parser.add_argument("--ignore-no-data", action="store_true", help="that nothing answers is not an error")
    parser.add_argument(
        "--ignore-errors", action="store_true", help="warn of what fails, and go on with the next request"
    )


def requests_of(arguments: argparse.Namespace, store: "FDB") -> list[Request]:
    """Return the requests that `request_options` declared, each with what it must have.

    Raises
    ------
    InvalidRequest
        For what is no request, or lacks a minimum key.
    """
    found = [request for text in arguments.requests for request in _read(text)] or [{}]
    requests = [_meant(request, store, raw=arguments.raw) for request in found]
    if arguments.default_minimum and not arguments.all:
        minimum = _minimum(arguments, store)
        for request in requests:
            _refuse_too_wide(request, minimum)
    return requests


def answers(arguments: argparse.Namespace, store: "FDB", work: Callable[[Request], Answer]) -> list[Answer]:
    """Return what is answered to each request; what fails is a warning, if that was asked for."""
    answered = []
    for request in requests_of(arguments, store):
        try:
            answered.append(work(request))
        except DteError as error:
            if not arguments.ignore_errors:
                raise
            print(f"dte fdb: warning: {error}", file=sys.stderr)
    return answered


def refuse_no_data(found: bool, arguments: argparse.Namespace) -> None:
    """Raise FieldNotFound when nothing was found, unless that is no error."""
    if not found and not arguments.ignore_no_data and not arguments.ignore_errors:
        raise FieldNotFound("nothing in the store answers the request")


def _meant(request: dict[str, str], store: "FDB", *, raw: bool) -> Request:
    """Return what a request means: its MARS words, and those of the schema that MARS does not have."""
    from dte_hpc.fdb.mars import is_keyword, mars_request

    if raw:
        return Request(request)
    own = {k: value for k, value in request.items() if not is_keyword(k) and k in store.schema.known}
    mars = mars_request({k: value for k, value in request.items() if k not in own})
    return mars.replace(**own)


def _minimum(arguments: argparse.Namespace, store: "FDB") -> list[str]:
    if arguments.minimum_keys is not None:
        return [keyword for keyword in arguments.minimum_keys.split(",") if keyword]
    return [keyword for keyword in arguments.default_minimum.split(",") if keyword in store.schema.known]


def _refuse_too_wide(request: Request, minimum: Sequence[str]) -> None:
    absent = [keyword for keyword in minimum if keyword not in request]
    if absent:
        raise InvalidRequest(
            f"the request lacks {', '.join(absent)}; expected all of {', '.join(minimum)}, "
            "or other --minimum-keys, or --all"
        )
    if not request:
        raise InvalidRequest("the request asks for nothing in particular; --all means the whole store")


def _read(text: str) -> list[dict[str, str]]:
    if text == "-":
        return parse_requests(sys.stdin.read(MAX_REQUEST_BYTES))
    if "=" in text or not text:
        return [parse_request(text)] if text else []
    try:
        with Path(text).open(encoding="utf-8") as file:
            return parse_requests(file.read(MAX_REQUEST_BYTES))
    except (OSError, ValueError) as error:
        raise InvalidRequest(
            f"{text!r} is no request and cannot be read as a file of requests ({error}); "
            "expected key=value/value,key=value or a path"
        ) from error


def parse_requests(text: str) -> list[dict[str, str]]:
    """Return the requests of a text in MARS's language; a line that ends in a comma goes on in the next."""
    joined = re.sub(r"\s*\n\s*", "\n", re.sub(r"#[^\n]*", "", text).strip())
    joined = re.sub(r"(,\n+|\n+,)+", ",", joined)
    requests = [parse_request(line) for line in joined.split("\n") if line]
    if not requests:
        raise InvalidRequest("found no request; expected key=value/value,key=value")
    return requests


def parse_request(text: str) -> dict[str, str]:
    """Return ``class=od,step=0/6`` as a mapping; InvalidRequest for anything else."""
    request: dict[str, str] = {}
    parts = [part.strip() for part in _PART.findall(text)]
    for part in parts[1:] if parts and parts[0].lower() in _VERBS else parts:
        keyword, equals, value = part.partition("=")
        keyword = keyword.strip()
        if not equals or not keyword or keyword in request:
            raise InvalidRequest(f"the request has {part!r}; expected each keyword once, as key=value/value")
        request[keyword] = re.sub(r"""["']""", "", value).strip()
    return request
