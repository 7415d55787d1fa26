"""Where does a conformal projection put a circle of latitude?

By the number t = tan(45° - latitude / 2) and its likes on an ellipsoid (Snyder 1987, "Map Projections: A
Working Manual", USGS Professional Paper 1395, equations 15-9, 14-15 and 7-9): the radius of a circle of
latitude is proportional to a power of t on a cone, and its distance from the equator to -log t on a
cylinder.
"""

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
STEPS = 12


def isometric(latitude: Float64s, eccentricity: float) -> Float64s:
    """Return t of latitudes in degrees: 0 at the north pole, 1 on the equator."""
    phi = np.radians(latitude)
    bent = eccentricity * np.sin(phi)
    t: Float64s = np.tan(np.pi / 4 - phi / 2) / ((1 - bent) / (1 + bent)) ** (eccentricity / 2)
    return t


def latitude_of(t: Float64s, eccentricity: float) -> Float64s:
    """Return the latitude, degrees, at which `isometric` is t."""
    phi = np.pi / 2 - 2 * np.arctan(t)
    if eccentricity:
        for _ in range(STEPS):
            bent = eccentricity * np.sin(phi)
            phi = np.pi / 2 - 2 * np.arctan(t * ((1 - bent) / (1 + bent)) ** (eccentricity / 2))
    return np.degrees(phi)


def parallel_radius(latitude: Float64s, eccentricity: float) -> Float64s:
    """Return the radius of a circle of latitude, as a share of the equator's."""
    phi = np.radians(latitude)
    radius: Float64s = np.cos(phi) / np.sqrt(1 - (eccentricity * np.sin(phi)) ** 2)
    return radius
