"""What is to go, and what may come back? (wipe, purge, compact, delete, reindex)

Nothing is changed without ``--doit``; without it is said what would be.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dte_hpc.base.request import Request
from dte_hpc.cli.fdb.entries import Shown, lines, records
from dte_hpc.cli.fdb.requests import (
    OF_A_WIPE,
    answers,
    error_options,
    refuse_no_data,
    request_options,
)
from dte_hpc.cli.fdb.show import print_json, size_text
from dte_hpc.cli.fdb.verb import Verb, store_of, store_options

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB
    from dte_hpc.fdb.upkeep.reclaim import ReclaimPlan
    from dte_hpc.fdb.upkeep.reindex import ReindexPlan
    from dte_hpc.fdb.upkeep.wipe import WipePlan

_AGAIN = "Rerun command with --doit flag to"


def _arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_WIPE)
    error_options(parser)
    parser.add_argument("--doit", action="store_true", help="do it; else only say what would be done")
    parser.add_argument("--porcelain", action="store_true", help="paths, or keys, and nothing else")


def _wipe_arguments(parser: argparse.ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--unsafe-wipe-all", action="store_true", help="unknown files, and those of writers at work, too"
    )


def _reclaim_arguments(parser: argparse.ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--despite-damage", action="store_true", help="damaged databases too: what reindex could find is lost"
    )


def _wipe(arguments: argparse.Namespace) -> int:
    options = {"doit": arguments.doit, "unsafe_wipe_all": arguments.unsafe_wipe_all}
    plans = _plans(arguments, lambda store, request: store.wipe(request, **options))
    if _shown_as_json(plans, arguments):
        return 0
    for plan in plans:
        _show_wipe(plan, arguments)
    if not arguments.doit and not arguments.porcelain:
        print(f"{_AGAIN} delete unused files")
    return 0


def _show_wipe(plan: "WipePlan", arguments: argparse.Namespace) -> None:
    kinds = (
        ("Catalogue", plan.catalogue),
        ("Control", plan.control),
        ("Index", plan.index),
        ("Data", plan.data),
    )
    if arguments.porcelain:
        _print_paths([path for _, paths in kinds for path in paths])
        return
    print(f"[Database: {plan.where}] {plan.n_fields:,} fields, {size_text(plan.n_bytes)}")
    verb = "deleted" if arguments.doit else "to delete"
    for kind, paths in kinds:
        _print_block(f"{kind} URIs {verb}:", paths)
    if plan.unknown:
        _print_block("Unknown files, which stop a wipe without --unsafe-wipe-all:", plan.unknown)


def _purge(arguments: argparse.Namespace) -> int:
    return _reclaim(
        arguments,
        lambda store, request: store.purge(
            request, doit=arguments.doit, despite_damage=arguments.despite_damage
        ),
    )


def _compact(arguments: argparse.Namespace) -> int:
    return _reclaim(
        arguments,
        lambda store, request: store.compact(
            request, doit=arguments.doit, despite_damage=arguments.despite_damage
        ),
    )


def _reclaim(arguments: argparse.Namespace, work: "Callable[[FDB, Request], Sequence[ReclaimPlan]]") -> int:
    plans = _plans(arguments, work)
    if _shown_as_json(plans, arguments):
        return 0
    for plan in plans:
        _show_reclaim(plan, arguments)
    if not arguments.doit and not arguments.porcelain:
        print(f"{_AGAIN} delete unused files")
    return 0


def _show_reclaim(plan: "ReclaimPlan", arguments: argparse.Namespace) -> None:
    if arguments.porcelain:
        _print_paths([*plan.remove, *plan.leftovers])
        return
    print(f"[Database: {plan.where}]")
    print(f"    Duplicated fields : {plan.masked_fields:,}, {size_text(plan.masked_bytes)}")
    if plan.rewritten_bytes:
        print(f"    To be rewritten   : {size_text(plan.rewritten_bytes)}")
    _print_block("Unreferenced data and index files:", plan.remove)
    _print_block("Left by writers that died:", plan.leftovers)


def _delete(arguments: argparse.Namespace) -> int:
    store = store_of(arguments)
    listings = answers(arguments, store, store.list)
    refuse_no_data(any(len(listing) for listing in listings), arguments)
    n_fields = sum(map(len, listings))
    if arguments.doit:
        n_fields = sum(answers(arguments, store, store.delete))
    if arguments.json:
        keys = [entry for listing in listings for entry in records(listing, Shown())]
        print_json({"fields": n_fields, "done": arguments.doit, "keys": keys})
        return 0
    for listing in listings:
        for line in lines(store, listing, Shown()):
            print(line)
    if not arguments.porcelain:
        print(f"{n_fields} fields {'deleted' if arguments.doit else 'to delete'}")
        print("purge or compact gives their bytes back" if arguments.doit else f"{_AGAIN} delete them")
    return 0


def _reindex(arguments: argparse.Namespace) -> int:
    plans: list[ReindexPlan] = _plans(
        arguments, lambda store, request: store.reindex(request, doit=arguments.doit)
    )
    if _shown_as_json(plans, arguments):
        return 0
    for plan in plans:
        found = "indexed" if arguments.doit else "to index"
        print(
            f"[Database: {plan.where}] {plan.n_fields:,} fields {found}, {size_text(plan.n_bytes)}; "
            f"{plan.n_known:,} known already; {plan.unread_bytes:,} bytes are no message"
        )
    if not arguments.doit and not arguments.porcelain:
        print(f"{_AGAIN} index them")
    return 0


def _plans(arguments: argparse.Namespace, work: "Callable[[FDB, Request], Sequence[Any]]") -> list[Any]:
    store = store_of(arguments)
    plans = [plan for found in answers(arguments, store, lambda r: work(store, r)) for plan in found]
    refuse_no_data(bool(plans), arguments)
    return plans


def _shown_as_json(plans: Sequence[Any], arguments: argparse.Namespace) -> bool:
    if arguments.json:
        print_json([{**asdict(plan), "key": dict(plan.key), "done": arguments.doit} for plan in plans])
    return bool(arguments.json)


def _print_block(heading: str, paths: Sequence[str]) -> None:
    print(heading)
    for path in paths or ["- NONE -"]:
        print(f"    {path}")
    print()


def _print_paths(paths: Sequence[str]) -> None:
    for path in paths:
        print(path)


VERBS = (
    Verb(
        name="wipe",
        summary="remove whole databases and everything in them (with --doit)",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00 --doit",
        arguments=_wipe_arguments,
        action=_wipe,
    ),
    Verb(
        name="purge",
        summary="remove files of which every field is masked, and what dead writers left (with --doit)",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00 --doit",
        arguments=_reclaim_arguments,
        action=_purge,
    ),
    Verb(
        name="compact",
        summary="purge, and rewrite data files that are masked in part (with --doit)",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00 --doit",
        arguments=_reclaim_arguments,
        action=_compact,
    ),
    Verb(
        name="delete",
        summary="delete single fields; purge or compact gives their bytes back (with --doit)",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00,step=6 --doit",
        arguments=_arguments,
        action=_delete,
    ),
    Verb(
        name="reindex",
        summary="find fields in data files that no readable index knows, and index them (with --doit)",
        example="--config STORE class=od,expver=0001,stream=oper,date=20260101,time=00 --doit",
        arguments=_arguments,
        action=_reindex,
    ),
)
