"""Which variable of a file, and which place in it, is a field's?

For files with dimensions, whose variables grow as fields arrive: NetCDF and Zarr. A variable is one
parameter, statistic, type of level and grid of one class, stream, type and expver; its dimensions are
``time``, ``number`` and ``levelist``, where the field has them, then the grid's::

    time        one entry for each (base time, window), in the order of arrival; with forecast_reference_time,
                forecast_period and, of windows, time_bnds
    latitude, longitude    of a grid whose rows are alike; else points, with latitude(points) and
                           longitude(points)

The words are CF's (https://cfconventions.org/cf-conventions/cf-conventions.html). A second axis of a kind is
called ``time_2``.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidGrid, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.codecs.parameters import parameter, standard_name
from dte_hpc.grids import RowGrid, grid
from dte_hpc.postproc.missing import OF_THE_VALUES
from dte_hpc.postproc.naming import mars_time_of, value_of

EPOCH = {"units": "seconds since 1970-01-01T00:00:00", "calendar": "proleptic_gregorian"}
SECONDS = {"": 3600, "h": 3600, "m": 60, "s": 1, "d": 86400}
METHODS = {
    "average": "mean",
    "minimum": "minimum",
    "maximum": "maximum",
    "accumulate": "sum",
    "stddev": "standard_deviation",
    "variance": "variance",
    "instant": "point",
}
LEVEL_ATTRIBUTES = {
    "pl": {"standard_name": "air_pressure", "units": "hPa", "positive": "down", "axis": "Z"},
    "ml": {"standard_name": "model_level_number", "positive": "down", "axis": "Z"},
    "hl": {"standard_name": "height", "units": "m", "positive": "up", "axis": "Z"},
    "pt": {"standard_name": "air_potential_temperature", "units": "K", "axis": "Z"},
}
CONSTANT = (
    *("class", "stream", "type", "expver", "levtype", "quantile", "ensemble"),
    *("direction", "frequency", "channel", "ident", "instrument", "wavelength", "model", "origin", "method"),
    *("system", "hdate", "fcmonth", "fcperiod", "iteration", "diagnostic", "dataset", "activity"),
    *("experiment", "generation", "realization", "resolution", "anoffset", "reference"),
)
"""Keywords of MARS that, where they differ, make another variable: it has them as attributes."""
MAX_ROWS = 10_000_000
_STEP = re.compile(r"(?:(\d{1,9})([a-z]?)-)?(\d{1,9})([a-z]?)")
_SPAN = re.compile(r"(\d{1,9})([a-z]?)")
_NUMBER = re.compile(r"\d{1,9}")
Values: TypeAlias = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Axis:
    """A dimension that grows.

    Attributes
    ----------
    name : str
    columns : mapping
        Of each coordinate along it (the first has its name) the attributes.
    rows : dict
        From what identifies an entry to where it stands.
    table : dict of list
        The values of each column, in the order of the entries; ``time_bnds`` has pairs.
    """

    name: str
    columns: Mapping[str, Mapping[str, str]]
    rows: dict[tuple[float, ...], int] = field(default_factory=dict)
    table: dict[str, list[Any]] = field(default_factory=dict)

    def place(self, entry: tuple[float, ...], values: Iterable[Any]) -> int:
        """Return where an entry stands; a new one at the end."""
        found = self.rows.get(entry)
        if found is None:
            if len(self.rows) >= MAX_ROWS:
                raise InvalidPart(f"axis {self.name} of a file has {MAX_ROWS} entries; expected fewer")
            found = self.rows[entry] = len(self.rows)
            for name, value in zip(self.columns, values, strict=True):
                self.table.setdefault(name, []).append(value)
        return found

    def column(self, name: str) -> Values:
        """Return a coordinate's values: int64 (times, members) or float64 (levels)."""
        return np.asarray(self.table.get(name, []))


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """The dimensions of a grid: their sizes, and the coordinates, whose dimensions are named with them."""

    sizes: Mapping[str, int]
    coordinates: Mapping[str, tuple[str, Values, Mapping[str, str]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Variable:
    """One variable: its axes that grow, its grid, the type of its values, and its attributes."""

    name: str
    axes: tuple[Axis, ...]
    ground: Ground
    kind: np.dtype[Any]
    attributes: Mapping[str, str]

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of all dimensions."""
        return (*(axis.name for axis in self.axes), *self.ground.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of all dimensions, now."""
        return (*(len(axis.rows) for axis in self.axes), *self.ground.sizes.values())


class Series:
    """The variables of one file."""

    def __init__(self) -> None:
        self.variables: dict[tuple[Any, ...], Variable] = {}
        self.axes: dict[tuple[Any, ...], Axis] = {}
        self.grounds: dict[tuple[Any, ...], Ground] = {}
        self._taken: set[str] = set()
        self._names: dict[tuple[Any, ...], int] = {}

    def place(self, one: Field) -> tuple[Variable, tuple[int, ...]]:
        """Return the variable of a field, made when it is new, and its place along the axes that grow.

        Raises
        ------
        InvalidPart
            When the field has no ``param`` or no ``date``, or a step, time, number or level that is none; or
            when a field of another name has this place.
        InvalidGrid
            When the grid has another size than the field.
        """
        metadata = one.metadata
        moment = _moment(metadata)
        is_window = moment[1] != moment[2]
        param, stat = text_of(_needed(metadata, "param")), text_of(metadata.get("stattype", ""))
        levtype = text_of(value_of(metadata, "levtype") or "")
        placed: list[tuple[Axis, tuple[float, ...], tuple[Any, ...]]] = [
            (self._time(is_window=is_window), moment, _times(moment, is_window=is_window))
        ]
        number, level = value_of(metadata, "number"), value_of(metadata, "levelist")
        if number is not None:
            member = _member(metadata, number)
            placed.append((self._number(), (member,), (member,)))
        if level is not None and levtype != "sfc":
            height = _height(metadata, level)
            placed.append((self._level(levtype), (height,), (height,)))
        places = tuple(axis.place(entry, values) for axis, entry, values in placed)
        constants = {key: text_of(metadata[key]) for key in CONSTANT if key in metadata}
        identity = (
            param,
            stat,
            metadata.get("grid"),
            one.values.size,
            one.values.dtype.name,
            len(placed),
            is_window,
            *constants.items(),
        )
        if identity not in self.variables:
            self.variables[identity] = Variable(
                name=self._variable_name(param, stat, levtype),
                axes=tuple(axis for axis, _, _ in placed),
                ground=self._ground(metadata, one.values.size),
                kind=one.values.dtype.newbyteorder("<"),
                attributes=_attributes(param, stat, constants, metadata, placed[0][0]),
            )
        self._refuse_another((identity, places), metadata)
        return self.variables[identity], places

    def _refuse_another(self, place: tuple[Any, ...], metadata: Metadata) -> None:
        """InvalidPart when a place is another field's: this one again replaces it, another would lose it."""
        name = hash(metadata.without(*OF_THE_VALUES))
        if self._names.setdefault(place, name) != name:
            raise InvalidPart(
                f"field {metadata} has the place of another one in its file, which tells fields apart by "
                "other keywords; expected a path that names the keyword they differ in",
                metadata=metadata,
            )

    def _time(self, *, is_window: bool) -> Axis:
        def make() -> Axis:
            name = self._free("time")
            bounds = self._free(f"{name}_bnds")
            first = {
                "standard_name": "time",
                "axis": "T",
                **EPOCH,
                **({"bounds": bounds} if is_window else {}),
            }
            columns: dict[str, Mapping[str, str]] = {
                name: first,
                self._free("forecast_reference_time"): {"standard_name": "forecast_reference_time", **EPOCH},
                self._free("forecast_period"): {"standard_name": "forecast_period", "units": "seconds"},
            }
            return Axis(name=name, columns=columns | ({bounds: {}} if is_window else {}))

        return self._axis(("time", is_window), make)

    def _number(self) -> Axis:
        def make() -> Axis:
            name = self._free("number")
            return Axis(name=name, columns={name: {"standard_name": "realization", "axis": "E"}})

        return self._axis(("number",), make)

    def _level(self, levtype: str) -> Axis:
        def make() -> Axis:
            name = self._free("levelist")
            known = LEVEL_ATTRIBUTES.get(levtype, {"axis": "Z"})
            return Axis(name=name, columns={name: {"long_name": f"level ({levtype})", **known}})

        return self._axis(("levelist", levtype), make)

    def _axis(self, identity: tuple[Any, ...], make: Any) -> Axis:
        if identity not in self.axes:
            self.axes[identity] = make()
        return self.axes[identity]

    def _ground(self, metadata: Metadata, n_points: int) -> Ground:
        name = metadata.get("grid")
        identity = (name, n_points)
        if identity not in self.grounds:
            self.grounds[identity] = self._new_ground(name, n_points)
        return self.grounds[identity]

    def _new_ground(self, name: Any, n_points: int) -> Ground:
        try:
            found = grid(str(name)) if name else None
        except InvalidGrid:
            found = None  # a model's own points: numbers without places
        if found is None:
            return Ground(sizes={self._free("points"): n_points}, coordinates={})
        if found.n_points != n_points:
            raise InvalidGrid(f"a field on grid {name} has {n_points} values; expected {found.n_points}")
        if isinstance(found, RowGrid) and _is_regular(found):
            lat, lon = self._free("latitude"), self._free("longitude")
            longitudes = found.first_longitude[0] + found.spacing[0] * np.arange(found.row_lengths[0])
            return Ground(
                sizes={lat: found.n_rows, lon: longitudes.size},
                coordinates={
                    lat: (lat, found.latitudes, {**LATITUDE, "axis": "Y"}),
                    lon: (lon, longitudes, {**LONGITUDE, "axis": "X"}),
                },
            )
        points, lat, lon = self._free("points"), self._free("latitude"), self._free("longitude")
        latitudes, longitudes = found.coordinates()
        return Ground(
            sizes={points: n_points},
            coordinates={lat: (points, latitudes, LATITUDE), lon: (points, longitudes, LONGITUDE)},
        )

    def _variable_name(self, param: str, stat: str, levtype: str) -> str:
        short = re.sub(r"[^A-Za-z0-9_]", "_", parameter(param).short_name)
        method = METHODS.get(stat, re.sub(r"[^A-Za-z0-9_]", "_", stat))
        own = f"{short}_{method}" if method and method != "sum" else short
        return own if self._is_free(own) else self._free(f"{own}_{levtype}" if levtype else own)

    def _is_free(self, name: str) -> bool:
        free = name not in self._taken
        self._taken.add(name)
        return free

    def _free(self, name: str) -> str:
        chosen, number = name, 1
        while not self._is_free(chosen):
            number += 1
            chosen = f"{name}_{number}"
        return chosen


LATITUDE = {"units": "degrees_north", "standard_name": "latitude"}
LONGITUDE = {"units": "degrees_east", "standard_name": "longitude"}


def _is_regular(found: RowGrid) -> bool:
    alike = (found.row_lengths, found.first_longitude, found.spacing)
    return found.in_row_order and all(bool((each == each[0]).all()) for each in alike)


def _attributes(
    param: str, stat: str, constants: Mapping[str, str], metadata: Metadata, time: Axis
) -> dict[str, str]:
    known, name = parameter(param), standard_name(param)
    units = metadata.get("units", known.units)
    said = {"long_name": known.name, "units": text_of(units), "standard_name": name or "", "paramId": param}
    if stat:
        said["cell_methods"] = f"{time.name}: {METHODS[stat]}" if stat in METHODS else ""
        said["stattype"] = stat
    grid_name = metadata.get("grid")
    said |= {f"mars_{key}": value for key, value in constants.items()}
    return {word: text for word, text in (said | {"grid_name": text_of(grid_name or "")}).items() if text}


def _needed(metadata: Metadata, keyword: str) -> Any:
    found = value_of(metadata, keyword)
    if found is None:
        raise InvalidPart(
            f"field {metadata} has no {keyword!r}; expected it, to be put into a file", keyword=keyword
        )
    return found


def _moment(metadata: Metadata) -> tuple[int, int, int]:
    """Return base time, begin and end of a field's window, seconds since 1970; an instant has no length."""
    day, clock = text_of(_needed(metadata, "date")).replace("-", ""), mars_time_of(metadata)
    if clock is None:
        clock = 0
        if (time := value_of(metadata, "time")) is not None:
            raise InvalidPart(f"field {metadata} has time {time!r}; expected HHMM, as 1200", keyword="time")
    try:
        base = int(np.datetime64(f"{day[:-4]}-{day[-4:-2]}-{day[-2:]}", "s").astype(np.int64))
    except ValueError as error:
        raise InvalidPart(
            f"field {metadata} has the date {day!r}; expected YYYYMMDD", keyword="date"
        ) from error
    base += clock // 100 * 3600 + clock % 100 * 60
    begin, end = _window(metadata)
    return base, base + begin, base + end


def _window(metadata: Metadata) -> tuple[int, int]:
    found = text_of(value_of(metadata, "step") or 0)
    match = _STEP.fullmatch(found)
    if match is None or not {match[2] or "", match[4]} <= SECONDS.keys():
        raise InvalidPart(
            f"field {metadata} has step {found!r}; expected hours, as 24 or 0-24", keyword="step"
        )
    end = int(match[3]) * SECONDS[match[4]]
    begin = int(match[1]) * SECONDS[match[2] or match[4]] if match[1] is not None else end
    if "stattype" in metadata and "startStep" in metadata:
        start = text_of(metadata["startStep"])
        match = _SPAN.fullmatch(start)
        if match is None or match[2] not in SECONDS:
            raise InvalidPart(
                f"field {metadata} has startStep {start!r}; expected hours, as 24, or 90m",
                keyword="startStep",
            )
        begin = int(match[1]) * SECONDS[match[2]]
    return begin, end


def _member(metadata: Metadata, number: Scalar) -> int:
    if _NUMBER.fullmatch(text_of(number)) is None:
        raise InvalidPart(
            f"field {metadata} has number {number!r}; expected a member's whole number", keyword="number"
        )
    return int(text_of(number))


def _height(metadata: Metadata, level: Scalar) -> float:
    try:
        height = float(level)
    except (ValueError, OverflowError):
        height = math.nan
    if not math.isfinite(height):
        raise InvalidPart(
            f"field {metadata} has levelist {level!r}; expected a level's number", keyword="levelist"
        )
    return height


def _times(moment: tuple[int, int, int], *, is_window: bool) -> tuple[Any, ...]:
    base, begin, end = moment
    return (end, base, end - base, *(((begin, end),) if is_window else ()))
