"""What does a plan make of the fields of GRIB files, here and now?"""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from dte_hpc.cli.counts import MAX_RANKS, refuse_outside

if TYPE_CHECKING:
    from dte_hpc.job.feed import Fed

HELP = "put every field of GRIB files through the plans, in one process"


def configure(tasks: Any) -> None:
    """Declare ``run``."""
    task = tasks.add_parser("run", help=HELP, description=HELP)
    task.add_argument("file", metavar="PLAN", help="plans, or a whole job, in YAML")
    task.add_argument("fields", nargs="+", metavar="FILE", help="GRIB1 or GRIB2 files, in this order")
    task.add_argument("--store", metavar="DIR", help="the store, for sinks of type fdb5 that name none")
    task.add_argument(
        "--server-index",
        type=int,
        default=0,
        metavar="N",
        help="run as this IO rank: per-server files are called server-N-... (default 0)",
    )
    task.add_argument("--json", action="store_true", help="print what was done for programs")


def run(arguments: argparse.Namespace) -> int:
    """Feed the files; a DteError on the way is the caller's to print."""
    from dte_hpc.base.log import log_trouble
    from dte_hpc.cli.progress import ProgressBar
    from dte_hpc.job.config import plans_of
    from dte_hpc.job.feed import feed
    from dte_hpc.postproc import Pipeline

    refuse_outside("--server-index", arguments.server_index, 0, MAX_RANKS - 1, "")
    plans = plans_of(arguments.file)
    pipeline = Pipeline(
        plans, server_index=arguments.server_index, store=arguments.store, listener=log_trouble
    )
    shown = sys.stderr.isatty() and not arguments.json
    fed = feed(pipeline, arguments.fields, ProgressBar("messages", shown=shown, after_seconds=1.0))
    print(json.dumps(as_json(arguments.file, fed)) if arguments.json else drawn(fed))
    for sentence in unfed(fed):
        print(f"dte plan: {sentence}", file=sys.stderr)
    return 0


def as_json(file: str, fed: "Fed") -> dict[str, Any]:
    """Return what was done for programs."""
    return {
        "file": file,
        "messages": fed.n_messages,
        "fields": fed.n_fields,
        "dropped": fed.n_dropped,
        "bytes": fed.n_bytes,
        "seconds": round(fed.seconds, 6),
        "sinks": [
            {
                "plan": plan,
                "sink": each.where,
                "items": each.n_items,
                "bytes": each.n_bytes,
                "failed": each.n_failed,
            }
            for plan, each in fed.written
        ],
    }


def unfed(fed: "Fed") -> list[str]:
    """Return a sentence for each sink to which nothing came of the fields its plan selects."""
    return [
        f"plan {plan!r} took {fed.selected[plan]} fields, and nothing came to {each.where}; expected "
        "all that its actions wait for: every input, level and member, or fields up to the end of a window"
        for plan, each in fed.written
        if fed.selected.get(plan) and not each.n_items and not each.n_failed
    ]


def drawn(fed: "Fed") -> str:
    """Return what was done for people: one line for all of it, and one for each sink."""
    rest = f"; {fed.n_dropped} that no plan selects" if fed.n_dropped else ""
    lines = [f"{fed.n_fields} fields, {fed.n_bytes} bytes of values, {fed.seconds:.2f} s{rest}"]
    for plan, each in fed.written:
        failed = f", {each.n_failed} failed" if each.n_failed else ""
        lines.append(f"  {plan}: {each.n_items} items, {each.n_bytes} bytes to {each.where}{failed}")
    return "\n".join(lines)
