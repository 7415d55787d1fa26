"""Polygons of files: GeoJSON and ESRI's."""

import json
import struct

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.as_feature import as_feature
from dte_hpc.extract.countries import country
from dte_hpc.extract.feature import parse_feature
from dte_hpc.extract.find import find_points
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.shape_file import read_shape
from dte_hpc.extract.shapes import Box, Circle, Corridor, Path, Points, Polygon
from dte_hpc.grids import grid as grid_of_name

OUTER = [[-20.0, -20], [-20, 20], [20, 20], [20, -20], [-20, -20]]
HOLE = [[-7.0, -7], [7, -7], [7, 7], [-7, 7], [-7, -7]]
FAR = [[100.0, 40], [100, 60], [120, 60], [120, 40], [100, 40]]
GEOMETRY = {"type": "MultiPolygon", "coordinates": [[OUTER, HOLE], [FAR]]}


def record(number, kind, rings, extra=b""):
    edges = np.cumsum([0, *map(len, rings)])
    body = struct.pack("<i4dii", kind, 0, 0, 0, 0, len(rings), edges[-1])
    body += (
        edges[:-1].astype("<i4").tobytes()
        + np.array([v for ring in rings for v in ring], "<f8").tobytes()
        + extra
    )
    return struct.pack(">ii", number, len(body) // 2) + body


def shp(kind=5, records=None, magic=9994, version=1000):
    if records is None:
        records = [
            record(1, kind, [OUTER, HOLE]),
            struct.pack(">iii", 2, 2, 0),
            record(3, kind, [FAR], bytes(48)),
        ]
    body = b"".join(records)
    head = struct.pack(">i20xi", magic, (100 + len(body)) // 2) + struct.pack("<ii", version, kind)
    return head + bytes(100 - len(head)) + body


def points_in(shape):
    return find_points(shape, grid_of_name("2/2")).indices().tolist()


EXPECTED = points_in(Polygon.of_geojson(GEOMETRY))


@pytest.mark.parametrize("kind", [5, 15, 25])
def test_an_esri_shapefile(tmp_path, kind):
    path = tmp_path / "area.shp"
    path.write_bytes(shp(kind))
    path.with_suffix(".prj").write_text('GEOGCS["WGS 84"]')
    assert points_in(read_shape(path)) == EXPECTED


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no ESRI shapefile"),
        (shp(magic=9995), "no ESRI shapefile"),
        (shp(version=3), "version 3"),
        (shp(kind=1), "kind 1"),
        (shp()[:-30], "that its header says"),
        (shp(records=[]), "no polygon"),
        (shp(records=[record(1, 5, [OUTER])[:-8]]), "cut short"),
        (shp(records=[record(1, 5, [OUTER]), b"\0\0"]), "cut short"),
        (shp(records=[record(1, 8, [OUTER])]), "kind 8"),
        (shp(records=[record(1, 5, [OUTER[:2]])]), "expected"),
        (shp(records=[record(1, 5, [[[4e5, 5e6]] * 4])]), "latitude"),
        (
            shp(records=[struct.pack(">ii", 1, 24) + struct.pack("<i4dii", 5, 0, 0, 0, 0, 9, 99) + bytes(4)]),
            "99",
        ),
    ],
)
def test_a_damaged_shapefile_is_a_sentence(tmp_path, data, said):
    path = tmp_path / "area.shp"
    path.write_bytes(data)
    with pytest.raises(InvalidRequest, match=said):
        read_shape(path)


@pytest.mark.parametrize("seed", range(8))
def test_no_bytes_do_harm(tmp_path, seed):
    random, whole = np.random.default_rng(seed), np.frombuffer(shp(), np.uint8)
    for _ in range(40):
        data = whole.copy()
        data[random.integers(0, data.size, 3)] = random.integers(0, 256, 3)
        path = tmp_path / "area.shp"
        path.write_bytes(data.tobytes()[: random.integers(1, data.size + 1)])
        try:
            read_shape(path)
        except InvalidRequest:
            continue


def test_projected_large_and_strange_files_are_refused(tmp_path):
    path = tmp_path / "area.shp"
    path.write_bytes(shp())
    with pytest.raises(InvalidRequest, match="vertices"):
        read_shape(path, Limits(vertices=6))
    with pytest.raises(InvalidRequest, match="larger than 300 bytes"):
        read_shape(path, Limits(request_bytes=300))
    path.with_suffix(".prj").write_text('PROJCS["ETRS89 / LAEA"]')
    with pytest.raises(InvalidRequest, match="projected"):
        read_shape(path)
    with pytest.raises(InvalidRequest, match=r"expected \.shp"):
        read_shape(tmp_path / "area.kml")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_shape(tmp_path / "none.geojson")


@pytest.mark.parametrize(
    "node",
    [
        GEOMETRY,
        {"type": "Feature", "geometry": GEOMETRY, "properties": {"name": "here"}},
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [OUTER, HOLE]}},
                {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [FAR]}},
            ],
        },
        {"type": "GeometryCollection", "geometries": [GEOMETRY]},
    ],
)
def test_geojson_of_a_file_and_inline(tmp_path, node):
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps(node))
    assert points_in(read_shape(path)) == EXPECTED
    for kind in ("geojson", "shapefile"):
        feature = parse_feature({"type": kind, "geojson": node}, Limits())
        assert points_in(feature.shape) == EXPECTED


@pytest.mark.parametrize(
    ("feature", "place"),
    [
        ({"type": "shapefile", "file": "/etc/passwd"}, r"\$.feature.file: .* --shape FILE"),
        ({"type": "geojson", "path": "x.shp"}, r"\$.feature.path"),
        ({"type": "geojson"}, r"\$.feature: "),
        (
            {"type": "geojson", "geojson": {"type": "Point", "coordinates": [1, 2]}},
            r"\$.feature.geojson: .*'Point'",
        ),
        ({"type": "geojson", "geojson": {"type": "FeatureCollection", "features": [3]}}, r"features\[0\]"),
        ({"type": "geojson", "geojson": {"type": "FeatureCollection", "features": []}}, "at least one"),
        (
            {"type": "geojson", "geojson": {"type": "Polygon", "coordinates": [[[1, 91], [2, 3], [3, 4]]]}},
            "latitude",
        ),
    ],
)
def test_what_is_no_polygon_is_refused(feature, place):
    with pytest.raises(InvalidRequest, match=place):
        parse_feature(feature, Limits())


def test_geojson_without_end_is_refused():
    node = GEOMETRY
    for _ in range(50):
        node = {"type": "GeometryCollection", "geometries": [node]}
    with pytest.raises(InvalidRequest, match="nested"):
        parse_feature({"type": "geojson", "geojson": node}, Limits())
    with pytest.raises(InvalidRequest, match="vertices"):
        parse_feature({"type": "geojson", "geojson": GEOMETRY}, Limits(vertices=10))


@pytest.mark.parametrize(
    "shape",
    [
        Points(points=[[10, 20], [-30, 400]]),
        Box(south=-5, north=40, west=350, east=20),
        Box(south=-5, north=40, west=-20, east=340),
        Circle(centre=(10, 20), radius=(5.0, 9.0)),
        Circle(centre=(80, 20), radius=900.0, metric="km"),
        Polygon.of_geojson(GEOMETRY),
        country("FR"),
        Path(axes=("longitude", "latitude"), points=[[0, 0], [40, 30]], inflation=[2, 3], inflate="round"),
        Corridor(points=[[0, 0], [40, 30]], radius_km=300),
        country("FR") - Circle(centre=(46, 2), radius=2) | Box(south=0, north=5, west=0, east=5),
    ],
)
def test_a_shape_is_a_feature(shape):
    feature = parse_feature(json.loads(json.dumps(as_feature(shape))), Limits())
    assert points_in(feature.shape) == points_in(shape)
    assert points_in(shape)
