"""What is in a store, and what is to be done with it? (dte fdb VERB, ECMWF FDB's tools by their names)"""

import argparse
from collections.abc import Iterator

from dte_hpc.cli.fdb.verb import Verb, declare

SUMMARY = "list, read, write, describe, copy, remove and measure the fields of a store"
EXAMPLE = "dte fdb list --config /scratch/store class=od,expver=0001,param=130,step=0/to/24/by/6"


def verbs() -> Iterator[Verb]:
    """Yield every verb, in the order in which ``--help`` lists them."""
    from dte_hpc.cli.fdb import describing, hammer, locking, reading, removing, writing

    for module in (reading, writing, describing, locking, removing, hammer):
        yield from module.VERBS


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs under ``dte fdb``, with FDB's names for options where FDB has them."""
    declared = parser.add_subparsers(dest="fdb_verb", metavar="VERB", required=True)
    for verb in verbs():
        declare(verb, declared)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen verb; the status is 1 when a store is damaged or the work failed."""
    return int(arguments.fdb_action(arguments))
