"""What may a plan ask of an interpolation? MultIO's options, checked before anything runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dte_hpc.base.config import refuse, struct, unknown_keyword
from dte_hpc.base.errors import InvalidConfig, InvalidGrid
from dte_hpc.grids import Grid, grid
from dte_hpc.postproc.action import Options
from dte_hpc.postproc.options import near
from dte_hpc.postproc.regrid.mir import METHODS
from dte_hpc.postproc.regrid.target import cut, listed, name_of, plain_name, read_listed

MAX_AT_ONCE = 32
MAX_CLOSEST = 100
WEIGHTINGS = (
    "inverse-distance-weighting",
    "inverse-distance-weighting-squared",
    "shepard",
    "no",
)
MARS_WORDS = {"nn": "nearest-neighbour", "average": "grid-box-average"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """Mapping ``options`` of an interpolation: what MultIO hands to MIR.

    Attributes
    ----------
    caching, dont_compress_plan : bool
        Read and without effect: weights are always kept.
    missing_value : float or None
        Points of this value are missing, besides NaN.
    interpolation : str or None
        The method, where the action names none; ``matrix`` takes weights from `interpolation_matrix`.
    interpolation_matrix : str or None
        A weights file (`weights_file`) between these very grids.
    nearest_method : str or None
        Of k-nearest: nclosest, which `nclosest` says as well.
    nclosest : int or None
        Of k-nearest: how many points; without it the nearest alone.
    distance_weighting : str or None
        Of k-nearest: how they are weighted (`WEIGHTINGS`).
    """

    caching: bool = True
    dont_compress_plan: bool = False
    missing_value: float | None = None
    interpolation: str | None = None
    interpolation_matrix: str | None = None
    nearest_method: str | None = None
    nclosest: int | None = None
    distance_weighting: str | None = None

    @classmethod
    def read(cls, node: Mapping[str, Any], place: str = "$") -> "JobOptions":
        """Return the options of a mapping, whose keywords may have MIR's underscores."""
        return struct(cls, {str(key).replace("_", "-"): value for key, value in node.items()}, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpolateOptions(Options):
    """Options of `Interpolate`.

    Attributes
    ----------
    grid : str, tuple of numbers or None
        The target: ``1/1`` or ``[1, 1]``, ``O96``, ``H32``, ``H32n`` or ``H32_nested``.
    input : str, tuple of numbers or None
        The grid fields come on, where their metadata does not say it.
    area : str, tuple of numbers or None
        north, west, south, east: the part of the target that is wanted.
    points : str, tuple of pairs or None
        In place of a grid: a file of latitudes and longitudes, or the pairs themselves.
    interpolation : str or None
        linear (the default), bilinear, nearest-neighbour, k-nearest or grid-box-average.
    options : mapping
        See `JobOptions`.
    vector : str or tuple of pairs
        none (MultIO's way, the default): each component is a field like any other. known: the pairs of
        ``data/wind-pairs.txt`` (131/132, 165/166, ...) are brought over as vectors, which needs both on one
        IO rank between two flushes. Or the pairs themselves: ``[[131, 132]]``.
    accuracy, resol, truncation
        MARS's: bits of a packing, and of spectral fields. They change no value here, nor in MultIO.
    intgrid : str or None
        none. A grid to come over is a matter of `interpolate-mtg2`.
    fields_at_once : int
        So many consecutive fields of one grid are brought over together, which is faster; they are held
        until then, or a flush. 1: each field at once.
    weights, cache_path : str or None
        Directory of weights files, by either name; see `weights.weights_directory`.
    """

    grid: str | tuple[float, ...] | None = None
    input: str | tuple[float, ...] | None = None
    area: str | tuple[float, ...] | None = None
    points: str | tuple[tuple[float, ...], ...] | None = None
    interpolation: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    vector: str | tuple[tuple[str | int, ...], ...] = "none"
    accuracy: str | int | None = None
    resol: str | int | None = None
    truncation: str | int | None = None
    intgrid: str | None = None
    fields_at_once: int = 1
    weights: str | None = None
    cache_path: str | None = None

    @property
    def job(self) -> JobOptions:
        """The mapping ``options``, read."""
        return JobOptions.read(self.options)

    @property
    def method(self) -> str:
        """The method with its settings: ``k-nearest,nclosest=8``, or ``matrix``."""
        word = self.interpolation or self.job.interpolation or "linear"
        job = self.job
        nearest = job.nearest_method or (None if job.nclosest is None else "nclosest")
        settings = {"nearest-method": nearest, "nclosest": job.nclosest}
        settings["distance-weighting"] = job.distance_weighting
        given = [f",{key}={value}" for key, value in settings.items() if value is not None]
        return MARS_WORDS.get(word, word) + "".join(given)

    @property
    def vector_pairs(self) -> tuple[tuple[str, str], ...]:
        """Eastward and northward parameters of the vectors; none by default."""
        from dte_hpc.postproc.regrid.winds import known_pairs  # its loops take half a second to import

        if isinstance(self.vector, str):
            return known_pairs() if self.vector == "known" else ()
        return tuple((str(east), str(north)) for east, north in self.vector)

    @property
    def input_name(self) -> str | None:
        """The name of the input grid, if the plan has one."""
        return None if self.input is None else name_of(self.input)

    def target(self) -> Grid:
        """Return the grid, part of a grid, or list of points that is asked for."""
        if self.points is not None:
            return read_listed(self.points) if isinstance(self.points, str) else _of_pairs(self.points)
        if self.grid is None:
            raise InvalidGrid("neither grid nor points are given; expected one of both")
        name = name_of(self.grid)
        return grid(name) if self.area is None else cut(name, self._corners())

    def _corners(self) -> tuple[float, float, float, float]:
        try:
            words = self.area.split("/") if isinstance(self.area, str) else self.area or ()
            north, west, south, east = map(float, words)
        except ValueError as error:
            raise InvalidGrid(f"the area is {self.area}; expected four numbers N/W/S/E") from error
        return north, west, south, east

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an unknown grid, method or option."""
        try:
            job = JobOptions.read(self.options, f"{place}.options")
        except InvalidConfig as error:
            yield error
            return
        if self.points is not None and (self.grid is not None or self.area is not None):
            yield refuse(f"{place}.points", "points and a grid or an area", "one of both")
        elif self.points is None and self.grid is None:
            yield refuse(place, "no 'grid'", "a grid, or points")
        else:
            yield from self._grid_mistakes(place)
        yield from self._vector_mistakes(f"{place}.vector")
        if not 1 <= self.fields_at_once <= MAX_AT_ONCE:
            yield refuse(f"{place}.fields-at-once", str(self.fields_at_once), f"1 to {MAX_AT_ONCE}")
        if self.intgrid not in (None, "none"):
            yield refuse(
                f"{place}.intgrid", repr(self.intgrid), "none: the action interpolate-mtg2 comes over a grid"
            )
        if self.weights is not None and self.cache_path is not None:
            yield refuse(f"{place}.cache-path", "weights and cache-path", "one directory")
        yield from _method_mistakes(self.method, job, place)

    def _vector_mistakes(self, place: str) -> Iterator[InvalidConfig]:
        expected = "none, known, or pairs of different parameters"
        if isinstance(self.vector, str):
            if self.vector not in ("none", "known"):
                yield refuse(place, repr(self.vector), expected)
        elif any(len(pair) != 2 for pair in self.vector):
            yield refuse(place, str(self.vector), expected)
        elif len({str(each) for pair in self.vector for each in pair}) != 2 * len(self.vector):
            yield refuse(place, f"{self.vector}, a parameter twice", expected)

    def _grid_mistakes(self, place: str) -> Iterator[InvalidConfig]:
        where = "points" if self.points is not None else "area" if self.area is not None else "grid"
        try:
            self.target()
        except InvalidGrid as error:
            yield InvalidConfig(f"{place}.{where}: {error}", place=f"{place}.{where}")
        try:
            if self.input_name is not None:
                grid(plain_name(self.input_name))
        except InvalidGrid as error:
            yield InvalidConfig(f"{place}.input: {error}", place=f"{place}.input")


def _method_mistakes(method: str, job: JobOptions, place: str) -> Iterator[InvalidConfig]:
    word, _, settings = method.partition(",")
    if word == "matrix":
        if job.interpolation_matrix is None:
            yield refuse(f"{place}.options", "no 'interpolation-matrix'", "a weights file for matrix")
    elif word not in METHODS:
        found = repr(word) + near(word, METHODS)
        yield refuse(f"{place}.interpolation", found, f"one of {', '.join(METHODS)}, matrix")
    if settings and word != "k-nearest":
        yield unknown_keyword(f"{place}.options", settings.partition("=")[0], ("caching", "missing-value"))
    elif settings:
        yield from _nearest_mistakes(job, f"{place}.options")


def _nearest_mistakes(job: JobOptions, place: str) -> Iterator[InvalidConfig]:
    """Yield what MIR would take and not act upon."""
    if job.nclosest is None or not 1 <= job.nclosest <= MAX_CLOSEST:
        yield refuse(f"{place}.nclosest", str(job.nclosest), f"1 to {MAX_CLOSEST} points")
    if job.nearest_method not in (None, "nclosest"):
        yield refuse(f"{place}.nearest-method", job.nearest_method, "nclosest")
    if job.distance_weighting not in (None, *WEIGHTINGS):
        found = f"{job.distance_weighting}{near(job.distance_weighting, WEIGHTINGS)}"
        yield refuse(f"{place}.distance-weighting", found, f"one of {', '.join(WEIGHTINGS)}")


def _of_pairs(pairs: tuple[tuple[float, ...], ...]) -> Grid:
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise InvalidGrid("the points are no pairs of latitude and longitude; expected at least one pair")
    return listed(*zip(*pairs, strict=True))
