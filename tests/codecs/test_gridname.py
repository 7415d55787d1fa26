"""A message's grid has a name, and the name's points are where ecCodes' iterator puts its values."""

import itertools

import eccodes
import numpy as np
import pytest

from dte_hpc.codecs.decode import grid_name
from dte_hpc.grids import grid
from dte_hpc.grids.unstructured import write_points

AREA = {"Ni": 13, "Nj": 9, "iDirectionIncrementInDegrees": 2.5, "jDirectionIncrementInDegrees": 1.5}
MODES = [128, 64, 32, 16, 0]


def message(sample, keys, n_points=None):
    """Return a GRIB message whose values are the numbers of its points."""
    handle = eccodes.codes_grib_new_from_samples(sample)
    try:
        for key, value in keys.items():
            if isinstance(value, np.ndarray):
                eccodes.codes_set_array(handle, key, value)
            else:
                eccodes.codes_set(handle, key, value)
        if n_points is None:
            n_points = eccodes.codes_get(handle, "Ni") * eccodes.codes_get(handle, "Nj")
        eccodes.codes_set(handle, "bitsPerValue", 32)
        eccodes.codes_set_values(handle, np.arange(n_points, dtype=float))
        return eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)


def iterated(data):
    """Return latitude, longitude and value of every point, as ecCodes iterates: float64, shape (n, 3)."""
    handle = eccodes.codes_new_from_message(data)
    iterator = eccodes.codes_grib_iterator_new(handle, 0)
    points = []
    while point := eccodes.codes_grib_iterator_next(iterator):
        points.append(point)
    eccodes.codes_grib_iterator_delete(iterator)
    eccodes.codes_release(handle)
    return np.array(points)


def apart(lat_a, lon_a, lat_b, lon_b):
    """Return the greatest distance between pairs of places, degrees of arc."""
    (a, b), (c, d) = np.radians([lat_a, lon_a]), np.radians([lat_b, lon_b])
    half = np.sin((a - c) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((b - d) / 2) ** 2
    return float(np.degrees(2 * np.arcsin(np.sqrt(half))).max())


def named_alike(data, within):
    """Return the grid of a message's name after its points were compared with the iterator's."""
    name = grid_name(data)
    assert name is not None
    found = grid(name)
    assert found.name == name
    points = iterated(data)
    index = np.round(points[:, 2]).astype(int)
    assert sorted(index.tolist()) == list(range(found.n_points))
    assert apart(*found.coordinates_of(index), points[:, 0], points[:, 1]) < within
    return found


def edges(flags, north=40.0, south=28.0, west=-10.0, east=20.0):
    """Return the keys of the corners of an area, first and last as flags scan it."""
    first_lat, last_lat = (south, north) if flags & 64 else (north, south)
    first_lon, last_lon = (east, west) if flags & 128 else (west, east)
    return {
        "latitudeOfFirstGridPointInDegrees": first_lat,
        "longitudeOfFirstGridPointInDegrees": first_lon % 360,
        "latitudeOfLastGridPointInDegrees": last_lat,
        "longitudeOfLastGridPointInDegrees": last_lon % 360,
        "scanningMode": flags,
    }


FLAGS = [sum(bits) for n in range(4) for bits in itertools.combinations((128, 64, 32), n)]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("edition", [1, 2])
def test_a_local_regular_grid_in_every_scanning_mode(edition, flags):
    data = message(f"regular_ll_sfc_grib{edition}", {**AREA, **edges(flags)})
    found = named_alike(data, 1e-5)
    assert found.name == "2.5/1.5/40/-10/28/20" + (f"/scan/{flags}" if flags else "")


@pytest.mark.parametrize("flags", [16, 80, 144, 208])
def test_a_local_regular_grid_whose_rows_alternate(flags):
    # ecCodes' iterator takes no notice of alternating rows on this grid: these points are drawn by hand
    data = message("regular_ll_sfc_grib2", {**AREA, **edges(flags)})
    lat, lon = grid(grid_name(data)).coordinates()
    lats = np.linspace(40, 28, 9)[:: -1 if flags & 64 else 1]
    lons = np.linspace(-10, 20, 13)[:: -1 if flags & 128 else 1]
    np.testing.assert_allclose(lat.reshape(9, 13), np.repeat(lats[:, None], 13, axis=1))
    np.testing.assert_allclose(lon.reshape(9, 13)[::2], np.repeat(lons[None], 5, axis=0), atol=1e-12)
    np.testing.assert_allclose(lon.reshape(9, 13)[1::2], np.repeat(lons[None, ::-1], 4, axis=0), atol=1e-12)


def test_a_local_regular_grid_whose_columns_alternate():
    data = message("regular_ll_sfc_grib2", {**AREA, **edges(48)})
    lat, lon = grid(grid_name(data)).coordinates()
    lats = np.linspace(40, 28, 9)
    np.testing.assert_allclose(lat.reshape(13, 9)[:2], [lats, lats[::-1]])
    np.testing.assert_allclose(lon.reshape(13, 9)[:, 0], np.linspace(-10, 20, 13), atol=1e-12)


@pytest.mark.parametrize("flags", [0, 64])
def test_a_global_regular_grid_to_its_last_row(flags):
    keys = {
        "Ni": 72, "Nj": 37, "iDirectionIncrementInDegrees": 5, "jDirectionIncrementInDegrees": 5,
        **edges(flags, 90, -90, 0, 355),
    }  # fmt: skip
    found = named_alike(message("regular_ll_sfc_grib2", keys), 1e-9)
    assert found.name == "5/5" + ("/scan/64" if flags else "")
    assert set(found.coordinates()[0][[0, -1]]) == {-90, 90}


def test_a_regular_grid_without_increments_has_those_of_its_edges():
    data = message("regular_ll_sfc_grib2", {**AREA, **edges(0), "resolutionAndComponentFlags": 0})
    assert named_alike(data, 1e-6).name == "2.5/1.5/40/-10/28/20"


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize("flags", [0, 64, 128])
@pytest.mark.parametrize("pole", [(-30, 15), (-90, 0), (35, -100), (90, 40)])
def test_a_rotated_regular_grid(edition, flags, pole):
    keys = {
        **AREA, **edges(flags), "latitudeOfSouthernPoleInDegrees": pole[0],
        "longitudeOfSouthernPoleInDegrees": pole[1] if edition == 1 else pole[1] % 360,
    }  # fmt: skip
    found = named_alike(message(f"rotated_ll_sfc_grib{edition}", keys), 1e-5)
    assert found.name.endswith(f"/south-pole/{pole[0]}/{pole[1]}")


@pytest.mark.parametrize("edition", [1, 2])
def test_rotated_gaussian_grids(edition):
    pole = {"latitudeOfSouthernPoleInDegrees": -40, "longitudeOfSouthernPoleInDegrees": 20}
    reduced = message(f"reduced_rotated_gg_ml_grib{edition}", pole, 6114)
    assert named_alike(reduced, 2e-3 if edition == 1 else 1e-5).kind == "rotated_reduced_gaussian"
    regular = message(f"rotated_gg_ml_grib{edition}", pole)
    assert grid_name(regular) == "F32/south-pole/-40/20"
    points = iterated(
        regular
    )  # ecCodes gives the places in the rotated frame: it does not turn this grid back
    turned = grid("F32/south-pole/-40/20").to_rotated(*grid("F32/south-pole/-40/20").coordinates())
    assert apart(*turned, points[:, 0], points[:, 1]) < (2e-3 if edition == 1 else 1e-5)


@pytest.mark.parametrize("edition", [1, 2])
def test_reduced_gaussian_rows_that_have_no_letter(edition):
    handle = eccodes.codes_grib_new_from_samples(f"reduced_gg_pl_64_grib{edition}")
    data = eccodes.codes_get_message(handle)
    lengths = eccodes.codes_get_array(handle, "pl")
    eccodes.codes_release(handle)
    found = grid(grid_name(data))
    assert found.name.startswith("reduced-gg/64/")
    np.testing.assert_array_equal(found.row_lengths, lengths)


@pytest.mark.parametrize("flags", [0, 64])
def test_a_part_of_a_regular_gaussian_grid(flags):
    latitudes = grid("F32").latitudes[10:20]
    keys = {"Ni": 17, "Nj": 10, "N": 32, "iDirectionIncrementInDegrees": 2.8125}
    keys |= edges(flags, float(latitudes[0]), float(latitudes[-1]), -5.625, 39.375)
    found = named_alike(message("regular_gg_sfc_grib2", keys), 2e-6)
    assert found.name.startswith("F32/2.8125/")
    np.testing.assert_array_equal(found.latitudes, latitudes)


@pytest.mark.parametrize("edition", [1, 2])
def test_a_reduced_latitude_longitude_grid_with_empty_rows(edition):
    handle = eccodes.codes_grib_new_from_samples(f"reduced_ll_sfc_grib{edition}")
    lengths = eccodes.codes_get_array(handle, "pl")
    lats, lons = (eccodes.codes_get_array(handle, key) for key in ("latitudes", "longitudes"))
    data = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    found = grid(grid_name(data))
    assert found.kind == "reduced_ll"
    np.testing.assert_array_equal(found.row_lengths, lengths[lengths > 0])
    assert apart(*found.coordinates(), lats, lons) < 1e-6
    assert len(found.name) < 700
    assert grid(found.name).name == found.name


def test_a_part_of_a_reduced_latitude_longitude_grid():
    lengths = np.array([25, 0, 38, 41])
    keys = {"Nj": 4, "jDirectionIncrementInDegrees": 4, **edges(0, 40, 28, -10, 20), "pl": lengths}
    named_alike(message("reduced_ll_sfc_grib2", keys, int(lengths.sum())), 1e-6)


EARTHS = [{"shapeOfTheEarth": 6}, {"shapeOfTheEarth": 0}, {"shapeOfTheEarth": 5}, {"shapeOfTheEarth": 2}]
PLANE = {"Nx": 12, "Ny": 9, "resolutionAndComponentFlags": 8}


def lambert(flags=64, earth=None, **keys):
    return message(
        "GRIB2",
        {
            "gridType": "lambert", **(earth or EARTHS[0]), **PLANE,
            "DxInMetres": 90_000, "DyInMetres": 70_000,
            "latitudeOfFirstGridPointInDegrees": 37.5, "longitudeOfFirstGridPointInDegrees": 348,
            "LoVInDegrees": 2, "Latin1InDegrees": 46.5, "Latin2InDegrees": 46.5, "LaDInDegrees": 46.5,
            "scanningMode": flags, **keys,
        },
        108,
    )  # fmt: skip


@pytest.mark.parametrize("earth", EARTHS)
@pytest.mark.parametrize("cuts", [(46.5, 46.5), (30, 60), (-25, -55)])
def test_a_lambert_grid(earth, cuts):
    sign = 1 if cuts[0] > 0 else -1
    keys = {"Latin1InDegrees": cuts[0], "Latin2InDegrees": cuts[1], "LaDInDegrees": cuts[0]}
    keys |= {"latitudeOfFirstGridPointInDegrees": 37.5 * sign, "projectionCentreFlag": 0 if sign > 0 else 128}
    found = named_alike(lambert(earth=earth, **keys), 1e-6)
    assert found.kind == "lambert"
    assert found.name.startswith("lambert/12x9/90000/70000/")


@pytest.mark.parametrize("kind", ["lambert", "polar_stereographic"])
def test_a_plane_from_north_to_south_has_its_first_point_first(kind):
    # WMO's manual; ecCodes' iterator goes north from the first point whatever the scanning mode
    data = lambert(0) if kind == "lambert" else polar(0)
    found = grid(grid_name(data))
    assert found.name.endswith("/scan/0")
    northward = grid(found.name.removesuffix("/scan/0"))
    first = found.coordinates_of(0)
    assert apart(*first, *northward.coordinates_of(0)) < 1e-9
    lat, lon = found.coordinates()
    words = found.name.split("/")
    again = grid("/".join([*words[:4], f"{lat[96]:.6f}", f"{lon[96]:.6f}", *words[6:-2]]))
    rows = np.arange(108).reshape(9, 12)[::-1].ravel()
    assert apart(*found.coordinates_of(rows), *again.coordinates()) < 1e-5


def polar(flags=64, pole=1, **keys):
    return message(
        "polar_stereographic_sfc_grib2",
        {
            **EARTHS[0], "Nx": 12, "Ny": 9, "DxInMetres": 90_000, "DyInMetres": 70_000,
            "latitudeOfFirstGridPointInDegrees": 57.5 * pole, "longitudeOfFirstGridPointInDegrees": 348,
            "orientationOfTheGridInDegrees": 10, "LaDInDegrees": 60 * pole,
            "projectionCentreFlag": 0 if pole > 0 else 128, "scanningMode": flags, **keys,
        },
        108,
    )  # fmt: skip


@pytest.mark.parametrize("pole", [1, -1])
@pytest.mark.parametrize("keys", [{}, {"shapeOfTheEarth": 0}, {"LaDInDegrees": 90}])
def test_a_polar_stereographic_grid(pole, keys):
    keys = {key: value * pole if key == "LaDInDegrees" else value for key, value in keys.items()}
    assert named_alike(polar(pole=pole, **keys), 1e-6).kind == "polar_stereographic"


@pytest.mark.parametrize("flags", [64, 0, 192, 96])
@pytest.mark.parametrize("earth", [{"shapeOfTheEarth": 6}, {"shapeOfTheEarth": 5}])
def test_a_mercator_grid(flags, earth):
    keys = {
        "gridType": "mercator", **earth, "Ni": 12, "Nj": 9, "DiInMetres": 90_000, "DjInMetres": 70_000,
        "LaDInDegrees": 20, "orientationOfTheGridInDegrees": 0,
    }  # fmt: skip
    figure = {6: "6371229", 5: "6378137x6356752.314"}[earth["shapeOfTheEarth"]]
    found = grid(f"mercator/12x9/90000/70000/-5/100/20/{figure}")
    lat, lon = found.latitudes, found.coordinates()[1]
    data = message("GRIB2", keys | edges(flags, float(lat[0]), -5, 100, float(lon[11])), 108)
    if flags == 64:
        named_alike(data, 1e-6)
    named = grid(grid_name(data))
    assert named.base_name == found.name if flags else named.name == found.name
    assert apart(*named.coordinates_of(0), lat[-1 if flags & 64 else 0], lon[11 if flags & 128 else 0]) < 1e-5


def test_an_unstructured_grid_is_named_by_its_uuid_and_found_in_a_file(tmp_path, monkeypatch):
    uuid = bytes(range(16))
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    eccodes.codes_set(handle, "gridType", "unstructured_grid")
    eccodes.codes_set_values(handle, np.arange(50.0))
    data = bytearray(eccodes.codes_get_message(handle))
    eccodes.codes_release(handle)
    assert grid_name(bytes(data)) is None
    at = 16
    while data[at + 4] != 3:
        at += int.from_bytes(data[at : at + 4], "big")
    data[at + 18], data[at + 19 : at + 35] = 2, uuid
    name = grid_name(bytes(data))
    assert name == f"unstructured-{uuid.hex()}-2"
    random = np.random.default_rng(0)
    lat, lon = random.uniform(-90, 90, 50), random.uniform(0, 360, 50)
    write_points(tmp_path, name, lat, lon)
    monkeypatch.setenv("DTE_GRIDS", str(tmp_path))
    np.testing.assert_array_equal(grid(name).coordinates()[0], lat)


@pytest.mark.parametrize(
    ("sample", "keys"),
    [
        ("regular_ll_sfc_grib2", {**AREA, **edges(0), "scanningMode": 8}),
        ("rotated_ll_sfc_grib2", {**AREA, **edges(0), "angleOfRotationInDegrees": 10}),
        ("regular_ll_sfc_grib2", {**AREA, **edges(0), "basicAngleOfTheInitialProductionDomain": 1}),
    ],
)
def test_what_is_not_understood_has_no_name(sample, keys):
    assert grid_name(message(sample, keys)) is None
