"""Means, extremes and quantiles on the way, over the shape and over the time; thinning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract import Limits, Options, extract
from dte_hpc.extract.areas import cell_areas
from dte_hpc.extract.find import find_points
from dte_hpc.extract.reduce import Reduction, parse_reduction, reduced
from dte_hpc.extract.shapes import Box, Circle
from dte_hpc.extract.statistics import STATISTICS, statistic
from dte_hpc.extract.thin import parse_thinning, thinned
from dte_hpc.grids import grid as grid_of_name

BOX = {"type": "boundingbox", "points": [[40, 0], [60, 30]]}


@pytest.mark.parametrize("name", ["O32", "N32", "F32", "H16", "H16n", "2/2", "1/1"])
def test_the_cells_of_a_globe_cover_it(name):
    grid = grid_of_name(name)
    areas = cell_areas(grid, np.arange(grid.n_points))
    assert areas.min() > 0
    assert areas.sum() == pytest.approx(4 * np.pi, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_statistics_of_even_weights_are_numpys(values, share):
    table, weight = np.array([values]), np.ones(len(values))
    for name, numpys in (
        ("mean", np.mean),
        ("min", np.min),
        ("max", np.max),
        ("std", np.std),
        ("median", np.median),
    ):
        assert statistic(name, table, weight)[0] == pytest.approx(numpys(values), rel=1e-9, abs=1e-6)
    assert statistic(share, table, weight)[0] == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-6)
    assert statistic("count", table, weight)[0] == len(values)


def test_missing_values_are_left_out():
    table = np.array([[1, np.nan, 3], [np.nan] * 3])
    for name in (*STATISTICS, 0.5):
        of_some, of_none = statistic(name, table, np.array([1.0, 5, 1]))
        assert of_some == {"min": 1, "max": 3, "std": 1}.get(name, 2)
        assert of_none == 0 if name == "count" else np.isnan(of_none)


def test_weights_count():
    assert statistic("mean", np.array([[1.0, 4]]), np.array([3.0, 1]))[0] == 1.75
    skewed = statistic(0.5, np.array([[1.0, 2, 3]]), np.array([1.0, 1, 10]))[0]
    assert 2 < skewed < 3


def test_over_the_shape_every_field_becomes_a_value(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 6))
    whole = extract(made.store, asked(BOX, levelist="500/850", step="0/6"))
    reduce = {"over": "shape", "statistics": ["mean", "max", 0.9]}
    options = Options(limits=Limits(values=whole.values.size - 1))
    answer = extract(
        made.store, {**asked(BOX, levelist="500/850", step="0/6"), "reduce": reduce}, options=options
    )
    assert answer.values.size == 4 * 3
    assert answer.column("reduction").tolist() == ["mean", "max", "q0.9"] * 4
    assert answer.kind == "timeseries"
    weight = cell_areas(grid_of_name("O32"), whole.index)
    np.testing.assert_allclose(answer.values[::3], whole.table @ weight / weight.sum())
    np.testing.assert_array_equal(answer.values[1::3], whole.table.max(axis=1))
    assert answer.latitude[0] == pytest.approx(50, abs=3)
    assert answer.longitude[0] == pytest.approx(15, abs=3)
    assert answer.account.bytes_read >= whole.account.bytes_requested
    coverages = answer.to_covjson()
    assert set(coverages["parameters"]) == {"t_mean", "t_max", "t_q0.9"}
    even = {"over": "shape", "statistics": "mean", "weights": "none"}
    plain = extract(made.store, {**asked(BOX, levelist="500", step="0"), "reduce": even})
    assert plain.values[0] == pytest.approx(whole.values_of(0).mean())


def test_over_the_time_every_point_becomes_a_value(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 6, 24))
    words = {"levelist": "500/850", "step": "0/to/24"}
    whole = extract(made.store, asked(BOX, **words))
    reduce = {"over": "time", "statistics": ["mean", "min"]}
    answer = extract(made.store, {**asked(BOX, **words), "reduce": reduce})
    assert answer.table.shape == (4, whole.index.size)
    np.testing.assert_allclose(answer.table[0], whole.table[:3].mean(axis=0))
    np.testing.assert_array_equal(answer.table[3], whole.table[3:].min(axis=0))
    assert answer.column("step").tolist() == ["0-24"] * 4
    assert answer.step.tolist() == [24] * 4
    assert answer.index.tolist() == whole.index.tolist()
    pytest.importorskip("xarray")
    assert set(answer.to_xarray().data_vars) == {"t_mean", "t_min"}


def test_over_the_time_of_a_flight_is_refused(made, asked):
    made.add("O32", steps=(0, 6))
    flight = {
        "type": "trajectory",
        "axes": ["lat", "lon", "step"],
        "points": [[0, 0, 0], [40, 40, 6]],
        "inflation": 4,
    }
    with pytest.raises(InvalidRequest, match="different sets of points"):
        extract(
            made.store, {**asked(flight, levelist="500"), "reduce": {"over": "time", "statistics": "max"}}
        )
    by_leg = extract(
        made.store, {**asked(flight, levelist="500"), "reduce": {"over": "shape", "statistics": "max"}}
    )
    assert by_leg.values.size == 2


@pytest.mark.parametrize(
    ("node", "place"),
    [
        ("mean", r"\$.reduce:"),
        ({"over": "shape"}, r"\$.reduce:"),
        ({"over": "levels", "statistics": "mean"}, r"\$.reduce.over"),
        ({"over": "shape", "statistics": []}, r"\$.reduce.statistics"),
        ({"over": "shape", "statistics": ["mode"]}, r"\$.reduce.statistics\[0\]"),
        ({"over": "shape", "statistics": ["mean", 1.5]}, r"\$.reduce.statistics\[1\]"),
        ({"over": "time", "statistics": "mean", "weights": "area"}, r"\$.reduce.weights"),
    ],
)
def test_what_is_no_reduction_is_refused(node, place):
    with pytest.raises(InvalidRequest, match=place):
        parse_reduction(node)


def test_an_answer_may_be_reduced_later(made, asked):
    made.add("O32")
    answer = extract(made.store, asked(BOX, levelist="500", step="0"))
    small = reduced(answer, Reduction(over="shape", statistics=("count",)))
    assert small.values.tolist() == [answer.values.size]


@pytest.mark.parametrize("name", ["O32", "2/2", "H16n"])
def test_thinning_keeps_some_of_what_is_there(name):
    grid = grid_of_name(name)
    for shape in (Box(south=-80, north=80, west=350, east=380), Circle(centre=(50, 0), radius=9)):
        ranges = find_points(shape, grid)
        assert thinned(ranges, grid, parse_thinning(1, "$")) == ranges
        for node in (2, 7, 1000, {"km": 700}, {"km": 20000}):
            kept = thinned(ranges, grid, parse_thinning(node, "$"))
            assert 1 <= kept.n_points <= ranges.n_points
            assert ranges.contains(kept.indices()).all()
    every = find_points(Box(south=-90, north=90, west=0, east=360), grid)
    share = thinned(every, grid, parse_thinning(3, "$")).n_points / every.n_points
    assert 1 / 9.2 < share < 1 / 7


def test_every_third_row_and_point_of_a_regular_grid():
    grid = grid_of_name("2/2")
    kept = thinned(find_points(Box(south=0, north=20, west=10, east=40), grid), grid, parse_thinning(3, "$"))
    latitude, longitude = grid.coordinates_of(kept.indices())
    assert np.unique(latitude).tolist() == [2, 8, 14, 20]
    assert np.unique(longitude).tolist() == [10, 16, 22, 28, 34, 40]


@pytest.mark.parametrize("node", [0, True, "3", {"km": 0}, {"km": 5, "n": 1}, 1.5])
def test_what_is_no_thinning_is_refused(node):
    with pytest.raises(InvalidRequest, match=r"\$\.thin"):
        parse_thinning(node, "$.thin")


def test_a_thinned_request(made, asked):
    made.add("2/2")
    whole = extract(made.store, asked(BOX, levelist="500", step="0"))
    thin = extract(made.store, asked({**BOX, "thin": 2}, levelist="500", step="0"))
    assert thin.values.size * 3 < whole.values.size
    assert set(thin.index.tolist()) < set(whole.index.tolist())
    with pytest.raises(InvalidRequest, match="thinning"):
        extract(
            made.store, asked({"type": "position", "points": [[0, 0]], "thin": 2}, levelist="500", step="0")
        )
