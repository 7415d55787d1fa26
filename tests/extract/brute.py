"""Which points lie in a shape, by asking every point: random shapes, and their predicates written anew.

A predicate returns of every point a depth: how far inside the shape it is (negative: outside), in degrees
or another measure that is 0 on the border. What is found must agree wherever the depth is more than rounding.
"""

import itertools

import numpy as np

from dte_hpc.extract.shapes import EARTH_RADIUS_KM, Box, Circle, Path, Polygon

MARGIN = 1e-7
KINDS = (
    "box", "seam box", "tiny box", "belt", "ellipse", "circle", "polar circle", "star", "tiny star",
    "crossing", "touching", "holes", "parts", "cap", "path", "round path",
)  # fmt: skip


def random_shape(kind, random, around):
    """Return a shape of a kind, near one of the places `around` (n, 2) two times in three."""
    lat, lon = around[random.integers(len(around))] if random.random() < 0.67 else anywhere(random)
    lat, lon = float(lat), float(lon) + 360 * int(random.integers(-1, 2))
    return MAKERS[kind](random, lat, lon)


def anywhere(random):
    """Return a place, often at a pole or the seam."""
    lat = random.choice(
        [random.uniform(-90, 90), random.uniform(85, 90), random.uniform(-90, -85), 90, -90, 0]
    )
    return float(lat), random.choice([random.uniform(-180, 360), 0, 180, -180, random.uniform(-2, 2), 359.99])


def within(lat):
    return float(np.clip(lat, -90, 90))


def box(random, lat, lon, size=None):
    height, width = size or random.choice([0.5, 5, 40, 170]) * random.uniform(0.1, 1, 2)
    return Box(south=within(lat - height / 2), north=within(lat + height / 2), west=lon, east=lon + width)


def seam_box(random, lat, lon):
    west = 360 * int(random.integers(-1, 2)) - random.uniform(0, 30)
    made = box(random, lat, west)
    return Box(south=made.south, north=made.north, west=west, east=west - 360 + random.uniform(1, 300))


def belt(random, lat, lon):
    made = box(random, lat, lon)
    return Box(south=made.south, north=made.north, west=lon, east=lon + random.choice([359.5, 360, 400]))


def ellipse(random, lat, lon):
    return Circle(centre=(lat, lon), radius=tuple(random.choice([0.3, 4, 60]) * random.uniform(0.1, 1, 2)))


def circle(random, lat, lon):
    radius = random.choice([30, 500, 5000, 20_000]) * random.uniform(0.1, 1)
    return Circle(centre=(lat, lon), radius=float(radius), metric="km")


def polar_circle(random, lat, lon):
    lat = random.choice([-1, 1]) * (90 - random.choice([0, random.uniform(0, 8)]))
    return circle(random, lat, lon)


def star_ring(random, lat, lon, size):
    n = int(random.integers(3, 24))
    turn = np.sort(random.uniform(0, 2 * np.pi, n))
    reach = size * random.uniform(0.15, 1, n)
    return np.stack([np.clip(lat + reach * np.sin(turn), -90, 90), lon + 1.5 * reach * np.cos(turn)], axis=1)


def star(random, lat, lon):
    return Polygon.of_ring(star_ring(random, lat, lon, random.choice([1, 10, 55])))


def tiny_star(random, lat, lon):
    return Polygon.of_ring(star_ring(random, lat, lon, random.choice([1e-5, 1e-3, 0.05])))


def crossing(random, lat, lon):
    size = random.choice([1, 10, 50])
    places = random.uniform(-size, size, (int(random.integers(4, 15)), 2)) + np.array([lat, lon])
    return Polygon.of_ring(np.stack([np.clip(places[:, 0], -90, 90), places[:, 1]], axis=1))


def touching(random, lat, lon):
    """A ring that passes through one of its vertices twice, and along one edge twice."""
    lat = float(np.clip(lat, -70, 70))
    loops = [star_ring(random, lat, lon, 12) for _ in range(2)]
    spur = np.array([[lat + 14, lon + 3.0], [lat + 18, lon + 5.0], [lat + 14, lon + 3.0]])
    middle = np.array([[lat, lon]])
    return Polygon.of_ring(np.concatenate([middle, loops[0], middle, loops[1], spur]))


def holes(random, lat, lon):
    lat, size = float(np.clip(lat, -60, 60)), random.choice([2, 20])
    inner = [
        star_ring(random, lat + size / 8, lon + size / 8, size / 3) for _ in range(int(random.integers(1, 4)))
    ]
    ring = np.array(
        [[lat - size, lon - size], [lat - size, lon + size], [lat + size, lon + size / 2], [lat, lon - size]]
    )
    return Polygon.of_ring(ring, *inner)


def parts(random, lat, lon):
    rings = [
        star_ring(random, within(lat + random.uniform(-9, 9)), lon + 30 * k * random.random(), 9)
        for k in range(4)
    ]
    return Polygon(polygons=tuple((ring,) for ring in rings))


def cap(random, lat, lon):
    """A ring once round a pole."""
    pole = 1 if lat >= 0 else -1
    n = int(random.integers(4, 20))
    lons = lon + 360 / n * (np.arange(n) + random.uniform(-0.2, 0.2, n))
    return Polygon.of_ring(np.stack([pole * random.uniform(30, 88, n), lons], axis=1))


def path(random, lat, lon, inflate="box"):
    n = int(random.integers(1, 5))
    steps = random.choice([0.5, 8]) * random.uniform(-1, 1, (n, 2))
    points = np.cumsum(np.concatenate([np.array([[lat, lon]]), steps]), axis=0)[:n]
    points[:, 0] = np.clip(points[:, 0], -90, 90)
    return Path(
        axes=("latitude", "longitude"), points=points, inflation=random.uniform(0.2, 4, 2), inflate=inflate
    )


MAKERS = {
    "box": box,
    "seam box": seam_box,
    "tiny box": lambda random, lat, lon: box(random, lat, lon, (1e-3, 1e-3)),
    "belt": belt,
    "ellipse": ellipse,
    "circle": circle,
    "polar circle": polar_circle,
    "star": star,
    "tiny star": tiny_star,
    "crossing": crossing,
    "touching": touching,
    "holes": holes,
    "parts": parts,
    "cap": cap,
    "path": path,
    "round path": lambda random, lat, lon: path(random, lat, lon, "round"),
}


def depth_of(shape, lat, lon):
    """Return the depth of every point."""
    match shape:
        case Box():
            return box_depth(shape, lat, lon)
        case Circle(metric="degrees"):
            share = ((lat - shape.centre[0]) / shape.radii[0]) ** 2
            turns = [
                ((lon - shape.centre[1] + 360 * turn) / shape.radii[1]) ** 2
                for turn in turns_of(shape.centre[1])
            ]
            return (1 - share - np.min(turns, axis=0)) * min(shape.radii)
        case Circle():
            return circle_depth(shape, lat, lon)
        case Polygon():
            return np.max([part_depth(rings, lat, lon) for rings in shape.polygons], axis=0)
        case Path():
            return path_depth(shape, lat, lon)


def turns_of(longitude):
    """Return the turns by which grid longitudes (-180 to 720) may be off from a shape's."""
    first = int(np.floor((longitude - 1080) / 360))
    return range(first, first + 7)


def box_depth(shape, lat, lon):
    east = shape.east
    while east < shape.west:
        east += 360
    half = (east - shape.west) / 2
    away = np.abs((lon - shape.west - half + 180) % 360 - 180)
    eastward = np.full(lon.size, 360.0) if half >= 180 else half - away
    return np.minimum(eastward, np.minimum(lat - shape.south, shape.north - lat))


def vectors(lat, lon):
    lat, lon = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def circle_depth(shape, lat, lon):
    places, centre = vectors(lat, lon), vectors(*shape.centre)
    angle = np.arctan2(np.linalg.norm(np.cross(places, centre), axis=-1), places @ centre)
    return np.degrees(shape.radius / EARTH_RADIUS_KM - angle)


def closed(ring):
    """Return a ring closed, each step of longitude the shorter way: (n + 1, 2)."""
    ring = np.array([*ring, ring[0]])
    ring[1:, 1] = ring[0, 1] + np.cumsum((np.diff(ring[:, 1]) + 180) % 360 - 180)
    return ring


def part_depth(rings, lat, lon):
    """Return the depth in one polygon: even-odd over its rings, by the distance to its nearest edge."""
    inside = np.zeros(lat.size, bool)
    distance = np.full(lat.size, np.inf)
    for ring in map(closed, rings):
        wound = round((ring[-1, 1] - ring[0, 1]) / 360)
        if wound:  # round a pole: the way back is along the pole's own row
            pole = 90.0 if ring[:-1, 0].sum() >= 0 else -90.0
            pole *= 2  # beyond it, so that no point is on the way
            ring = np.concatenate([ring, [[pole, ring[-1, 1]], [pole, ring[0, 1]]], ring[:1]])
        for turn in turns_of(ring[:, 1].min()):
            moved = lon + 360.0 * turn
            low, high = ring[:, 1].min() - 1, ring[:, 1].max() + 1
            near = np.flatnonzero((moved >= low) & (moved <= high))
            if near.size:
                inside[near] ^= ring_parity(ring, lat[near], moved[near])
                edges = itertools.pairwise(ring[: len(ring) - 3] if wound else ring)
                for edge in edges:
                    distance[near] = np.minimum(distance[near], edge_distance(edge, lat[near], moved[near]))
    return np.where(inside, distance, -distance)


def ring_parity(ring, lat, lon):
    parity = np.zeros(lat.size, bool)
    for (lat_a, lon_a), (lat_b, lon_b) in itertools.pairwise(ring):
        if lat_a != lat_b:
            crosses = (lat_a > lat) != (lat_b > lat)
            parity ^= crosses & (lon < lon_a + (lat - lat_a) * (lon_b - lon_a) / (lat_b - lat_a))
    return parity


def edge_distance(edge, lat, lon):
    (lat_a, lon_a), (lat_b, lon_b) = edge
    square = (lat_b - lat_a) ** 2 + (lon_b - lon_a) ** 2
    t = ((lat - lat_a) * (lat_b - lat_a) + (lon - lon_a) * (lon_b - lon_a)) / (square or 1)
    t = np.clip(t, 0, 1)
    return np.hypot(lat - lat_a - t * (lat_b - lat_a), lon - lon_a - t * (lon_b - lon_a))


def path_depth(shape, lat, lon):
    """Return 1 less the least gauge of the swept shape along the path, by golden sections."""
    starts = shape.points[: max(len(shape.points) - 1, 1)]
    moves = np.diff(shape.points, axis=0) if len(shape.points) > 1 else np.zeros_like(starts)
    least = np.full(lat.size, np.inf)
    for start, move in zip(starts, moves, strict=True):
        for turn in turns_of(start[1]):
            gaps = np.stack([lat, lon + 360.0 * turn], axis=1) - start
            reach = np.abs(move) + 1.01 * shape.inflation
            near = np.flatnonzero((np.abs(gaps) <= reach).all(axis=1))
            if near.size:
                gauge = least_gauge(shape.inflate, gaps[near], move, shape.inflation)
                least[near] = np.minimum(least[near], gauge)
    return 1 - least


def least_gauge(inflate, gaps, move, widths):
    def gauge(t):
        scaled = (gaps - t[:, None] * move) / widths
        return np.abs(scaled).max(axis=1) if inflate == "box" else np.sqrt((scaled**2).sum(axis=1))

    low, high = np.zeros(len(gaps)), np.ones(len(gaps))
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(45):
        left, right = high - golden * (high - low), low + golden * (high - low)
        lower = gauge(left) < gauge(right)
        low, high = np.where(lower, low, left), np.where(lower, right, high)
    return np.min([gauge((low + high) / 2), gauge(np.zeros(len(gaps))), gauge(np.ones(len(gaps)))], axis=0)
