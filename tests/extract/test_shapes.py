"""Which shapes are refused, and how they are written down."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.shapes import MAX_VERTICES, Box, Circle, Path, Points, Polygon, unrolled

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "points", [[], [(91, 0)], [(0, NAN)], [(0, 1, 2)], [0, 1], "north", [(0, 4000)], [(0, None)]]
)
def test_points_must_be_places(points):
    with pytest.raises(InvalidRequest):
        Points(points=points)


@pytest.mark.parametrize(
    "corners", [(10, 5, 0, 1), (-91, 0, 0, 1), (0, 1, NAN, 1), (0, 1, 0, INF), ("a", 1, 2, 3)]
)
def test_boxes_must_be_boxes(corners):
    with pytest.raises(InvalidRequest):
        Box(**dict(zip(("south", "north", "west", "east"), corners, strict=True)))


@pytest.mark.parametrize(
    "polygons",
    [
        (),
        ((),),
        (([(0, 0), (1, 1)],),),
        (([(0, 0), (1, 1), (2, NAN)],),),
        (([(0, 0), (1, 1), (100, 2)],),),
        7,
        ((3,),),
    ],
)
def test_polygons_must_be_polygons(polygons):
    with pytest.raises(InvalidRequest):
        Polygon(polygons=polygons)


def test_polygons_have_a_limit():
    many = np.zeros((MAX_VERTICES // 2 + 1, 2))
    with pytest.raises(InvalidRequest, match="at most"):
        Polygon.of_ring(many, many)


def test_a_polygon_keeps_its_own_copy():
    ring = np.array([(0.0, 0.0), (1, 1), (0, 1)])
    polygon = Polygon.of_ring(ring)
    ring[:] = 50
    assert polygon.polygons[0][0][1].tolist() == [1, 1]
    with pytest.raises(ValueError, match="read-only"):
        polygon.polygons[0][0][0, 0] = 3


def test_geojson_has_longitude_first_and_perhaps_heights():
    outer, hole = [[10, 50], [20, 50], [20, 60], [10, 50]], [[12, 51], [13, 51], [13, 52], [12, 51]]
    polygon = Polygon.of_geojson({"type": "Polygon", "coordinates": [outer, hole]})
    assert polygon.polygons[0][0][1].tolist() == [50, 20]
    assert polygon.n_vertices == 8
    several = Polygon.of_geojson(
        {"type": "MultiPolygon", "coordinates": [[outer, hole], [[[*v, 7] for v in hole]]]}
    )
    assert [len(rings) for rings in several.polygons] == [2, 1]


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": [[0, 1]]},
        {"type": "MultiPolygon", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [[[1], [2], [3]]]},
        {"type": "Polygon", "coordinates": []},
    ],
)
def test_other_geometries_are_refused(geometry):
    with pytest.raises(InvalidRequest):
        Polygon.of_geojson(geometry)


@pytest.mark.parametrize(
    "facts",
    [
        {"radius": -1},
        {"radius": NAN},
        {"radius": 361},
        {"radius": (1, 2, 3)},
        {"radius": 20_016, "metric": "km"},
        {"radius": (1, 2), "metric": "km"},
        {"radius": 1, "metric": "miles"},
        {"radius": 1, "centre": (91, 0)},
        {"radius": 1, "centre": 5},
    ],
)
def test_circles_must_be_circles(facts):
    with pytest.raises(InvalidRequest):
        Circle(**{"centre": (0, 0), **facts})


@pytest.mark.parametrize(
    "facts",
    [
        {"axes": ("latitude",)},
        {"axes": ("latitude", "longitude", "number"), "points": [(0, 0, 1)]},
        {"axes": ("latitude", "longitude", "longitude"), "points": [(0, 0, 1)]},
        {"points": []},
        {"points": [(0, 0, 0)]},
        {"points": [(95, 0)]},
        {"inflation": (1, 2, 3)},
        {"inflation": -1},
        {"inflation": 0, "inflate": "round"},
        {"inflate": "square"},
        {"inflation": "wide"},
    ],
)
def test_paths_must_be_paths(facts):
    with pytest.raises(InvalidRequest):
        Path(**{"axes": ("latitude", "longitude"), "points": [(0, 0), (1, 1)], "inflation": 1, **facts})


def test_a_path_knows_how_far_it_reaches():
    path = Path(
        axes=("step", "longitude", "latitude"), points=[(0, 170, 3), (6, -170, 5)], inflation=(0.5, 1, 2)
    )
    assert path.extent("step") == (-0.5, 6.5)
    assert path.extent("longitude") == (169, 191)
    assert path.extent("latitude") == (1, 7)
    assert path.half_width("longitude") == 1


def test_longitudes_are_unrolled_the_short_way():
    assert unrolled(np.array([170.0, -170, 170])).tolist() == [170, 190, 170]
    assert unrolled(np.array([0.0, 180, 0, -180])).tolist() == [0, 180, 0, -180]
    assert unrolled(np.array([10.0, 350, 340, 725])).tolist() == [10, -10, -20, 5]
    assert unrolled(np.array([5.0])).tolist() == [5]
