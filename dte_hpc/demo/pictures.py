"""What do the answers look like?

Three pictures: a map with the flight on it, the time series beside its closed form, and the points of the
country.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.decode import decode
from dte_hpc.demo import solid_body
from dte_hpc.demo.plan import COARSE
from dte_hpc.demo.queries import COUNTRY, CRUISE_HPA, Query
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.picture import INK, SEA, coast, figure, outline, west
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid

Float64s = NDArray[np.float64]
MAP_STEP = 12


def draw_flight(path: Path, query: Query, answer: Answer, store: FDB) -> None:
    """Draw the flight's points over the stored 1° temperature at cruising level, halfway."""
    picture, (axes,) = figure(11.0, 5.2)
    longitude, latitude, background = _coarse_map(store, query)
    shade = axes.pcolormesh(longitude, latitude, background, cmap="RdYlBu_r", shading="nearest", alpha=0.85)
    picture.colorbar(shade, label=f"temperature at {CRUISE_HPA:.0f} hPa, step {MAP_STEP} h (K)", pad=0.015)
    coast(axes)
    columns = answer.point_columns()
    points = axes.scatter(
        west(columns["longitude"]), columns["latitude"], c=columns["step"], s=4, cmap="viridis", zorder=3
    )
    picture.colorbar(points, label="hours since the start, along the flight", pad=0.02)
    axes.set(xlim=(-100, 40), ylim=(15, 75), xlabel="longitude (°E)", ylabel="latitude (°N)")
    axes.set_title(f"{query.title}: {answer.account.points} points of {answer.n_fields} fields")
    picture.savefig(path)


def draw_series(path: Path, query: Query, answer: Answer, truth: Float64s) -> None:
    """Draw the extracted series as dots on its closed form."""
    picture, (axes,) = figure(8.0, 4.2)
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
    picture.savefig(path)


def draw_country(path: Path, query: Query, answer: Answer) -> None:
    """Draw the extracted points inside the country's outline."""
    picture, (axes,) = figure(7.2, 6.2)
    longitude = west(answer.longitude)
    near = (longitude > -8) & (longitude < 12) & (answer.latitude > 40)
    points = axes.scatter(
        longitude[near], answer.latitude[near], c=answer.values[near], s=14, cmap="RdYlBu_r"
    )
    picture.colorbar(points, label="K", pad=0.02)
    coast(axes)
    for ring in outline(COUNTRY):
        axes.plot(west(ring[:, 1]), ring[:, 0], color=INK, lw=1.4)
    axes.set(xlim=(-8, 12), ylim=(40.5, 52), xlabel="longitude (°E)", ylabel="latitude (°N)")
    axes.set_aspect(1.45)
    axes.set_title(f"{query.title}\n{answer.account.points} points in all, overseas included")
    picture.savefig(path)


def _coarse_map(store: FDB, query: Query) -> tuple[Float64s, Float64s, Float64s]:
    wanted: dict[str, Any] = {k: v for k, v in query.request.items() if k != "feature"}
    wanted |= {"grid": COARSE, "levelist": f"{CRUISE_HPA:.0f}", "step": str(MAP_STEP)}
    listing = store.inspect(wanted)
    values = decode(listing.message(0))
    latitudes, longitudes = grid(COARSE).coordinates()
    n_rows = np.unique(latitudes).size
    latitude, longitude = latitudes.reshape(n_rows, -1)[:, 0], longitudes.reshape(n_rows, -1)[0]
    order = np.argsort(west(longitude))
    return west(longitude)[order], latitude, values.reshape(latitude.size, -1)[:, order]
