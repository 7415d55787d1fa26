"""Is this plan right, and what would it do?"""

import argparse
import json
import sys
from typing import Any

from dte_hpc.cli import plan_run

SUMMARY = (
    "check a post-processing plan before anything runs, explain what it would do, or run it on GRIB files"
)
EXAMPLE = """dte plan check plan.yaml && dte plan explain plan.yaml --grid O320
  dte plan run plan.yaml fields.grib --store /scratch/store"""

MOST_TOLD = 12
"""Mistakes that are printed for people; ``--json`` has all."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare ``check`` and ``explain``."""
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    check = tasks.add_parser("check", help="say every mistake with its place; exit status 0 or 2")
    explain = tasks.add_parser("explain", help="draw each plan with its grids, sizes and memory")
    for task in (check, explain):
        task.add_argument("file", help="plans, or a whole job, in YAML")
        task.add_argument("--json", action="store_true", help="print the result for programs")
    plan_run.configure(tasks)
    explain.add_argument("--grid", help="the grid fields come on, when the plan's select does not say it")
    explain.add_argument("--float32", action="store_true", help="fields come in single precision")


def run(arguments: argparse.Namespace) -> int:
    """Check or explain; 2 when the plan is wrong."""
    from dte_hpc.base.errors import InvalidConfig
    from dte_hpc.job.config import document_of

    try:
        if arguments.task == "run":
            return plan_run.run(arguments)
        document = document_of(arguments.file)
    except InvalidConfig as error:
        return _wrong(arguments, error)
    if arguments.task == "explain":
        return _explain(arguments, document)
    plans = (*document.plans, *(document.client or ()))
    n_actions = sum(len(plan.actions) for plan in plans)
    result = {"file": arguments.file, "right": True, "plans": [plan.name for plan in plans], "mistakes": []}
    print(json.dumps(result) if arguments.json else f"right: {len(plans)} plans, {n_actions} actions")
    return 0


def _wrong(arguments: argparse.Namespace, error: Any) -> int:
    mistakes = error.facts.get("mistakes", ((error.facts.get("place", "$"), str(error)),))
    lines = error.facts.get("lines", (None,) * len(mistakes))
    if arguments.json:
        told = [
            {"place": place, "sentence": sentence, "file": at and at[0], "line": at and at[1]}
            for (place, sentence), at in zip(mistakes, lines, strict=True)
        ]
        print(json.dumps({"file": arguments.file, "right": False, "mistakes": told}))
        return 2
    print(f"{arguments.file}: {len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}", file=sys.stderr)
    for (_, sentence), at in zip(mistakes[:MOST_TOLD], lines, strict=False):
        print(f"  {at[0]}:{at[1]}: {sentence}" if at else f"  {sentence}", file=sys.stderr)
    if len(mistakes) > MOST_TOLD:
        print(f"  and {len(mistakes) - MOST_TOLD} more", file=sys.stderr)
    return 2


def _explain(arguments: argparse.Namespace, document: Any) -> int:
    from dte_hpc.postproc.plans.explain import as_json, draw, explain

    facts = {"grid_name": arguments.grid, "value_bytes": 4 if arguments.float32 else 8}
    client = [(plan, explain(plan, is_client=True, **facts)) for plan in document.client or ()]
    server = [(plan, explain(plan, **facts)) for plan in document.plans]
    if arguments.json:
        plans, of_client = ([as_json(*each) for each in side] for side in (server, client))
        told = {"file": arguments.file, "plans": plans, "client": of_client, "notes": document.notes}
        print(json.dumps(told))
        return 0
    drawn = [draw(*each, is_client=True) for each in client] + [draw(*each) for each in server]
    print("\n\n".join([*drawn, *([f"note: {note}" for note in document.notes])]))
    return 0
