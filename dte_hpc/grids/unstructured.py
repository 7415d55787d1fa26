"""Where are the points of an unstructured grid (ICON, ORCA, FESOM; GRIB2 template 3.101)?

In a file of their own, since no formula gives them: ``NAME.npy`` in one of the folders that DTE_GRIDS lists,
a NumPy file of float64 or float32 of shape (2, n_points), latitudes and then longitudes, degrees. NAME is
that of the grid: of a message ``unstructured-<uuidOfHGrid in hex>-<numberOfGridInReference>``; any other
word of letters, digits, ``.``, ``_`` and ``-`` that begins with a letter may name a grid too (a link gives a
second name).
"""

import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.protocol import Float64s, Int64s, checked_indices
from dte_hpc.grids.sphere_index import SphereIndex

FOLDERS = "DTE_GRIDS"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._\-]{0,99}")
OF_MESSAGE = re.compile(r"unstructured-[0-9a-f]{32}-\d{1,3}")
MOST_REMEMBERED = 64
_REMEMBERED: "OrderedDict[str, PointGrid]" = OrderedDict()
"""Grids that this process made of lists of points, by the name their content has."""


def from_name(name: str) -> "PointGrid | None":
    """eORCA025_T, unstructured-UUID-1: points of a file NAME.npy in a folder of DTE_GRIDS.

    Returns None for a name of another family.
    """
    text = name.strip()
    if not _NAME.fullmatch(text):
        return None
    for folder in folders():
        path = folder / f"{text}.npy"
        if path.is_file():
            return read_points(path, text)
    if text in _REMEMBERED:
        return _REMEMBERED[text]
    if OF_MESSAGE.fullmatch(text):
        looked = ", ".join(map(str, folders())) or f"no folder: {FOLDERS} is not set"
        raise InvalidGrid(
            f"the points of grid {text} are not known; expected a file {text}.npy of latitudes and "
            f"longitudes (looked in {looked})",
            name=text,
        )
    return None


def remember(points: "PointGrid") -> "PointGrid":
    """Return a grid, which its name stands for from now on in this process; the 64 last ones are kept.

    For lists of points that a plan or a request gives, named after their content, so that whoever meets the
    name can say where they are.
    """
    _REMEMBERED[points.name] = points
    while len(_REMEMBERED) > MOST_REMEMBERED:
        _REMEMBERED.popitem(last=False)
    return points


def message_name(uuid: bytes, reference: int) -> str | None:
    """Return the name of the grid that a GRIB2 message refers to; None when it refers to none."""
    return f"unstructured-{uuid.hex()}-{reference}" if any(uuid) and not all(b == 255 for b in uuid) else None


def folders() -> list[Path]:
    """Return the folders in which files of points are looked for: those of DTE_GRIDS, in turn."""
    return [Path(word) for word in os.environ.get(FOLDERS, "").split(os.pathsep) if word]


def write_points(
    folder: str | os.PathLike[str], name: str, latitude: ArrayLike, longitude: ArrayLike
) -> Path:
    """Write the points of a grid to a file that `grid` finds when DTE_GRIDS lists the folder.

    Parameters
    ----------
    folder : path
        Made when it is not there.
    name : str
        Of the grid; `message_name` gives that of a message.
    latitude, longitude : float64, shape (n_points,)
        Degrees, in the order in which values stand.

    Raises
    ------
    InvalidGrid
        When the name or the points are none.
    """
    if not _NAME.fullmatch(name):
        raise InvalidGrid(
            f"a grid is called {name[:80]!r}; expected letters, digits, '.', '_' and '-'", name=name
        )
    grid = PointGrid(
        name=name, latitudes=np.asarray(latitude, float), longitudes=np.asarray(longitude, float)
    )
    path = Path(folder) / f"{name}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{name}.{os.getpid()}.npy")
    np.save(partial, np.stack([grid.latitudes, grid.longitudes]), allow_pickle=False)
    partial.replace(path)
    return path


def read_points(path: Path, name: str) -> "PointGrid":
    """Return the grid of a file of points; InvalidGrid when it holds none."""
    try:
        points = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidGrid(f"{path} holds no points: {error}", name=name, path=str(path)) from error
    if points.ndim != 2 or points.shape[0] != 2 or points.dtype.kind != "f":
        raise InvalidGrid(
            f"{path} holds {points.dtype} of shape {points.shape}; expected floats of shape (2, n_points)",
            name=name,
            path=str(path),
        )
    latitudes, longitudes = np.array(points, np.float64)
    return PointGrid(name=name, latitudes=latitudes, longitudes=longitudes)


def points(name: str, latitude: ArrayLike, longitude: ArrayLike) -> "PointGrid":
    """Return the grid of some points, which `grid` does not know by its name."""
    return PointGrid(name=name, latitudes=np.array(latitude, float), longitudes=np.array(longitude, float))


@dataclass(frozen=True, kw_only=True, eq=False)
class PointGrid:
    """A grid of points anywhere, in any order.

    Attributes
    ----------
    name : str
        Of the file of points, less its ending.
    latitudes, longitudes : float64, shape (n_points,)
        Degrees.
    """

    name: str
    latitudes: Float64s
    longitudes: Float64s

    def __post_init__(self) -> None:
        if (
            self.latitudes.ndim != 1
            or self.latitudes.shape != self.longitudes.shape
            or not self.latitudes.size
        ):
            raise InvalidGrid(
                f"grid {self.name} has latitudes of shape {self.latitudes.shape} and longitudes of shape "
                f"{self.longitudes.shape}; expected as many of both, and at least one",
                name=self.name,
            )
        for what, most, values in self._checks():
            wrong = ~(np.abs(values) <= most)
            if wrong.any():
                at = int(np.argmax(wrong))
                raise InvalidGrid(
                    f"point {at} of grid {self.name} has the {what} {values[at]}; "
                    f"expected degrees from -{most} to {most}",
                    name=self.name,
                )
            values.flags.writeable = False

    def __repr__(self) -> str:
        return f"PointGrid({self.name}, {self.n_points} points)"

    @property
    def kind(self) -> str:
        """unstructured."""
        return "unstructured"

    @property
    def n_points(self) -> int:
        """How many points the grid has."""
        return int(self.latitudes.size)

    def coordinates(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of every point, degrees, as they were given."""
        return self.latitudes, self.longitudes

    def coordinates_of(self, indices: ArrayLike) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of some points, degrees."""
        at = checked_indices(self, indices)
        return self.latitudes[at], self.longitudes[at]

    def nearest(self, latitude: ArrayLike, longitude: ArrayLike) -> Int64s:
        """Return the index of the point nearest to each place, by great circle."""
        return self.index.nearest(latitude, longitude)

    def candidates(self, south: float, north: float, west: float, east: float) -> Int64s:
        """Return the points of the cells around a box; see `protocol.Grid`."""
        return self.index.candidates(south, north, west, east)

    @cached_property
    def index(self) -> SphereIndex:
        """The index of the points: about a second for a million points to make."""
        return SphereIndex(self.latitudes, self.longitudes)

    def _checks(self) -> Iterator[tuple[str, int, Float64s]]:
        yield "latitude", 90, self.latitudes
        yield "longitude", 720, self.longitudes
