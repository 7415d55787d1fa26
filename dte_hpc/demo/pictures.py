"""What do the answers look like?

The only module that imports matplotlib. Three pictures: a map with the flight on it, the time series
beside its closed form, and the points of the country.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dte_hpc.codecs.decode import decode
from dte_hpc.demo import solid_body
from dte_hpc.demo.plan import COARSE
from dte_hpc.demo.queries import COUNTRY, CRUISE_HPA, Query
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.countries import countries, country
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid

Float64s = NDArray[np.float64]
INK, SEA = "#1d3557", "#8d99ae"
MAP_STEP = 12


def draw_flight(path: Path, query: Query, answer: Answer, store: FDB) -> None:
    """Draw the flight's points over the stored 1° temperature at cruising level, halfway."""
    figure, axes = _figure(11.0, 5.2)
    longitude, latitude, background = _coarse_map(store, query)
    shade = axes.pcolormesh(longitude, latitude, background, cmap="RdYlBu_r", shading="nearest", alpha=0.85)
    figure.colorbar(shade, label=f"temperature at {CRUISE_HPA:.0f} hPa, step {MAP_STEP} h (K)", pad=0.015)
    _coast(axes)
    columns = answer.point_columns()
    points = axes.scatter(
        _west(columns["longitude"]), columns["latitude"], c=columns["step"], s=4, cmap="viridis", zorder=3
    )
    figure.colorbar(points, label="hours since the start, along the flight", pad=0.02)
    axes.set(xlim=(-100, 40), ylim=(15, 75), xlabel="longitude (°E)", ylabel="latitude (°N)")
    axes.set_title(f"{query.title}: {answer.account.points} points of {answer.n_fields} fields")
    figure.savefig(path)


def draw_series(path: Path, query: Query, answer: Answer, truth: Float64s) -> None:
    """Draw the extracted series as dots on its closed form."""
    figure, axes = _figure(8.0, 4.2)
    hours = np.linspace(answer.step.min(), answer.step.max(), 300)
    at = solid_body.Points.at(answer.latitude[:1], answer.longitude[:1])
    level = int(answer.level[0])
    curve = np.array([solid_body.value(query.parameter, level, hour, at)[0] for hour in hours])
    axes.plot(hours, 1e3 * curve, color=SEA, lw=2, label="closed form")
    axes.plot(answer.step, 1e3 * answer.values, "o", color=INK, ms=5, label="extracted from the store")
    axes.set(xlabel="hours since the start", ylabel="specific humidity (g/kg)", title=query.title)
    axes.text(
        0.02,
        0.16,
        f"largest difference {np.abs(answer.values - truth).max():.1e} kg/kg",
        transform=axes.transAxes,
        color=INK,
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def draw_country(path: Path, query: Query, answer: Answer) -> None:
    """Draw the extracted points inside the country's outline."""
    figure, axes = _figure(7.2, 6.2)
    longitude = _west(answer.longitude)
    near = (longitude > -8) & (longitude < 12) & (answer.latitude > 40)
    points = axes.scatter(
        longitude[near], answer.latitude[near], c=answer.values[near], s=14, cmap="RdYlBu_r"
    )
    figure.colorbar(points, label="K", pad=0.02)
    _coast(axes)
    for ring in _rings(COUNTRY):
        axes.plot(_west(ring[:, 1]), ring[:, 0], color=INK, lw=1.4)
    axes.set(xlim=(-8, 12), ylim=(40.5, 52), xlabel="longitude (°E)", ylabel="latitude (°N)")
    axes.set_aspect(1.45)
    axes.set_title(f"{query.title}\n{answer.account.points} points in all, overseas included")
    figure.savefig(path)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    return figure, figure.add_subplot()


def _coarse_map(store: FDB, query: Query) -> tuple[Float64s, Float64s, Float64s]:
    wanted: dict[str, Any] = {k: v for k, v in query.request.items() if k != "feature"}
    wanted |= {"grid": COARSE, "levelist": f"{CRUISE_HPA:.0f}", "step": str(MAP_STEP)}
    listing = store.inspect(wanted)
    values = decode(listing.message(0))
    latitudes, longitudes = grid(COARSE).coordinates()
    n_rows = np.unique(latitudes).size
    latitude, longitude = latitudes.reshape(n_rows, -1)[:, 0], longitudes.reshape(n_rows, -1)[0]
    order = np.argsort(_west(longitude))
    return _west(longitude)[order], latitude, values.reshape(latitude.size, -1)[:, order]


def _rings(name: str) -> Iterator[Float64s]:
    for part in country(name).polygons:
        yield from part


def _coast(axes: Axes) -> None:
    for each in countries():
        for ring in _rings(each.name):
            longitude = _west(ring[:, 1])
            broken = np.flatnonzero(np.abs(np.diff(longitude)) > 180) + 1
            latitude = np.insert(ring[:, 0], broken, np.nan)
            axes.plot(np.insert(longitude, broken, np.nan), latitude, color=INK, lw=0.4, alpha=0.7)


def _west(longitude: Float64s) -> Float64s:
    """Return longitudes between -180 and 180."""
    return np.asarray((longitude + 180.0) % 360.0 - 180.0)
