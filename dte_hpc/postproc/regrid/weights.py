"""Where are the weights between two grids?

In a directory, one file a pair and method; a missing file is made. The directory is the one a plan names,
or ``$DTE_WEIGHTS``, or ``~/.cache/dte_hpc/weights``. Many ranks may want the same missing file at once:
each makes it and renames it into place, whole (`weights_file`).
"""

import hashlib
import os
from pathlib import Path

from dte_hpc.base.errors import CorruptData, InvalidConfig
from dte_hpc.grids import Grid, grid
from dte_hpc.grids.unstructured import OF_MESSAGE, PointGrid
from dte_hpc.postproc.options import near
from dte_hpc.postproc.regrid.mir import METHODS, make_weights
from dte_hpc.postproc.regrid.target import listed
from dte_hpc.postproc.regrid.weights_file import Weights, read_weights

LONGEST_WORD = 90


def weights_directory(given: str | None = None) -> Path:
    """Return where weights are kept: `given`, else ``$DTE_WEIGHTS``, else the user's cache."""
    chosen = given or os.environ.get("DTE_WEIGHTS") or str(Path("~/.cache/dte_hpc/weights"))
    return Path(chosen).expanduser()


def as_grid(of: str | Grid) -> Grid:
    """Return a grid, from its name or itself."""
    return grid(of) if isinstance(of, str) else of


def weights_path(in_grid: str | Grid, out_grid: str | Grid, method: str, directory: Path) -> Path:
    """Return the file's path: the grids' names, the long ones shortened by a digest, and the method.

    A method may have settings: ``k-nearest,nclosest=8``.
    """
    if method.partition(",")[0] not in METHODS:
        found = repr(method) + near(method, METHODS)
        raise InvalidConfig(f"no interpolation is called {found}; expected one of {', '.join(METHODS)}")
    words = [_file_word(as_grid(each)) for each in (in_grid, out_grid)]
    return directory / f"{words[0]}__{words[1]}__{method}.h5"


def _file_word(of: Grid) -> str:
    """Return a grid's name for a file; points that have a name of their own may change, so they count."""
    word = of.name.replace("/", "_")
    if isinstance(of, PointGrid) and not OF_MESSAGE.fullmatch(of.name):
        return f"{word}-{listed(*of.coordinates()).name[13:29]}"
    return word if len(word) <= LONGEST_WORD else hashlib.blake2b(word.encode(), digest_size=16).hexdigest()


def load_weights(in_grid: str | Grid, out_grid: str | Grid, method: str, directory: Path) -> Weights:
    """Return the weights between two grids, mapped from their file, making them if nobody has.

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
    came, wanted = as_grid(in_grid), as_grid(out_grid)
    path = weights_path(came, wanted, method, directory)
    if not path.exists():
        make_weights(came, wanted, method, path)
    return refuse_others(read_weights(path), path, came, wanted, method)


def refuse_others(weights: Weights, path: Path, came: Grid, wanted: Grid, method: str) -> Weights:
    """Return the weights a file holds; CorruptData when they are not those between these grids."""
    expected = (came.name, wanted.name, method, came.n_points, wanted.n_points)
    found = (weights.in_grid, weights.out_grid, weights.method, weights.n_in, weights.n_out)
    if found != expected:
        raise CorruptData(f"{path} holds weights of {found}; expected {expected}; remove it", path=str(path))
    return weights
