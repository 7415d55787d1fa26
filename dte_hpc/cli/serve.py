"""Who serves, when the model is a program of its own?"""

import argparse

SUMMARY = "run the IO or extraction ranks of a job whose model is another program of the same mpiexec"
EXAMPLE = "mpiexec -n 4 python model.py : -n 2 dte serve --config job.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config`` and ``--role``."""
    parser.add_argument("--config", required=True, metavar="FILE", help="the job: plans, store, budget")
    parser.add_argument(
        "--role",
        choices=("io", "extract"),
        default="io",
        help="what these ranks do: take fields from the model (io), or answer requests for points (extract)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until every model rank has closed. Collective over the whole job."""
    from dte_hpc.job import serve
    from dte_hpc.parallel import Role

    serve(arguments.config, Role[arguments.role.upper()])
    return 0
