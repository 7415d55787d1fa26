"""Which rectangle of a plane holds a sector between two circles about the origin, and two rays from it?"""

import numpy as np

from dte_hpc.grids.protocol import Float64s


def rectangle_around(radii: Float64s, angles: Float64s) -> tuple[Float64s, Float64s]:
    """Return the least and greatest x = r sin a and y = -r cos a of sectors.

    Parameters
    ----------
    radii, angles : float64, shape (2, n)
        The ends of each sector in either order; radii may be negative, angles are radians.

    Returns
    -------
    x, y : float64, shape (2, n)
    """
    low, high = angles.min(axis=0), angles.max(axis=0)
    sines = _waves(low, high, np.sin(low), np.sin(high), np.pi / 2)
    cosines = _waves(low, high, np.cos(low), np.cos(high), 0.0)
    return _products(radii, sines), _products(-radii, cosines)


def circle_boxes(
    latitude: Float64s, longitude: Float64s, reach: Float64s
) -> tuple[Float64s, Float64s, Float64s, Float64s]:
    """Return south, north, west, east of circles on the sphere, their radii in degrees."""
    away = np.abs(latitude) + reach < 90
    share = np.sin(np.radians(reach)) / np.cos(np.radians(latitude))
    half = np.where(away, np.degrees(np.arcsin(np.where(away, share, 0.0))) * (1 + 1e-9) + 1e-9, 180.0)
    south, north = np.maximum(latitude - reach, -90.0), np.minimum(latitude + reach, 90.0)
    return south, north, longitude - half, longitude + half


def _waves(low: Float64s, high: Float64s, at_low: Float64s, at_high: Float64s, crest: float) -> Float64s:
    """Return least and greatest of a sine wave between two angles, given where its crest is."""
    has_crest, has_trough = (
        np.floor((high - at) / (2 * np.pi)) >= np.ceil((low - at) / (2 * np.pi))
        for at in (crest, crest + np.pi)
    )
    least = np.where(has_trough, -1.0, np.minimum(at_low, at_high))
    return np.stack([least, np.where(has_crest, 1.0, np.maximum(at_low, at_high))])


def _products(first: Float64s, second: Float64s) -> Float64s:
    """Return least and greatest product of numbers from two ranges."""
    products = first[:, None] * second[None]
    return np.stack([products.min(axis=(0, 1)), products.max(axis=(0, 1))])
