"""Are the weights between two grids there? If not, make them."""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from dte_hpc.base.errors import InvalidConfig

if TYPE_CHECKING:
    from dte_hpc.grids import Grid

SUMMARY = "make the interpolation weights between two grids, and keep them in an HDF5 file"
EXAMPLE = "dte weights O320 1/1 --method linear"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("in_grid", metavar="IN", help="grid fields come on: O320, N320, H128, 0.25/0.25, ...")
    parser.add_argument("out_grid", metavar="OUT", nargs="?", help="grid they are brought to")
    parser.add_argument(
        "--area", metavar="N/W/S/E", help="the part of OUT that is wanted, as --area=60/-10/30/40"
    )
    parser.add_argument(
        "--points", metavar="FILE", help="in place of OUT: a file of latitude and longitude, a line a point"
    )
    parser.add_argument(
        "--method",
        default="linear",
        help="linear (the default), bilinear, nearest-neighbour, grid-box-average, or k-nearest with "
        "settings: k-nearest,nearest-method=nclosest,nclosest=8",
    )
    parser.add_argument(
        "--directory", help="where to keep them; else $DTE_WEIGHTS, else ~/.cache/dte_hpc/weights"
    )
    parser.add_argument("--json", action="store_true", help="print the result for programs")


def run(arguments: argparse.Namespace) -> int:
    """Make or find one weights file and say what is in it."""
    from dte_hpc.postproc.regrid.weights import load_weights, weights_directory, weights_path

    target = _target(arguments)
    directory = weights_directory(arguments.directory)
    path = weights_path(arguments.in_grid, target, arguments.method, directory)
    found = path.exists()
    if not found and sys.stderr.isatty():
        print(
            f"making {path} for {target.n_points} points (MIR takes seconds for small grids, minutes for the "
            "largest) ...",
            file=sys.stderr,
        )
    started = time.perf_counter()
    weights = load_weights(arguments.in_grid, target, arguments.method, directory)
    facts = {
        "path": str(path),
        "made": not found,
        "in-grid": weights.in_grid,
        "out-grid": weights.out_grid,
        "method": weights.method,
        "n-in": weights.n_in,
        "n-out": weights.n_out,
        "n-weights": weights.weights.size,
        "library": f"{weights.library} {weights.library_version}",
        "seconds": round(time.perf_counter() - started, 3),
    }
    if arguments.json:
        print(json.dumps(facts))
    else:
        print(f"{'made' if facts['made'] else 'found, and verified,'} {path}:")
        print(f"{facts['n-weights']} weights from {weights.in_grid} ({weights.n_in} points)")
        print(f"to {weights.out_grid} ({weights.n_out} points), {weights.method}, by {facts['library']}")
    return 0


def _target(arguments: argparse.Namespace) -> "Grid":
    """Return the grid, the part of one, or the points that are asked for."""
    from dte_hpc.postproc.regrid.options import InterpolateOptions

    if (arguments.out_grid is None) == (arguments.points is None):
        raise InvalidConfig("a target is a grid OUT or --points FILE; expected one of both")
    if arguments.points is not None and arguments.area is not None:
        raise InvalidConfig("--area is of a grid; expected it without --points")
    return InterpolateOptions(grid=arguments.out_grid, area=arguments.area, points=arguments.points).target()
