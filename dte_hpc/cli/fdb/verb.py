"""What is one verb under ``dte fdb``, and which options do many of them share?"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dte_hpc.cli.roots import open_store

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb.

    Attributes
    ----------
    name, summary : str
        As ``--help`` lists them.
    example : str
        What follows ``dte fdb NAME``.
    arguments : callable
        Declares its options.
    action : callable
        Does it, and returns the exit status.
    """

    name: str
    summary: str
    example: str
    arguments: Callable[[argparse.ArgumentParser], None]
    action: Callable[[argparse.Namespace], int]


def declare(verb: Verb, verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add a verb to the parser of ``dte fdb``."""
    parser = verbs.add_parser(
        verb.name,
        help=verb.summary,
        description=verb.summary,
        epilog=f"example:\n  dte fdb {verb.name} {verb.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(fdb_action=verb.action)


def store_options(parser: argparse.ArgumentParser) -> None:
    """Declare which store a verb works on."""
    parser.add_argument(
        "--config",
        metavar="STORE",
        help="root directory or configuration (else FDB_CONFIG, FDB_CONFIG_FILE, FDB_HOME)",
    )
    parser.add_argument("--schema", metavar="FILE", help="schema in FDB's language (else the configured one)")


def store_of(arguments: argparse.Namespace) -> "FDB":
    """Return the store that `store_options` named; it must be there."""
    return open_store(arguments.config, arguments.schema)
