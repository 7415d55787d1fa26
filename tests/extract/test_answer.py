"""Are the right points of the right fields in the answer, in the right order, by what they are called?"""

import itertools
import json

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, FieldNotFound, InvalidRequest
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.parameters import parameter
from dte_hpc.extract import Limits, Options, extract
from dte_hpc.extract.answer import Answer
from dte_hpc.grids import grid as grid_of_name


def on_path(points, inflation, inflate, latitude, longitude, level, step, reach):
    """Whether a point comes within `reach` inflations of a path, tried at many places along it."""
    inside = np.zeros(latitude.size, bool)
    nodes = np.array(points, float)
    for start, end in itertools.pairwise(nodes):
        t = np.linspace(0, 1, 1501)[:, None]
        at = start + t * (end - start)
        off = [(level - at[:, 2]) / inflation[2], (step - at[:, 3]) / inflation[3]]
        some = (np.abs(off[0]) <= reach) & (np.abs(off[1]) <= reach)
        for where in np.flatnonzero(some):
            lat = (latitude - at[where, 0]) / inflation[0]
            lon = ((longitude - at[where, 1] + 180) % 360 - 180) / inflation[1]
            if inflate == "box":
                inside |= (np.abs(lat) <= reach) & (np.abs(lon) <= reach)
            else:
                inside |= lat**2 + lon**2 + off[0][where] ** 2 + off[1][where] ** 2 <= reach**2
    return inside


def whole(made, **wanted):
    return decode(made.store.list(wanted).message(0))


def test_a_series_runs_in_the_order_of_the_steps_numbers(made, asked):
    made.add("O32", steps=(0, 2, 10, 9, 100))
    feature = {"type": "timeseries", "points": [[48.9, 2.4], [40.6, -73.8]], "axis": "step"}
    answer = extract(made.store, asked(feature, levelist="500", step="0/2/9/10/100"))
    assert answer.step.tolist() == [0, 2, 9, 10, 100]
    near = grid_of_name("O32").nearest([48.9, 40.6], [2.4, -73.8])
    assert answer.index.tolist() == near.tolist()
    for row, step in enumerate(answer.step):
        np.testing.assert_array_equal(answer.table[row], whole(made, step=int(step))[near])
    assert answer.time[-1] == np.datetime64("2026-01-05T04:00:00")


def test_points_keep_the_order_and_the_repeats_of_the_request(made, asked):
    made.add("2/2")
    places = [[10, 359.9], [-90, 17], [10, 0.1], [10, -0.1], [90, 3], [44, 100]]
    answer = extract(made.store, asked({"type": "position", "points": places}, levelist="500", step="0"))
    near = grid_of_name("2/2").nearest(*np.array(places).T)
    assert answer.index.tolist() == near.tolist()
    np.testing.assert_array_equal(answer.values, whole(made)[near])
    np.testing.assert_array_equal(answer.values_of(0), answer.values)


def test_a_range_takes_every_stored_step_inside_it(made, asked):
    made.add("O32", steps=(0, 1, 3, 4, 6, 7))
    series = {"type": "timeseries", "points": [[0, 0]], "axis": "step"}
    got = extract(made.store, asked({**series, "range": {"start": 1, "end": 6}}, levelist="500"))
    assert got.step.tolist() == [1, 3, 4, 6]
    got = extract(
        made.store, asked({**series, "range": {"start": 1, "end": 7, "interval": 3}}, levelist="500")
    )
    assert got.step.tolist() == [1, 4, 7]
    got = extract(made.store, asked({**series, "range": [7, 0]}, levelist="500"))
    assert got.step.tolist() == [0, 7]
    with pytest.raises(FieldNotFound, match="between 8 and 9"):
        extract(made.store, asked({**series, "range": {"start": 8, "end": 9}}, levelist="500"))


def test_a_series_runs_over_dates_and_times(made, asked):
    for date in (20260101, 20260102):
        for time in (0, 1200):
            made.add("O32", date=date, time=time)
    feature = {"type": "timeseries", "points": [[0, 0]], "axis": "date"}
    words = {"levelist": "500", "step": "0", "date": "20260101/20260102", "time": "0000/1200"}
    answer = extract(made.store, asked(feature, **words))
    hours = (answer.time - answer.time[0]).astype("timedelta64[h]").astype(int)
    assert hours.tolist() == [0, 12, 24, 36]
    span = {"start": "20260101T12", "end": "20260102T12"}
    request = asked({**feature, "axis": "datetime", "range": span}, levelist="500", step="0")
    del request["date"], request["time"]
    answer = extract(made.store, request)
    assert answer.time.astype(str).tolist() == ["2026-01-01T12:00:00", "2026-01-02T00:00:00"]


def test_a_profile_runs_in_the_order_of_the_levels_numbers(made, asked):
    made.add("O32", levels=(1000, 50, 500, 850), params=(130, 131))
    feature = {"type": "verticalprofile", "points": [[60, 10]]}
    answer = extract(made.store, asked(feature, step="0", levelist="all", param="t/u"))
    assert answer.level.tolist() == [50, 500, 850, 1000] * 2
    assert answer.column("param").tolist() == ["130"] * 4 + ["131"] * 4
    feature["range"] = {"start": 100, "end": 900}
    answer = extract(made.store, asked(feature, step="0"))
    assert answer.level.tolist() == [500, 850]


def test_a_box_through_levels(made, asked):
    made.add("O32", levels=(1000, 50, 500, 850))
    feature = {
        "type": "boundingbox",
        "points": [[40, 0, 900], [50, 10, 400]],
        "axes": ["lat", "long", "level"],
    }
    answer = extract(made.store, asked(feature, step="0"))
    assert answer.level.tolist() == [500, 850]
    assert (answer.latitude >= 40).all()
    assert (answer.latitude <= 50).all()


@pytest.mark.parametrize("name", ["O32", "H8n", "2/2"])
@pytest.mark.parametrize("inflate", ["box", "round"])
def test_a_flight_touches_what_brute_force_says(made, asked, name, inflate):
    levels, steps = (200, 300, 500, 850), (0, 1, 2, 3, 4, 5, 6)
    made.add(name, levels=levels, steps=steps)
    points = [[49, 2.5, 850, 0], [52, -10, 250, 1.6], [55, -40, 200, 4], [41, -73.8, 850, 6]]
    inflation = [4, 6, 60, 0.6]
    feature = {"type": "trajectory", "points": points, "inflation": inflation, "inflate": inflate}
    answer = extract(made.store, asked(feature))
    got = answer.point_columns()
    grid = grid_of_name(name)
    surely, perhaps = set(), set()
    for level, step in itertools.product(levels, steps):
        for found, reach in ((surely, 0.99), (perhaps, 1.01)):
            inside = on_path(points, inflation, inflate, *grid.coordinates(), level, step, reach)
            found |= {(level, step, index) for index in np.flatnonzero(inside).tolist()}
    index = np.concatenate([answer.index[answer.points_of(row)] for row in range(answer.n_fields)])
    touched = set(zip(got["levelist"].tolist(), got["step"].tolist(), index.tolist(), strict=True))
    assert surely <= touched <= perhaps
    assert len(surely) > 50 or name == "H8n"
    for row in range(answer.n_fields):
        field = whole(made, levelist=int(answer.level[row]), step=int(answer.step[row]))
        np.testing.assert_array_equal(answer.values_of(row), field[answer.index[answer.points_of(row)]])
    assert answer.account.points == len(touched)
    assert answer.account.points_bounding_box >= len(touched)
    assert answer.account.bytes_bounding_box >= answer.account.bytes_whole_fields


def test_a_path_on_the_ground_takes_all_steps_and_levels(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 6))
    feature = {"type": "trajectory", "points": [[0, 0], [10, 10]], "axes": ["lat", "long"], "padding": 2}
    answer = extract(made.store, asked(feature, levelist="500/850", step="0/6"))
    assert answer.table.shape == (4, answer.index.size)


def test_a_country_by_its_code_or_name(made, asked):
    made.add("F32")
    one = extract(made.store, asked({"type": "country", "country": "FRA"}, levelist="500", step="0"))
    other = extract(made.store, asked({"type": "country", "country": "France"}, levelist="500", step="0"))
    assert one.index.tolist() == other.index.tolist()
    assert one.index.size
    with pytest.raises(InvalidRequest, match="Frrance"):
        extract(made.store, asked({"type": "country", "country": "Frrance"}, levelist="500", step="0"))


def test_surface_fields_have_no_level(made, asked):
    made.add("O32", levels=(None,), params=(167,), steps=(0, 1))
    feature = {"type": "timeseries", "points": [[0, 0]], "axis": "step"}
    answer = extract(made.store, asked(feature, levtype="sfc", param="2t", step="0/1"))
    assert np.isnan(answer.level).all()
    assert answer.values.size == 2
    path = {"type": "trajectory", "points": [[0, 0, 1, 0], [5, 5, 1, 1]]}
    with pytest.raises(FieldNotFound, match="levelist"):
        extract(made.store, asked(path, levtype="sfc", param="2t"))
    path = {"type": "trajectory", "points": [[0, 0, 0], [5, 5, 1]], "axes": ["lat", "lon", "step"]}
    assert (
        extract(made.store, asked({**path, "inflation": [2, 2, 0.1]}, levtype="sfc", param="2t")).n_fields
        == 2
    )


def test_what_is_not_stored_is_named(made, asked):
    made.add("O32", steps=(0, 6), levels=(500,))
    feature = {"type": "timeseries", "points": [[0, 0]], "axis": "step"}
    for words in ({"step": "0/6/12", "levelist": "500"}, {"step": "0", "levelist": "850"}):
        with pytest.raises(FieldNotFound) as caught:
            extract(made.store, asked(feature, **words))
        assert "step=12" in str(caught.value) or "850" in str(caught.value)
    with pytest.raises(FieldNotFound):
        extract(made.store, asked(feature, step="0", levelist="500", date="20250101"))
    with pytest.raises(InvalidRequest):
        extract(made.store, asked(feature, step="0", levelist="500", colour="red"))


def test_a_hole_in_the_fields_of_a_flight_is_named(made, asked):
    made.add("O32", steps=(0, 1), levels=(500,), params=(130, 131)).add("O32", steps=(2,), levels=(500,))
    path = {"type": "trajectory", "points": [[0, 0, 500, 0], [10, 10, 500, 2]], "inflation": [3, 3, 1, 0.2]}
    with pytest.raises(FieldNotFound, match="step=2, where no field with param=131"):
        extract(made.store, asked(path, param="130/131"))


def test_nothing_inside_is_an_error_that_names_the_nearest_point(made, asked):
    made.add("O32")
    tiny = {"type": "circle", "center": [[1.0, 1.0]], "radius": 0.01}
    with pytest.raises(InvalidRequest, match="no point of grid O32 lies in the circle") as caught:
        extract(made.store, asked(tiny, levelist="500", step="0"))
    latitude, longitude = caught.value.nearest
    assert abs(latitude - 1) < 3
    assert abs(longitude - 1) < 3
    path = {"type": "trajectory", "points": [[0.2, 0.4, 500, 0], [0.2, 0.5, 500, 0]], "inflation": [0.01] * 4}
    with pytest.raises(InvalidRequest, match="no grid point at any stored level"):
        extract(made.store, asked(path))


def test_fields_on_two_grids_are_told_apart(made, asked):
    made.add("O32").add("2/2")
    box = {"type": "boundingbox", "points": [[0, 0], [20, 20]]}
    with pytest.raises(InvalidRequest, match="stored on the grids"):
        extract(made.store, asked(box, levelist="500", step="0"))
    answer = extract(made.store, asked(box, levelist="500", step="0", grid="O32"))
    assert answer.grids == ("O32",)


def test_limits_are_refused_before_reading(made, asked):
    made.add("O32", steps=(0, 1))
    box = {"type": "boundingbox", "points": [[0, 0], [20, 20]]}
    for limits, what in (
        (Limits(points=3), "points"),
        (Limits(fields=1), "fields"),
        (Limits(values=9), "values"),
    ):
        with pytest.raises(InvalidRequest, match=f"{what}; expected at most"):
            extract(made.store, asked(box, levelist="500", step="0/1"), options=Options(limits=limits))


def test_a_polygon_with_a_hole_leaves_it_out(made, asked):
    made.add("2/2")
    outer = [[-20, -20], [-20, 20], [20, 20], [20, -20]]
    hole = [[-7, -7], [-7, 7], [7, 7], [7, -7]]
    far = [[40, 40], [40, 60], [60, 60], [60, 40]]
    feature = {"type": "polygon", "shape": [outer, far], "holes": [hole]}
    answer = extract(made.store, asked(feature, levelist="500", step="0"))
    longitude = (answer.longitude + 180) % 360 - 180
    inside = (np.abs(answer.latitude) < 7) & (np.abs(longitude) < 7)
    assert not inside.any()
    assert (answer.latitude >= 40).sum() == 11 * 11
    assert answer.index.size == 21 * 21 - 7 * 7 + 11 * 11


def test_columns_for_every_value(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 6))
    box = {"type": "boundingbox", "points": [[0, 0], [20, 20]]}
    answer = extract(made.store, asked(box, levelist="500/850", step="0/6"))
    columns = answer.point_columns()
    assert {column.shape for column in columns.values()} == {answer.values.shape}
    n = answer.index.size
    assert columns["levelist"][[0, n, 2 * n, 3 * n]].tolist() == [500, 500, 850, 850]
    assert columns["step"][[0, n, 2 * n, 3 * n]].tolist() == [0, 6, 0, 6]
    np.testing.assert_array_equal(columns["latitude"][n : 2 * n], answer.latitude)


def test_an_answer_that_lacks_values_is_refused(made, asked):
    made.add("O32")
    box = {"type": "boundingbox", "points": [[0, 0], [20, 20]]}
    answer = extract(made.store, asked(box, levelist="500", step="0"))
    facts = {name: getattr(answer, name) for name in Answer.__dataclass_fields__}
    with pytest.raises(CorruptData, match="expected"):
        Answer(**{**facts, "values": answer.values[:-1]})


def test_parameters_are_known_by_number_and_name():
    assert parameter("167").units == "K"
    assert parameter("167.128").short_name == "2t"
    assert parameter("129.228").param_id == "228129"
    assert parameter("nonsense").short_name == "nonsense"


def test_as_a_dataset(made, asked):
    pytest.importorskip("xarray")
    made.add("O32", levels=(500, 850), steps=(0, 6), params=(130, 131))
    box = {"type": "boundingbox", "points": [[0, 0], [20, 20]]}
    answer = extract(made.store, asked(box, levelist="500/850", step="0/6", param="130/131"))
    data = answer.to_xarray()
    assert set(data.data_vars) == {"t", "u"}
    assert data["t"].attrs["units"] == "K"
    assert data["t"].dims == ("levelist", "step", "points")
    np.testing.assert_array_equal(data["t"].values.reshape(4, -1), answer.table[:4])
    assert str(data["time"].values[1]).startswith("2026-01-01T06")
    assert data.attrs["class"] == "od"
    flight = {"type": "trajectory", "points": [[0, 0, 500, 0], [10, 10, 850, 6]], "inflation": [3, 3, 400, 9]}
    answer = extract(made.store, asked(flight, param="130/131"))
    data = answer.to_xarray()
    assert data["t"].dims == ("points",)
    np.testing.assert_array_equal(data["u"].values, answer.values[answer.values.size // 2 :])
    assert set(data.coords) >= {"latitude", "longitude", "levelist", "step", "time"}


def test_the_account_is_plain(made, asked):
    made.add("O32")
    box = {"type": "boundingbox", "points": [[0, 0], [20, 20]]}
    account = extract(made.store, asked(box, levelist="500", step="0")).account
    told = json.loads(json.dumps(account.as_dict()))
    assert told["points"] == account.points
    assert set(told["seconds"]) == {"parse", "locate", "geometry", "read", "assemble"}
    assert account.total_seconds > 0
    assert 0 < account.reduction < 1
