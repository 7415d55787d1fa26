"""What is accepted as a request, and what a mistake is told."""

import json

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.request import parse_request, read_request, request_of_text

MARS = {"class": "od", "stream": "oper", "type": "fc", "expver": "0001", "levtype": "pl", "param": "130/131"}


def parsed(feature, limits=None, **words):
    return parse_request({**MARS, **words, "feature": feature}, limits)


@pytest.mark.parametrize(
    "feature",
    [
        {"type": "timeseries", "points": [[38, -9]], "time_axis": "step"},
        {"type": "timeseries", "points": [[38, -9]], "axis": "step"},
        {"type": "timeseries", "points": [[38, -9]], "axes": "step"},
        {
            "type": "timeseries",
            "points": [[38, -9]],
            "axes": ["latitude", "longitude"],
            "time_axis": ["step"],
        },
        {"type": "timeseries", "points": [[38, -9]]},
    ],
)
def test_time_axis_may_be_written_in_every_way_polytope_mars_ever_had(feature):
    request = parsed(feature, step="0/to/12/by/6")
    assert request.feature.axis == "step"
    assert request.fields["step"] == ("0", "6", "12")
    np.testing.assert_array_equal(request.feature.shape.points, [[38, -9]])


def test_range_is_a_span_or_a_list():
    series = {"type": "timeseries", "points": [[38, -9]], "axis": "step"}
    span = parsed({**series, "range": {"start": 0, "end": 360}}).feature.spans["step"]
    assert (span.low, span.high, span.stride) == (0, 360, 0)
    span = parsed({**series, "range": {"start": 0, "end": "2d", "interval": 2}}).feature.spans["step"]
    assert (span.low, span.high, span.stride) == (0, 48, 2)
    assert parsed({**series, "range": [0, 1, 4]}).fields["step"] == ("0", "1", "4")


def test_a_datetime_range_counts_in_seconds():
    feature = {
        "type": "timeseries",
        "points": [[38, -9]],
        "axis": "datetime",
        "range": {"start": "20241006T000000", "end": "20241009T000000", "interval": "1d"},
    }
    span = parsed(feature).feature.spans["datetime"]
    assert span.high - span.low == 3 * 86400
    assert span.stride == 86400


def test_axes_have_many_names_and_any_order():
    feature = {
        "type": "trajectory",
        "axes": ["long", "lat", "step", "level"],
        "points": [[1, 2, 6, 500], [3, 4, 12, 850]],
        "padding": [0.1, 0.2, 1, 50],
    }
    got = parsed(feature).feature
    assert got.shape.axes == ("latitude", "longitude", "levelist", "step")
    np.testing.assert_array_equal(got.shape.points, [[2, 1, 500, 6], [4, 3, 850, 12]])
    assert got.shape.inflation.tolist() == [0.2, 0.1, 50, 1]
    assert (got.spans["levelist"].low, got.spans["step"].high) == (450, 13)


def test_trajectory_has_the_documented_defaults():
    got = parsed({"type": "trajectory", "points": [[-1, -1, 1000, 0], [0, 0, 1000, 12]]}).feature
    assert got.shape.inflation.tolist() == [1, 1, 1, 1]
    assert got.shape.inflate == "round"


def test_a_circle_may_be_written_with_one_bracket_less():
    for center in ([[1, 2]], [1, 2]):
        got = parsed({"type": "circle", "center": center, "radius": 3}, levelist=500).feature
        assert got.shape.centre == (1, 2)


def test_polygon_is_a_ring_or_rings():
    ring = [[0, 0], [0, 1], [1, 1]]
    hole = [[0.1, 0.2], [0.1, 0.5], [0.3, 0.5]]
    for feature, lengths in (
        ({"shape": ring}, [1]),
        ({"shape": [ring, ring]}, [1, 1]),
        ({"shape": ring, "holes": [hole]}, [2]),
    ):
        shape = parsed({"type": "polygon", **feature}).feature.shape
        assert [len(rings) for rings in shape.polygons] == lengths


SERIES = {"type": "timeseries", "points": [[38, -9]], "axis": "step"}


@pytest.mark.parametrize(
    ("feature", "words", "place"),
    [
        (None, {}, "$.feature"),
        ({"type": "sphere"}, {}, "$.feature.type"),
        ({"type": "frame"}, {}, "$.feature.outer_box"),
        ({**SERIES, "pionts": 3}, {"step": 0}, "$.feature.pionts"),
        ({**SERIES, "points": []}, {"step": 0}, "$.feature.points"),
        ({**SERIES, "points": [[38, -9], [38, -9, 3]]}, {"step": 0}, "$.feature.points[1]"),
        ({**SERIES, "points": [[38, "x"]]}, {"step": 0}, "$.feature.points[0][1]"),
        ({**SERIES, "points": [[38, True]]}, {"step": 0}, "$.feature.points[0][1]"),
        ({**SERIES, "points": [[38, float("nan")]]}, {"step": 0}, "$.feature.points[0][1]"),
        ({**SERIES, "points": [[1, 1], [91, 0]]}, {"step": 0}, "$.feature.points[1]"),
        ({**SERIES, "axis": "levelist"}, {"step": 0}, "$.feature.axis"),
        (SERIES, {}, "$.feature"),
        ({**SERIES, "range": {"start": 0, "end": 6}}, {"step": "0/6"}, "$.step"),
        ({**SERIES, "range": {"start": 0}}, {}, "$.feature.range"),
        ({**SERIES, "range": {"start": -1, "end": 6}}, {}, "$.feature.range.start"),
        ({**SERIES, "range": {"start": 6, "end": 0}}, {}, "$.feature.range"),
        ({**SERIES, "range": {"start": 0, "end": 6, "interval": -1}}, {}, "$.feature.range.interval"),
        ({**SERIES, "range": [[1]]}, {}, "$.feature.range[0]"),
        ({"type": "verticalprofile", "points": [[1, 2]]}, {"levtype": "sfc"}, "$.levtype"),
        ({"type": "verticalprofile", "points": [[1, 2]], "axis": "step"}, {}, "$.feature.axis"),
        ({"type": "boundingbox", "points": [[1, 2]]}, {}, "$.feature.points"),
        (
            {"type": "boundingbox", "points": [[1, 2, 3], [4, 5, 6]], "axes": ["lat", "long", "step"]},
            {},
            "$.feature.axes[2]",
        ),
        (
            {"type": "boundingbox", "points": [[1, 2, 3], [4, 5, 6]], "axes": ["lat", "long", "level"]},
            {"levelist": 500},
            "$.levelist",
        ),
        ({"type": "polygon", "shape": [[0, 0], [1, 1]]}, {}, "$.feature.shape"),
        ({"type": "polygon", "shape": [[[0, 0], [1, 1], [0, 1]], [[2, 2]]]}, {}, "$.feature.shape[1]"),
        ({"type": "circle", "center": [[0, 0]], "radius": -1}, {}, "$.feature.radius"),
        ({"type": "circle", "center": [[0, 0], [1, 1]], "radius": 1}, {}, "$.feature.center"),
        ({"type": "country"}, {}, "$.feature.country"),
        ({"type": "trajectory", "points": [[0, 0, 1, 1]]}, {}, "$.feature.points"),
        ({"type": "trajectory", "points": [[0, 0], [1, 1]], "axes": ["lat", "step"]}, {}, "$.feature.axes"),
        (
            {"type": "trajectory", "points": [[0, 0, 1, 1], [1, 1, 1, 1]], "inflation": [1, 2]},
            {},
            "$.feature.inflation",
        ),
        (
            {"type": "trajectory", "points": [[0, 0, 1, 1], [1, 1, 1, 1]], "inflate": "star"},
            {},
            "$.feature.inflate",
        ),
        ({"type": "trajectory", "points": [[0, 0, 1, 1], [1, 1, 1, 1]]}, {"step": 0}, "$.step"),
        (SERIES, {"step": "0/to/x"}, "$.step"),
        (SERIES, {"step": 0, "format": "grib"}, "$.format"),
        (SERIES, {"step": 0, "number": {"a": 1}}, "$.number"),
    ],
)
def test_a_mistake_is_told_with_its_place(feature, words, place):
    with pytest.raises(InvalidRequest) as caught:
        parsed(feature, **words)
    assert caught.value.place.startswith(place)
    assert str(caught.value).startswith(place)


def test_limits_hold_before_anything_is_looked_up():
    ring = [[0, 0], [0, 1], [1, 1], [1, 0.5]]
    with pytest.raises(InvalidRequest, match="at most 3"):
        parsed({"type": "polygon", "shape": ring}, Limits(vertices=3))
    with pytest.raises(InvalidRequest, match="at most 3"):
        parsed({"type": "polygon", "shape": [ring[:3], ring[:3]]}, Limits(vertices=3))


def test_text_that_is_not_json_is_told_with_its_line(tmp_path):
    path = tmp_path / "request.json"
    path.write_text('{"class": "od",\n "feature": }')
    with pytest.raises(InvalidRequest, match="line 2"):
        read_request(path)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_request(tmp_path / "none.json")
    with pytest.raises(InvalidRequest, match="finite"):
        request_of_text('{"a": NaN}')
    with pytest.raises(InvalidRequest, match="mapping"):
        request_of_text("[1]")
    with pytest.raises(InvalidRequest, match="without end"):
        request_of_text("[" * 200_000)
    with pytest.raises(InvalidRequest, match="larger"):
        read_request(path, Limits(request_bytes=3))
    path.write_text(json.dumps({"a": 1}))
    assert read_request(path) == {"a": 1}


def test_a_request_without_a_feature_is_no_request():
    with pytest.raises(InvalidRequest, match="feature"):
        parse_request(MARS)
    with pytest.raises(InvalidRequest, match="mapping"):
        parse_request([1])


@pytest.mark.parametrize(
    ("text", "found"),
    [('{"step": ' + "9" * 5000 + "}", "digits"), ('{"class": "od", "class": "rd"}', "'class' twice")],
)
def test_hostile_json_is_a_sentence(text, found):
    with pytest.raises(InvalidRequest, match=found):
        request_of_text(text)
