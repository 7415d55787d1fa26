"""Does the whole engine work here?"""

import argparse
import importlib.util
import json
import shutil
import sys
from pathlib import Path

from dte_hpc.base.errors import InvalidConfig, MissingDependency
from dte_hpc.cli.counts import refuse_outside, refuse_ranks

SUMMARY = """run the whole engine once: a parallel model streams fields over MPI to IO ranks, which
post-process, encode and store them; extraction ranks answer a flight, a time series and a country by
reading only their points; every value is checked against the closed form. Leaves pictures and answers."""
EXAMPLE = "dte demo --output demo-output"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the size of the run and of the job."""
    parser.add_argument(
        "--output", default="demo-output", metavar="DIR", help="where store, pictures and answers go"
    )
    parser.add_argument("--grid", default="O320", help="the model's grid (default O320)")
    parser.add_argument("--hours", type=int, default=24, help="hourly steps to simulate (default 24)")
    parser.add_argument("--model", type=int, default=2, metavar="N", help="model ranks (default 2)")
    parser.add_argument("--io", type=int, default=1, metavar="N", help="IO ranks (default 1)")
    parser.add_argument("--extract", type=int, default=1, metavar="N", help="extraction ranks (default 1)")
    parser.add_argument("--no-pictures", action="store_true", help="leave the pictures out")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument("--watched", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Start the job, or be one rank of it."""
    from dte_hpc.job.launch import is_rank, launch

    if is_rank():
        return _run_rank(arguments)
    _refuse_nonsense(arguments)
    folder = Path(arguments.output)
    _make_fresh(folder)
    status = launch(arguments.model + arguments.io + arguments.extract, _words(arguments))
    if status == 0 and not arguments.json:
        print(f"store, pictures and CoverageJSON are in {folder}/")
    return status


def _refuse_nonsense(arguments: argparse.Namespace) -> None:
    """Say what is wrong before a job starts: each of its ranks would say it."""
    from dte_hpc.grids import grid

    refuse_ranks(model=arguments.model, io=arguments.io, extract=arguments.extract)
    refuse_outside("--hours", arguments.hours, 24, 8760, ": the daily mean needs a day")
    grid(arguments.grid)
    if not arguments.no_pictures and importlib.util.find_spec("matplotlib") is None:
        raise MissingDependency("pictures need matplotlib: pip install 'dte-hpc[plot]', or say --no-pictures")


def _words(arguments: argparse.Namespace) -> list[str]:
    named = ("output", "grid", "hours", "model", "io", "extract")
    words = ["demo", *(word for name in named for word in (f"--{name}", str(getattr(arguments, name))))]
    words += ["--no-pictures"] if arguments.no_pictures else []
    words += ["--json"] if arguments.json else []
    return words + (["--watched"] if sys.stderr.isatty() else [])


def _run_rank(arguments: argparse.Namespace) -> int:
    from dte_hpc.cli.progress import ProgressBar
    from dte_hpc.demo.model import Run
    from dte_hpc.demo.report import Outcome, table
    from dte_hpc.demo.run import run_demo
    from dte_hpc.job import Ranks

    def told(outcomes: list[Outcome]) -> None:
        rows = [outcome.as_dict() for outcome in outcomes]
        print(json.dumps(rows) if arguments.json else table(outcomes), flush=True)

    run_demo(
        Path(arguments.output),
        Run(grid=arguments.grid, n_hours=arguments.hours),
        Ranks(io=arguments.io, extract=arguments.extract),
        progress=ProgressBar("steps", shown=arguments.watched),
        told=told,
        pictures=not arguments.no_pictures,
    )
    return 0


def _make_fresh(folder: Path) -> None:
    """Make the folder, or clear what an earlier demonstration left in it; never anything else."""
    marker = folder / ".dte-demo"
    if folder.exists() and not folder.is_dir():
        raise InvalidConfig(f"--output {folder} is a file; expected a folder")
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise InvalidConfig(
            f"--output {folder} holds other files; expected a new folder, or one of an earlier demo"
        )
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    shutil.rmtree(folder / "store", ignore_errors=True)
    for pattern in ("*.png", "*.covjson"):
        for file in folder.glob(pattern):
            file.unlink()
