"""Which shapes are extracted?

The same for both sides, in degrees: latitude first. Polygons are wavy rings, so that no vertex is idle.
"""

import numpy as np

BOX = [[30.0, 10.0], [70.0, 50.0]]
FLIGHT_AXES = ("latitude", "longitude", "levelist", "step")
FLIGHT = [
    [49.01, 2.55, 1000.0, 0.0],
    [50.4, -3.0, 300.0, 1.0],
    [53.0, -25.0, 250.0, 4.0],
    [49.5, -55.0, 200.0, 7.0],
    [42.5, -70.0, 300.0, 9.0],
    [40.64, -73.78, 1000.0, 10.0],
]
FLIGHT_REACH = [0.1, 0.1, 25.0, 0.5]


def ring(n_vertices: int, radius: float) -> list[list[float]]:
    """Return a ring around 47 N, 8 E; not closed."""
    angle = np.linspace(0, 2 * np.pi, n_vertices, endpoint=False)
    wavy = radius * (1 + 0.2 * np.sin(5 * angle) + 0.08 * np.sin(23 * angle))
    return np.stack([47 + wavy * np.sin(angle), 8 + 1.4 * wavy * np.cos(angle)], axis=1).round(4).tolist()
