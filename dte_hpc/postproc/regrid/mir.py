"""How are interpolation weights made? By ECMWF's MIR, in a process of its own.

``python -m dte_hpc.postproc.regrid.mir IN OUT METHOD PATH`` makes one weights file and ends. A fresh process,
because mir-python makes a given matrix once a process only (a second call finds it in memory and writes
no file), and because it prints what it does to standard output. This module alone imports mir and scipy.
"""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dte_hpc.base.errors import DteError, InvalidGrid, MissingDependency
from dte_hpc.grids import Grid, grid
from dte_hpc.grids.unstructured import PointGrid, read_points
from dte_hpc.postproc.regrid.weights_file import Weights, write_weights

METHODS = ("linear", "bilinear", "nearest-neighbour", "k-nearest", "grid-box-average")
SETTINGS = ("nclosest", "distance-weighting")
TIMEOUT_SECONDS = 3600.0
# a launcher's variables would make a child that loads MPI take itself for a rank of this job
_LAUNCHERS = ("PMI", "PMIX", "OMPI", "MPI", "HYDI", "HYDRA")


def make_weights(in_grid: Grid, out_grid: Grid, method: str, path: Path) -> None:
    """Make a weights file with MIR. Cost: 1.5 s for O320 to 1/1, 10 s for O320 to 0.25/0.25, once.

    Raises
    ------
    MissingDependency
        If mir-python or scipy is not installed.
    InvalidGrid
        If MIR cannot interpolate between these grids.
    """
    if importlib.util.find_spec("mir") is None or importlib.util.find_spec("scipy") is None:
        raise MissingDependency(
            f"weights from {in_grid.name} to {out_grid.name} ({method}) are not in {path.parent}, and making "
            "them needs mir-python and scipy: pip install 'dte-hpc[weights]'",
            extra="weights",
        )
    with tempfile.TemporaryDirectory(prefix="dte-mir-") as scratch:
        words = [_word(each, Path(scratch)) for each in (in_grid, out_grid)]
        _run_apart([*words, method, str(path)], scratch, what=f"{in_grid.name} to {out_grid.name}")


def _word(of: Grid, scratch: Path) -> str:
    """Return what names a grid to the process apart: points are in a file, where no name finds them."""
    if not isinstance(of, PointGrid):
        return of.name
    path = scratch / f"{of.name}.npy"
    np.save(path, np.stack([of.latitudes, of.longitudes]), allow_pickle=False)
    return f"@{path}"


def _grid_of(word: str) -> Grid:
    if not word.startswith("@"):
        return grid(word)
    path = Path(word[1:])
    return read_points(path, path.stem)


def _run_apart(arguments: Sequence[str], scratch: str, *, what: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(_LAUNCHERS)}
    environment |= {"MIR_CACHE_PATH": scratch, "TMPDIR": scratch, "OMP_NUM_THREADS": "1"}
    what = f"weights from {what} ({arguments[2]})"
    try:
        done = subprocess.run(  # noqa: S603  (our own module, words checked against grids and methods)
            [sys.executable, "-m", "dte_hpc.postproc.regrid.mir", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidGrid(f"MIR did not make {what} in {TIMEOUT_SECONDS:g} s") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        reason = lines[-1][:300] if lines else f"it ended with status {done.returncode}"
        raise InvalidGrid(f"MIR cannot make {what}: {reason}")


def mir_name(of: Grid) -> str:
    """Return what MIR calls one of our grids: the same, but an area is a grid and its corners.

    A list of points is its points.
    """
    if isinstance(of, PointGrid):
        return json.dumps(
            {
                "type": "unstructured",
                "latitudes": of.latitudes.tolist(),
                "longitudes": of.longitudes.tolist(),
            }
        )
    numbers = of.name.split("/")
    if of.kind != "regular_ll" or len(numbers) != 6:
        return of.name
    return json.dumps({"grid": [float(n) for n in numbers[:2]], "area": [float(n) for n in numbers[2:]]})


def _matrix(in_grid: Grid, out_grid: Grid, method: str) -> Any:
    """Return MIR's matrix as scipy holds it, and refuse grids whose points are not where ours are."""
    from eckit.geo import Grid as EckitGrid
    from mir.weight_matrix import WeightMatrix

    names = [mir_name(each) for each in (in_grid, out_grid)]
    for ours, name in zip((in_grid, out_grid), names, strict=True):
        theirs = EckitGrid(json.loads(name)) if name.startswith("{") else EckitGrid(name)
        refuse_other_points(ours, *(np.asarray(c, dtype=np.float64) for c in theirs.to_latlons()))
    word, *settings = method.split(",")
    chosen: dict[str, Any] = {"interpolation": word}
    chosen |= {key: _number(value) for key, _, value in (each.partition("=") for each in settings)}
    return WeightMatrix.from_regrid(names[0], names[1], **chosen).to_csr()


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def refuse_other_points(ours: Grid, latitudes: Any, longitudes: Any) -> None:
    """InvalidGrid unless these are the grid's points, in its order, to 1e-6 degrees."""
    latitude, longitude = ours.coordinates()
    if latitude.shape == latitudes.shape:
        turn = np.abs((longitude - longitudes + 180.0) % 360.0 - 180.0) * np.cos(np.deg2rad(latitude))
        if np.abs(latitude - latitudes).max() < 1e-6 and turn.max() < 1e-6:
            return
    raise InvalidGrid(f"MIR's points of {ours.name} are not ours, or not in our order", name=ours.name)


def weights_of(matrix: Any, in_grid: Grid, out_grid: Grid, method: str) -> Weights:
    """Return MIR's matrix (a scipy CSR array of shape (n_out, n_in)) as weights."""
    if matrix.shape != (out_grid.n_points, in_grid.n_points):
        shape = (out_grid.n_points, in_grid.n_points)
        raise InvalidGrid(
            f"MIR's matrix is {matrix.shape}; expected {shape} for {in_grid.name} to {out_grid.name}"
        )
    return Weights(
        in_grid=in_grid.name,
        out_grid=out_grid.name,
        method=method,
        library="mir-python",
        library_version=importlib.metadata.version("mir-python"),
        n_in=in_grid.n_points,
        indptr=np.array(matrix.indptr, dtype=np.int64),
        indices=np.array(matrix.indices, dtype=np.uint32),
        weights=np.array(matrix.data, dtype=np.float64),
    )


def main(words: Sequence[str], make: Callable[[Grid, Grid, str], Any] = _matrix) -> int:
    """Make one weights file: the process that `make_weights` starts."""
    try:
        in_grid, out_grid = _grid_of(words[0]), _grid_of(words[1])
        matrix = make(in_grid, out_grid, words[2])
        write_weights(Path(words[3]), weights_of(matrix, in_grid, out_grid, words[2]))
    except (DteError, RuntimeError, FileNotFoundError, ValueError) as error:
        sys.stderr.write(f"\n{' '.join(str(error).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
