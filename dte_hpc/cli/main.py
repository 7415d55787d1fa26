"""What did the user ask for?

One verb, one module of this room: it says what it is for (SUMMARY), shows an EXAMPLE, declares its
arguments and runs. A user's mistake ends in one sentence and exit status 2, never a traceback.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

import dte_hpc
from dte_hpc.base.errors import DteError

VERBS = {
    "demo": "run the whole engine once, and check every value against the closed form",
    "serve": "run the IO or extraction ranks of a job whose model is another program",
    "replay": "stream the fields of GRIB files through a plan into a store",
    "plan": "check or explain a post-processing plan",
    "weights": "make the interpolation weights between two grids",
    "extract": "read only the points inside a shape",
    "warm": "compile the kernels once on this machine",
    "fdb": "list, read, write, describe, copy, remove and measure the fields of a store",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status: 0 done, 1 the work failed, 2 the user's mistake."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(words[0] if words and words[0] in VERBS else None)
    arguments = parser.parse_args(words)
    if arguments.verb is None:
        parser.print_help()
        return 0
    try:
        return int(arguments.run(arguments))
    except DteError as error:
        print(f"dte {arguments.verb}: {error}", file=sys.stderr)
        return 1 if isinstance(error, OSError) else 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"dte {arguments.verb}: the system refused: {error}", file=sys.stderr)
        return 1


def _parser(verb: str | None) -> argparse.ArgumentParser:
    """Return the parser; only the module of the verb in use is imported."""
    parser = argparse.ArgumentParser(
        prog="dte", description=f"dte_hpc {dte_hpc.__version__}: the Digital Twin Engine in Python"
    )
    parser.add_argument("--version", action="version", version=f"dte_hpc {dte_hpc.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for name, summary in VERBS.items():
        if name != verb:
            verbs.add_parser(name, help=summary)
            continue
        module = importlib.import_module(f"dte_hpc.cli.{name}")
        chosen = verbs.add_parser(
            name,
            help=summary,
            description=module.SUMMARY,
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(chosen)
        chosen.set_defaults(run=module.run)
    return parser
