"""What does an answer look like?

The only module that imports matplotlib (extra ``plot``). A few points at several times are series, at
several levels profiles; a path through levels is a section; everything else is a map. One panel a parameter,
and of a map one for each level and time as well.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import MissingDependency
from dte_hpc.codecs.parameters import parameter
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.countries import countries, country
from dte_hpc.extract.groups import groups_by, variables

try:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
except ImportError as error:
    raise MissingDependency("matplotlib is not installed; expected pip install 'dte-hpc[plot]'") from error

Float64s: TypeAlias = NDArray[np.float64]
Int64s: TypeAlias = NDArray[np.int64]
INK, SEA = "#1d3557", "#8d99ae"
COLOURS = "RdYlBu_r"
MAX_PANELS = 9
MAX_LINES = 24
NAMED = ("timeseries", "position", "verticalprofile")
EARTH_KM = 6371.229


def draw(answer: Answer, path: Path) -> None:
    """Draw an answer into a file: PNG, PDF or SVG, by its suffix.

    Raises
    ------
    MissingDependency
        When matplotlib is not installed.
    """
    _picture(answer).savefig(path)


def _picture(answer: Answer) -> Figure:
    if answer.kind == "trajectory":
        return _sections(answer) if _several(answer.level) else _maps(answer)
    few = answer.kind in NAMED or np.diff(answer.place_start).max(initial=0) == 1
    if few and np.unique(answer.time).size > 1 and answer.axis != "levelist":
        return _lines(answer, "time")
    if few and _several(answer.level):
        return _lines(answer, "levelist")
    return _maps(answer)


def figure(width: float, height: float, n_panels: int = 1) -> tuple[Figure, list[Axes]]:
    """Return an empty picture of some panels, width and height of one in inches."""
    n_columns = int(np.ceil(np.sqrt(n_panels)))
    n_rows = -(-n_panels // n_columns)
    new = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained", dpi=120)
    return new, [new.add_subplot(n_rows, n_columns, number + 1) for number in range(n_panels)]


def coast(axes: Axes) -> None:
    """Draw the outlines of all countries, longitudes between -180 and 180."""
    longitude, latitude = _outlines()
    axes.plot(longitude, latitude, color=INK, lw=0.4, alpha=0.7, rasterized=True)


@functools.cache
def _outlines() -> tuple[Float64s, Float64s]:
    """Return longitudes and latitudes of all outlines, NaN between two rings and where one passes 180."""
    gap = np.full((1, 2), np.nan)
    rings = np.concatenate(
        [part for each in countries() for ring in outline(each.name) for part in (ring, gap)]
    )
    longitude = west(rings[:, 1])
    broken = np.flatnonzero(np.abs(np.diff(longitude)) > 180) + 1
    return np.insert(longitude, broken, np.nan), np.insert(rings[:, 0], broken, np.nan)


def outline(name: str) -> Iterator[Float64s]:
    """Yield the rings of a country: float64, shape (n, 2), latitude and longitude."""
    for part in country(name).polygons:
        yield from part


def west(longitude: Float64s) -> Float64s:
    """Return longitudes between -180 and 180."""
    return np.asarray((longitude + 180.0) % 360.0 - 180.0)


def _lines(answer: Answer, along: str) -> Figure:
    """Draw a line for each point, member and whatever else differs, along time or level."""
    names = list(variables(answer).items())
    picture, panels = figure(7.5, 4.2, min(len(names), MAX_PANELS))
    for panel, (name, rows) in zip(panels, names, strict=False):
        lines = list(_lines_of(answer, rows, along))
        for number, (label, where, values) in enumerate(lines[:MAX_LINES]):
            pair = (where, values) if along == "time" else (values, where)
            panel.plot(*pair, "o-", ms=3, lw=1.2, label=label if number < MAX_LINES // 2 else None)
        left = f" ({len(lines) - MAX_LINES} more lines)" if len(lines) > MAX_LINES else ""
        panel.set_title(f"{_title(answer, name, rows)}{left}", fontsize="medium")
        if along == "time":
            panel.set(xlabel="time (UTC)", ylabel=_label(answer, rows))
            panel.tick_params(axis="x", labelrotation=30)
        else:
            panel.set(xlabel=_label(answer, rows), ylabel=_level_label(answer))
            _downwards(answer, panel)
        panel.spines[["top", "right"]].set_visible(False)
        if len(lines) > 1:
            panel.legend(frameon=False, fontsize="small")
    return _headed(picture, answer, len(names))


def _lines_of(
    answer: Answer, rows: Int64s, along: str
) -> Iterator[tuple[str, NDArray[np.generic], Float64s]]:
    """Yield label, positions and values of each line of one parameter."""
    others = {"number": answer.column("number"), "levelist": answer.level, "time": answer.time}
    axis = others.pop(along)
    place = answer.place_of_field
    for part in groups_by([place, *others.values()], rows):
        part = part[np.argsort(axis[part], kind="stable")]
        points = answer.points_of(int(part[0]))
        values = np.stack([answer.values_of(row) for row in part.tolist()])
        told = [_told(name, column[part[0]]) for name, column in others.items() if _differ(column[rows])]
        for number in range(points.stop - points.start):
            at = points.start + number
            place_text = f"{answer.latitude[at]:.2f}°N {west(answer.longitude[at]):.2f}°E"
            yield ", ".join([place_text, *told]), axis[part], values[:, number]


def _differ(values: NDArray[np.generic]) -> bool:
    return np.unique(values).size > 1


def _told(name: str, value: Any) -> str:
    if name == "levelist":
        return f"level {value:g}"
    return f"member {value}" if name == "number" else f"{np.datetime_as_string(value, unit='m')} UTC"


def _sections(answer: Answer) -> Figure:
    """Draw the points of a path by level, along the distance, or along the time of one that stays."""
    names = list(variables(answer).items())
    columns = answer.point_columns()
    along = _kilometres(columns["latitude"], columns["longitude"])
    stays = np.ptp(along) < 1
    along = columns["step"] if stays else along
    picture, panels = figure(9.0, 4.4, min(len(names), MAX_PANELS))
    for panel, (name, rows) in zip(panels, names, strict=False):
        inside = np.isin(columns["field"], rows)
        dots = panel.scatter(
            along[inside], columns["levelist"][inside], c=columns["value"][inside], s=8, cmap=COLOURS
        )
        picture.colorbar(dots, label=_label(answer, rows), pad=0.02)
        panel.set(
            xlabel="hours since the base time" if stays else "distance along the path (km)",
            ylabel=_level_label(answer),
        )
        panel.set_title(_title(answer, name, rows), fontsize="medium")
        _downwards(answer, panel)
    return _headed(picture, answer, len(names))


def _maps(answer: Answer) -> Figure:
    """Draw the points of each parameter, level and time on a map."""
    fields = [
        (name, part) for name, rows in variables(answer).items() for part in groups_by(_apart(answer), rows)
    ]
    longitude, away = _unbroken(answer.longitude)
    picture, panels = figure(7.0, 5.2, min(len(fields), MAX_PANELS))
    for panel, (name, rows) in zip(panels, fields, strict=False):
        points = np.concatenate([np.r_[answer.points_of(row)] for row in rows.tolist()])
        values = np.concatenate([answer.values_of(row) for row in rows.tolist()])
        size = float(np.clip(20_000 / max(1, values.size), 0.5, 30))
        dots = panel.scatter(
            longitude[points], answer.latitude[points], c=values, s=size, cmap=COLOURS, rasterized=True
        )
        picture.colorbar(dots, label=_label(answer, rows), pad=0.02)
        limits = _frame(panel)
        if not away:
            coast(panel)
        panel.set(xlim=limits[0], ylim=limits[1], xlabel="longitude (°E)", ylabel="latitude (°N)")
        panel.set_aspect(1 / max(0.2, np.cos(np.deg2rad(np.mean(limits[1])))))
        panel.set_title(_title(answer, name, rows), fontsize="medium")
    return _headed(picture, answer, len(fields))


def _apart(answer: Answer) -> list[NDArray[np.generic]]:
    """Return what a map's fields have in common: a path along the ground has one map of all its steps."""
    if answer.kind == "trajectory":
        return [answer.column("number")]
    return [answer.column("number"), answer.level, answer.time]


def _unbroken(longitude: Float64s) -> tuple[Float64s, bool]:
    """Return longitudes that do not jump inside the points, and whether some are beyond 180."""
    near, far = west(longitude), longitude % 360.0
    if np.ptp(near) <= np.ptp(far):
        return near, False
    return far, bool((far > 180.0).any())


def _frame(panel: Axes) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the limits of a map: those of its points and a little more."""
    (west_end, east_end), (south, north) = panel.get_xlim(), panel.get_ylim()
    margin = 0.05 * max(east_end - west_end, north - south, 1.0)
    return (west_end - margin, east_end + margin), (max(-90.0, south - margin), min(90.0, north + margin))


def _kilometres(latitude: Float64s, longitude: Float64s) -> Float64s:
    """Return the distance of each point from the end of a path, along the path's main direction."""
    lat, lon = np.deg2rad(latitude), np.deg2rad(longitude)
    places = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    middle = places.mean(axis=0)
    end = places[np.argmax(np.linalg.norm(places - middle, axis=1))]
    chord = np.linalg.norm(places - end, axis=1)
    return np.asarray(EARTH_KM * 2 * np.arcsin(np.clip(chord / 2, 0, 1)))


def _several(values: Float64s) -> bool:
    return np.unique(values[np.isfinite(values)]).size > 1


def _downwards(answer: Answer, panel: Axes) -> None:
    """Turn the axis of levels round where they count downwards."""
    if set(np.unique(answer.column("levtype")).tolist()) <= {"pl", "ml"}:
        panel.invert_yaxis()


def _level_label(answer: Answer) -> str:
    kind = str(answer.column("levtype")[0])
    return {"pl": "pressure (hPa)", "ml": "model level"}.get(kind, f"level ({kind})" if kind else "level")


def _label(answer: Answer, rows: Int64s) -> str:
    known = parameter(str(answer.column("param")[rows[0]]))
    return f"{known.name} ({known.units})" if known.units else known.name


def _title(answer: Answer, name: str, rows: Int64s) -> str:
    """Return the name of what a panel shows, with level, time and member when they are one each."""
    facts = [name]
    if not _several(answer.level[rows]) and np.isfinite(answer.level[rows[0]]):
        facts.append(
            f"{answer.level[rows[0]]:g} {'hPa' if answer.column('levtype')[rows[0]] == 'pl' else ''}".strip()
        )
    times = np.unique(answer.time[rows])
    if times.size == 1 and not np.isnat(times[0]):
        facts.append(f"{np.datetime_as_string(times[0], unit='m').replace('T', ' ')} UTC")
    number = np.unique(answer.column("number")[rows])
    if number.size == 1 and number[0]:
        facts.append(f"member {number[0]}")
    return ", ".join(facts)


def _headed(picture: Figure, answer: Answer, n_panels: int) -> Figure:
    left = f"; {MAX_PANELS} of {n_panels} panels" if n_panels > MAX_PANELS else ""
    picture.suptitle(
        f"{answer.kind}: {answer.values.size:,} values of {answer.n_fields:,} fields{left}", fontsize="medium"
    )
    return picture
