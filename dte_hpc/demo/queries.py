"""What is asked of the extraction ranks?

A flight from Paris to New York in latitude, longitude, level and step; a time series where the bell
passes; the daily mean over a country. Each is JSON as Polytope's users send it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dte_hpc.demo import solid_body
from dte_hpc.demo.model import Run

PARIS, NEW_YORK = (49.01, 2.55), (40.64, -73.78)
SHANNON = (52.70, -8.92)
COUNTRY = "France"
DEPARTURE_HOUR, ARRIVAL_HOUR = 8.0, 16.0
CRUISE_HPA = 250.0
INFLATION = [0.3, 0.3, 25.0, 0.5]  # degrees, degrees, hPa, hours: half-widths of the box swept along the path
MEAN_OF = {solid_body.TEMPERATURE: 235130}  # the paramId of a parameter's time mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question.

    Attributes
    ----------
    name : str
        For the table and the files.
    title : str
        What it asks, in words.
    parameter : int
        Of `solid_body`, whose closed form the answer must have.
    daily_mean : bool
        Whether values are means over the steps 1 to 24.
    request : dict
        The JSON.
    """

    name: str
    title: str
    parameter: int
    daily_mean: bool = False
    request: dict[str, Any]


def queries(run: Run) -> tuple[Query, ...]:
    """Return the three questions for a run."""
    common = {
        "class": "rd",
        "expver": "demo",
        "stream": "oper",
        "type": "fc",
        "date": str(run.date),
        "time": "0000",
        "levtype": "pl",
        "grid": run.grid,
    }
    return (_flight(common), _series(common, run), _country(common))


def _flight(common: dict[str, str]) -> Query:
    feature = {
        "type": "trajectory",
        "points": flight_path(),
        "axes": ["latitude", "longitude", "levelist", "step"],
        "inflation": INFLATION,
        "inflate": "box",
    }
    return Query(
        name="flight",
        title="temperature on a flight from Paris to New York",
        parameter=solid_body.TEMPERATURE,
        request={**common, "param": str(solid_body.TEMPERATURE), "feature": feature},
    )


def _series(common: dict[str, str], run: Run) -> Query:
    feature = {
        "type": "timeseries",
        "points": [list(SHANNON)],
        "time_axis": "step",
        "range": {"start": 0, "end": run.n_hours},
    }
    wanted = {"param": str(solid_body.SPECIFIC_HUMIDITY), "levelist": "500"}
    return Query(
        name="series",
        title="specific humidity at 500 hPa over Shannon",
        parameter=solid_body.SPECIFIC_HUMIDITY,
        request={**common, **wanted, "feature": feature},
    )


def _country(common: dict[str, str]) -> Query:
    mean = MEAN_OF[solid_body.TEMPERATURE]
    wanted = {"param": str(mean), "levelist": "850", "step": "24", "timespan": "24h"}
    return Query(
        name="country",
        title=f"daily-mean temperature at 850 hPa over {COUNTRY}",
        parameter=solid_body.TEMPERATURE,
        daily_mean=True,
        request={**common, **wanted, "feature": {"type": "country", "country": COUNTRY}},
    )


def flight_path(n_legs: int = 16) -> list[list[float]]:
    """Return nodes [latitude, longitude, hPa, hours] of a great-circle flight: climb, cruise, descent."""
    share = np.linspace(0.0, 1.0, n_legs + 1)
    start, end = (solid_body.Points.at(np.array([p[0]]), np.array([p[1]])) for p in (PARIS, NEW_YORK))
    a, b = (np.concatenate([p.x, p.y, p.z]) for p in (start, end))
    angle = np.arccos(np.dot(a, b))
    arc = (np.outer(np.sin((1 - share) * angle), a) + np.outer(np.sin(share * angle), b)) / np.sin(angle)
    latitude, longitude = np.rad2deg(np.arcsin(arc[:, 2])), np.rad2deg(np.arctan2(arc[:, 1], arc[:, 0]))
    climb = np.interp(share, [0.0, 1 / 8, 7 / 8, 1.0], [1000.0, CRUISE_HPA, CRUISE_HPA, 1000.0])
    hours = DEPARTURE_HOUR + (ARRIVAL_HOUR - DEPARTURE_HOUR) * share
    nodes: list[list[float]] = np.round(np.stack([latitude, longitude, climb, hours], axis=1), 4).tolist()
    return nodes
