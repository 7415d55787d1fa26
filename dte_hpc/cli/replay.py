"""How do I put GRIB files through the engine?"""

import argparse
import json
import sys

from dte_hpc.cli.counts import refuse_ranks

SUMMARY = """stream the fields of GRIB files through a plan into a store, as if a model made them: each
field's points are split among the model ranks, sent over MPI, put together, encoded as GRIB2 and archived."""
EXAMPLE = "dte replay era5.grib --store /scratch/fdb --model 4 --io 2"

PLANS = [
    {
        "name": "replay",
        "actions": [
            {"type": "aggregate"},
            {"type": "encode", "format": "grib", "packing": "simple", "bits-per-value": "keep"},
            {"type": "sink", "sinks": [{"type": "fdb5"}]},
        ],
    }
]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare files, store, plan and the size of the job."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="GRIB1 or GRIB2 files")
    parser.add_argument(
        "--store", default="dte-store", metavar="DIR", help="root of the store (default dte-store)"
    )
    parser.add_argument(
        "--plan", metavar="FILE", help="plans instead of storing every field as it was packed"
    )
    parser.add_argument("--model", type=int, default=2, metavar="N", help="model ranks (default 2)")
    parser.add_argument("--io", type=int, default=1, metavar="N", help="IO ranks (default 1)")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    parser.add_argument("--watched", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Start the job, or be one rank of it."""
    from dte_hpc.job.launch import is_rank, launch

    if is_rank():
        return _run_rank(arguments)
    refuse_ranks(model=arguments.model, io=arguments.io)
    return launch(arguments.model + arguments.io, _words(arguments))


def _words(arguments: argparse.Namespace) -> list[str]:
    words = ["replay", "--store", arguments.store, "--model", str(arguments.model), "--io", str(arguments.io)]
    words += ["--plan", arguments.plan] if arguments.plan else []
    words += ["--json"] if arguments.json else []
    words += ["--watched"] if sys.stderr.isatty() else []
    return [*words, "--", *arguments.files]


def _run_rank(arguments: argparse.Namespace) -> int:
    from dte_hpc.cli.progress import ProgressBar
    from dte_hpc.job import JobConfig, ModelRank, Ranks
    from dte_hpc.job import run as run_job
    from dte_hpc.job.replay import replay

    def model(rank: ModelRank) -> None:
        sent = replay(
            rank, arguments.files, ProgressBar("fields", shown=arguments.watched and rank.rank == 0)
        )
        if rank.rank == 0:
            told = {
                "fields": sent.n_fields,
                "masked": sent.n_masked,
                "files": len(arguments.files),
                "store": arguments.store,
            }
            text = f"{sent.n_fields} fields of {len(arguments.files)} files are in {arguments.store}"
            text += f"; {sent.n_masked} of them mask an earlier one of the same key" if sent.n_masked else ""
            print(json.dumps(told) if arguments.json else text, flush=True)

    ranks = Ranks(io=arguments.io)
    run_job(model, JobConfig(plans=arguments.plan or PLANS, store=arguments.store, ranks=ranks))
    return 0
