"""Read only the points inside a shape."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dte_hpc.cli.roots import open_store

if TYPE_CHECKING:
    from dte_hpc.extract import Account, Answer, Options
    from dte_hpc.extract.query import Query
    from dte_hpc.fdb import FDB

SUMMARY = "read only the points inside a shape (a series, profile, box, polygon, circle, country, path)"
EXAMPLE = "dte extract flight.json --store /scratch/store --covjson flight.covjson"
MAX_ROWS = 24


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("request", metavar="REQUEST.json", help="MARS keywords and a feature")
    parser.add_argument("--store", metavar="ROOT", help="the store: a root, or FDB's configuration (YAML)")
    parser.add_argument("--covjson", metavar="FILE", type=Path, help="write the answer as CoverageJSON")
    parser.add_argument("--explain", action="store_true", help="say what would be read, and read nothing")
    parser.add_argument("--gap-bytes", type=int, default=None, help="read pieces this near as one")
    parser.add_argument("--json", action="store_true", help="print the account as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Answer one request, with all ranks when a launcher started several; return the exit status."""
    from dte_hpc.extract import Options, ReadPolicy
    from dte_hpc.extract.request import read_request
    from dte_hpc.job.launch import is_rank

    policy = ReadPolicy() if arguments.gap_bytes is None else ReadPolicy(gap_bytes=arguments.gap_bytes)
    options = Options(policy=policy)
    if is_rank() and not arguments.explain:
        return _together(arguments, options)
    request = read_request(arguments.request, options.limits)
    store = open_store(arguments.store)
    return (
        _explain(arguments, store, request, options)
        if arguments.explain
        else _alone(arguments, store, request, options)
    )


def _alone(arguments: argparse.Namespace, store: "FDB", request: dict[str, Any], options: "Options") -> int:
    from dte_hpc.extract import extract

    _show(arguments, extract(store, request, options=options))
    return 0


def _together(arguments: argparse.Namespace, options: "Options") -> int:
    """Collective over the job: rank 0 reads the request and prints."""
    from dte_hpc.extract import extract
    from dte_hpc.extract.request import read_request
    from dte_hpc.parallel import guard
    from dte_hpc.parallel.agree import all_or_none
    from dte_hpc.parallel.mpi import job

    with guard():
        comm = job()
        store, request = all_or_none(
            comm,
            lambda: (
                open_store(arguments.store),
                read_request(arguments.request, options.limits) if comm.rank == 0 else {},
            ),
        )
        answer = extract(store, request, comm=comm, options=options)
        if comm.rank == 0:
            _show(arguments, answer)
    return 0


def _explain(arguments: argparse.Namespace, store: "FDB", request: dict[str, Any], options: "Options") -> int:
    from dte_hpc.extract.explain import estimate
    from dte_hpc.extract.run import plan

    query, account = plan(store, request, options)
    estimate(query, account, options.policy)
    if arguments.json:
        print(json.dumps(_facts(query, account), indent=1))
        return 0
    print(f"{query.n_fields} fields, {account.points} values on {_grids(query)}; nothing was read")
    for line in _figures(account):
        print(line)
    return 0


def _facts(query: "Query", account: "Account") -> dict[str, object]:
    return {
        "feature": query.feature.kind,
        "grids": sorted({place.grid.name for place in query.places}),
        "points": [place.n_points for place in query.places],
        "account": account.as_dict(),
    }


def _grids(query: "Query") -> str:
    return ", ".join(sorted({place.grid.name for place in query.places}))


def _show(arguments: argparse.Namespace, answer: "Answer") -> None:
    if arguments.covjson is not None:
        text = json.dumps(answer.to_covjson(), separators=(",", ":"))
        arguments.covjson.write_text(text, encoding="utf-8")
    if arguments.json:
        print(json.dumps({"feature": answer.kind, "account": answer.account.as_dict()}, indent=1))
        return
    for line in (*_figures(answer.account), "", *_summary(answer)):
        print(line)
    if arguments.covjson is not None:
        print(f"\nwritten: {arguments.covjson}", file=sys.stderr)


def _figures(account: "Account") -> list[str]:
    rows = [
        ("fields", f"{account.fields:,}"),
        ("points", f"{account.points:,}"),
        ("points in the box around them", f"{account.points_bounding_box:,}"),
        ("bytes requested", f"{account.bytes_requested:,}"),
        ("bytes read", f"{account.bytes_read:,} in {account.reads:,} reads"),
        ("bytes of block offsets read", f"{account.bytes_index:,}"),
        ("bytes decoded", f"{account.bytes_decoded:,}"),
        ("bytes of the whole fields", f"{account.bytes_whole_fields:,}"),
        ("bytes of the fields in the box", f"{account.bytes_bounding_box:,}"),
        ("not read", f"{100 * account.reduction:.5f} % of the whole fields"),
        ("ranks", f"{account.ranks}"),
        ("seconds", " + ".join(f"{name} {value:.4f}" for name, value in account.seconds.items())),
    ]
    return [f"{name:<30} {value}" for name, value in rows]


def _summary(answer: "Answer") -> list[str]:
    """Return a line for each parameter: how many values, the least, the mean, the greatest."""
    import numpy as np

    from dte_hpc.extract.groups import variables
    from dte_hpc.extract.parameters import parameter

    lines = [f"{'parameter':<14}{'values':>10}{'missing':>9}{'least':>14}{'mean':>14}{'greatest':>14}  unit"]
    for name, rows in list(variables(answer).items())[:MAX_ROWS]:
        values = np.concatenate([answer.values_of(row) for row in rows.tolist()])
        known = values[~np.isnan(values)]
        figures = [known.min(), known.mean(), known.max()] if known.size else [np.nan] * 3
        unit = parameter(str(answer.column("param")[rows[0]])).units
        numbers = "".join(f"{figure:>14.6g}" for figure in figures)
        lines.append(f"{name:<14}{values.size:>10,}{values.size - known.size:>9,}{numbers}  {unit}")
    return lines
