"""How does a machine get ready to run without compiling?"""

import argparse
import json
import time

SUMMARY = """compile every kernel once and keep the result where this user's processes on this machine find
it. Without it the first process of each kind compiles for itself, some ten to thirty seconds."""
EXAMPLE = "srun --ntasks-per-node 1 dte warm"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Compile into the seed that new slots are copied from."""
    from dte_hpc.base.compiled import claim_seed

    start = time.perf_counter()
    folder = claim_seed()
    warm_all()
    seconds = round(time.perf_counter() - start, 1)
    text = f"every kernel is compiled in {folder} ({seconds} s)"
    print(json.dumps({"folder": folder, "seconds": seconds}) if arguments.json else text)
    return 0


def warm_all() -> None:
    """Compile every room's kernels into this process's folder."""
    from dte_hpc.codecs import packing
    from dte_hpc.extract import read
    from dte_hpc.postproc.actions import kernels as levels
    from dte_hpc.postproc.regrid import kernels as weights
    from dte_hpc.postproc.statistics import kernels as samples

    packing.warm(ccsds=True)
    samples.warm()
    weights.warm()
    levels.warm()
    read.warm()
