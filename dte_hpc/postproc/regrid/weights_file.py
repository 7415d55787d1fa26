"""How are interpolation weights kept on disk?

One HDF5 file a pair of grids and method, which any HDF5 tool can read::

    /  attributes  format = "dte-weights", version = 1, in-grid, out-grid, method, library, library-version,
                   n-in, n-out (points), checksum (16 hexadecimal digits: the xxh3-64 of the xxh3-64s of
                   the three arrays, in the order below, as little-endian unsigned 64-bit integers)
    /indptr        int64   (n-out + 1)   rows of a compressed sparse row matrix
    /indices       uint32  (n-weights)   column: index of the input point
    /weights       float64 (n-weights)

Little-endian, contiguous, aligned to 64 bytes (they are mapped, not read), without times, so that the same
weights are the same bytes. A file is written aside, synced, renamed, and its directory synced: ranks that
make the same weights at once each rename a whole file, and the last one wins with equal bytes. A crash
leaves a file named ``.*.tmp``: nobody reads it.
"""

import contextlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import CorruptData, StorageFailed

FORMAT, VERSION = "dte-weights", 1
MOST_IN_A_BYTE = 255


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """A sparse matrix that takes a field from one grid to another, and where it comes from.

    Attributes
    ----------
    in_grid, out_grid : str
        Canonical grid names.
    method : str
        linear, nearest-neighbour, grid-box-average, ..., with settings after commas.
    library, library_version : str
        What made the weights.
    n_in : int
        Points of the input grid.
    indptr : int64, shape (n_out + 1,)
    indices : uint32, shape (n_weights,)
        In the library's own order within a row: the first of equal weights decides what is missing.
    weights : float64, shape (n_weights,)
    counts : uint8 or uint32, shape (n_out,)
        Weights of each row, which the kernels read in place of `indptr`; not in the file.
    """

    in_grid: str
    out_grid: str
    method: str
    library: str
    library_version: str
    n_in: int
    indptr: NDArray[np.int64]
    indices: NDArray[np.uint32]
    weights: NDArray[np.float64]
    counts: NDArray[np.uint8] | NDArray[np.uint32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise CorruptData(f"weights {self.in_grid} to {self.out_grid} ({self.method}) {problem}")
        counts = np.diff(self.indptr)
        narrow = not counts.size or counts.max() <= MOST_IN_A_BYTE
        object.__setattr__(self, "counts", counts.astype(np.uint8 if narrow else np.uint32))

    @property
    def n_out(self) -> int:
        """Points of the output grid."""
        return self.indptr.size - 1

    @property
    def n_bytes(self) -> int:
        """Bytes of the three arrays."""
        return self.indptr.nbytes + self.indices.nbytes + self.weights.nbytes


def _problem(w: Weights) -> str | None:
    """Return why a kernel without bounds checks must not run over these arrays."""
    arrays: tuple[NDArray[Any], ...] = (w.indptr, w.indices, w.weights)
    found = [f"{array.dtype} {array.ndim}-d" for array in arrays]
    if found != ["int64 1-d", "uint32 1-d", "float64 1-d"]:
        return f"have arrays of {', '.join(found)}; expected int64, uint32 and float64 vectors"
    if w.indptr.size < 1 or w.indptr[0] != 0 or np.any(np.diff(w.indptr) < 0):
        return "have row offsets that go backwards"
    if w.indptr[-1] != w.indices.size or w.indices.size != w.weights.size:
        return f"say {w.indptr[-1]} weights and hold {w.indices.size} columns, {w.weights.size} weights"
    if w.indices.size and int(w.indices.max()) >= w.n_in:
        return f"name input point {int(w.indices.max())} of {w.n_in}"
    return None


def write_weights(path: Path, weights: Weights) -> None:
    """Write a weights file, whole or not at all, replacing one that is there.

    Raises
    ------
    StorageFailed
        If the directory cannot be written to.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_aside(aside, weights)
        _sync(aside)
        aside.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise StorageFailed(f"weights cannot be written to {path}: {error}", path=str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


def _write_aside(aside: Path, weights: Weights) -> None:
    with h5py.File(aside, "x", libver=("v110", "v110"), alignment_threshold=1, alignment_interval=64) as file:
        for name, array in _arrays(weights):
            file.create_dataset(name, data=array, track_times=False)
        file.attrs["format"] = FORMAT
        file.attrs["version"] = VERSION
        for name in ("in_grid", "out_grid", "method", "library", "library_version", "n_in", "n_out"):
            file.attrs[name.replace("_", "-")] = getattr(weights, name)
        file.attrs["checksum"] = _checksum(weights)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _arrays(weights: Weights) -> tuple[tuple[str, NDArray[Any]], ...]:
    return (
        ("indptr", weights.indptr.astype("<i8", copy=False)),
        ("indices", weights.indices.astype("<u4", copy=False)),
        ("weights", weights.weights.astype("<f8", copy=False)),
    )


def _checksum(weights: Weights) -> str:
    digests = [checksum(np.ascontiguousarray(array).view(np.uint8)) for _, array in _arrays(weights)]
    return f"{checksum(np.array(digests, dtype='<u8').view(np.uint8)):016x}"


def read_weights(path: Path) -> Weights:
    """Return the weights of a file, verified, and mapped: all processes of a node share one copy.

    Cost: one read of it, of the node's memory when another process read it before.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CorruptData
        If it is not a weights file, or its arrays do not match its checksum or each other.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with h5py.File(path, "r") as file:
            weights, written = _read(file, path)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise CorruptData(
            f"{path} is not a whole weights file: {error}; remove it", path=str(path)
        ) from error
    if _checksum(weights) != written:
        raise CorruptData(f"{path} does not match its checksum {written}; remove it", path=str(path))
    return weights


def _mapped(file: Any, path: Path, name: str) -> NDArray[Any]:
    """Return a dataset as the file's own bytes; read instead where they are not aligned or contiguous."""
    dataset = file[name]
    offset = dataset.id.get_offset()
    if dataset.ndim != 1 or offset is None or offset % dataset.dtype.alignment or not dataset.size:
        return np.asarray(dataset[:])
    if offset + dataset.nbytes > path.stat().st_size:
        raise ValueError(f"it ends before its {name} do")
    return np.asarray(np.memmap(path, dataset.dtype, "r", offset, dataset.shape))


def _read(file: Any, path: Path) -> tuple[Weights, str]:
    if file.attrs["format"] != FORMAT or file.attrs["version"] != VERSION:
        found = f"{file.attrs['format']} {file.attrs['version']}"
        raise ValueError(f"found format {found}, expected {FORMAT} {VERSION}")
    facts = {
        n: file.attrs[n.replace("_", "-")]
        for n in ("in_grid", "out_grid", "method", "library", "library_version")
    }
    weights = Weights(
        **{name: str(value) for name, value in facts.items()},
        n_in=int(file.attrs["n-in"]),
        indptr=_mapped(file, path, "indptr"),
        indices=_mapped(file, path, "indices"),
        weights=_mapped(file, path, "weights"),
    )
    if weights.n_out != int(file.attrs["n-out"]):
        raise ValueError(f"it has {weights.n_out} rows and says {file.attrs['n-out']}")
    return weights, str(file.attrs["checksum"])
