"""Where are the weights between two grids?

In a directory, one file a pair and method; a missing file is made. The directory is the one a plan names,
or ``$DTE_WEIGHTS``, or ``~/.cache/dte_hpc/weights``. Many ranks may want the same missing file at once:
each makes it and renames it into place, whole (`weights_file`).
"""

import os
from pathlib import Path

from dte_hpc.base.errors import CorruptData, InvalidConfig
from dte_hpc.grids import grid
from dte_hpc.postproc.options import near
from dte_hpc.postproc.regrid.mir import METHODS, make_weights
from dte_hpc.postproc.regrid.weights_file import Weights, read_weights


def weights_directory(given: str | None = None) -> Path:
    """Return where weights are kept: `given`, else ``$DTE_WEIGHTS``, else the user's cache."""
    chosen = given or os.environ.get("DTE_WEIGHTS") or str(Path("~/.cache/dte_hpc/weights"))
    return Path(chosen).expanduser()


def weights_path(in_grid: str, out_grid: str, method: str, directory: Path) -> Path:
    """Return the file's path; grid names hold no underscore, so that names and files are one to one."""
    if method not in METHODS:
        found = repr(method) + near(method, METHODS)
        raise InvalidConfig(f"no interpolation is called {found}; expected one of {', '.join(METHODS)}")
    words = [grid(name).name.replace("/", "_") for name in (in_grid, out_grid)]
    return directory / f"{words[0]}__{words[1]}__{method}.h5"


def load_weights(in_grid: str, out_grid: str, method: str, directory: Path) -> Weights:
    """Return the weights between two grids, making them if nobody has.

    Raises
    ------
    InvalidConfig
        If the method is unknown.
    InvalidGrid
        If a grid is unknown, or no weights can be made between these two.
    MissingDependency
        If weights are missing and mir-python is not installed.
    CorruptData
        If a file is there and damaged, or not the one its name says.
    """
    path = weights_path(in_grid, out_grid, method, directory)
    if not path.exists():
        make_weights(grid(in_grid).name, grid(out_grid).name, method, path)
    weights = read_weights(path)
    wanted = (
        grid(in_grid).name,
        grid(out_grid).name,
        method,
        grid(in_grid).n_points,
        grid(out_grid).n_points,
    )
    found = (weights.in_grid, weights.out_grid, weights.method, weights.n_in, weights.n_out)
    if found != wanted:
        raise CorruptData(f"{path} holds weights of {found}; expected {wanted}; remove it", path=str(path))
    return weights
