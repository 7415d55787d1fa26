"""What is the exact answer?

Tracers carried round the sphere by a solid-body rotation keep their shape, so their value at any
place and time is known in closed form: a cosine bell of radius one third of the Earth's, carried as in
Williamson et al. (1992), J. Comput. Phys. 102, 211-224, test case 1, equations (75) to (80), and beside
it a wave number one, which the same rotation carries.
The axis is tilted by `TILT` from the pole, so the bell does not follow a circle of latitude, and each
pressure level turns at its own speed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EARTH_RADIUS_METRES = 6.37122e6
BELL_RADIUS = 1.0 / 3.0  # radians: a/3 over a
TILT = np.deg2rad(20.0)
BELL_START = (np.deg2rad(38.0), np.deg2rad(300.0))  # latitude and longitude of the bell at step 0
PERIOD_DAYS_AT_THE_GROUND = 12.0
TEMPERATURE, SPECIFIC_HUMIDITY, EASTWARD_WIND = 130, 133, 131
PARAMETERS = (TEMPERATURE, SPECIFIC_HUMIDITY, EASTWARD_WIND)
LEVELS = (1000, 850, 500, 300, 250)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Places on the unit sphere, as Cartesian coordinates of shape (n,)."""

    x: Array
    y: Array
    z: Array

    @classmethod
    def at(cls, latitude: Array, longitude: Array) -> "Points":
        """Return the points at latitudes and longitudes in degrees."""
        phi, lam = np.deg2rad(latitude), np.deg2rad(longitude)
        return cls(np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi))

    def along(self, direction: Array) -> Array:
        """Return the cosine of the angle between each point and a unit vector."""
        return np.asarray(self.x * direction[0] + self.y * direction[1] + self.z * direction[2])


def value(parameter: int, level: int, step_hours: float, points: Points) -> Array:
    """Return a parameter's exact values, shape (n,): K, kg kg**-1 or m s**-1.

    Parameters
    ----------
    parameter : int
        One of `PARAMETERS`.
    level : int
        Pressure in hPa.
    step_hours : float
        Hours since the start.
    points : Points
        Where.
    """
    angle = angular_speed(level) * step_hours * 3600.0
    if parameter == TEMPERATURE:
        wave = points.along(_turned(_unit(np.deg2rad(60.0), 0.0), angle))
        return _background_kelvin(level) + 12.0 * wave + 15.0 * _bell(points, angle)
    if parameter == SPECIFIC_HUMIDITY:
        return 0.02 * (level / 1000.0) ** 3 * _bell(points, angle)
    if parameter == EASTWARD_WIND:
        return _eastward_wind(level, points)
    raise ValueError(f"parameter {parameter}; expected one of {PARAMETERS}")


def angular_speed(level: int) -> float:
    """Return a level's rotation in radians a second: a turn in 12 days at 1000 hPa, in 3 at 0 hPa."""
    period_days = 3.0 + (PERIOD_DAYS_AT_THE_GROUND - 3.0) * level / 1000.0
    return float(2.0 * np.pi / (period_days * 86400.0))


def _bell(points: Points, angle: float) -> Array:
    distance = np.arccos(np.clip(points.along(_turned(_unit(*BELL_START), angle)), -1.0, 1.0))
    inside = np.minimum(distance, BELL_RADIUS)
    return 0.5 * (1.0 + np.cos(np.pi * inside / BELL_RADIUS))


def _eastward_wind(level: int, points: Points) -> Array:
    # velocity = axis x position, times the speed; its part along the unit vector to the east
    axis = _axis()
    across = np.hypot(points.x, points.y)
    safe = np.where(across > 1e-12, across, 1.0)
    east = axis[2] * across - points.z * (axis[0] * points.x + axis[1] * points.y) / safe
    return EARTH_RADIUS_METRES * angular_speed(level) * np.where(across > 1e-12, east, 0.0)


def _background_kelvin(level: int) -> float:
    return float(288.0 * (level / 1000.0) ** 0.19)


def _axis() -> Array:
    return np.array([-np.sin(TILT), 0.0, np.cos(TILT)])


def _unit(latitude: float, longitude: float) -> Array:
    return np.array(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )


def _turned(vector: Array, angle: float) -> Array:
    """Return a vector turned about the axis (Rodrigues' rotation formula)."""
    axis = _axis()
    return np.asarray(
        vector * np.cos(angle)
        + np.cross(axis, vector) * np.sin(angle)
        + axis * (axis[0] * vector[0] + axis[1] * vector[1] + axis[2] * vector[2]) * (1.0 - np.cos(angle))
    )
