import datetime
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.fdb.mars import mars_request


def asked(**request):
    return dict(mars_request(request))


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("class", "ERA5", ["ea"]),
        ("class", "od", ["od"]),
        ("levtype", "surface", ["sfc"]),
        ("levtype", "Pressure Levels", ["pl"]),
        ("levtype", "103", ["103"]),
        ("type", "forecast", ["fc"]),
        ("type", "AN", ["an"]),
        ("stream", "atmospheric model", ["oper"]),
        ("domain", "globe", ["g"]),
        ("expver", 1, ["0001"]),
        ("expver", "ABCD", ["abcd"]),
        ("step", "0/to/24/by/6", ["0", "6", "12", "18", "24"]),
        ("step", "0/to/24", ["0", "12", "24"]),
        ("step", ["0", "TO", "12", "BY", "6"], ["0", "6", "12"]),
        ("step", "0/6/to/18/by/6/48", ["0", "6", "12", "18", "48"]),
        ("step", "06/6/12.0", ["6", "12"]),
        ("step", "0m/to/60m/by/15m", ["0", "15m", "30m", "45m", "1"]),
        ("step", "0-24/24-48", ["0-24", "24-48"]),
        ("step", 6, ["6"]),
        ("time", "0/to/18", ["0000", "0600", "1200", "1800"]),
        ("time", "0000/to/0200/by/1", ["0000", "0100", "0200"]),
        ("time", "0/to/1/by/30m", ["0000", "0030", "0100"]),
        ("time", "6:30/1200/18", ["0630", "1200", "1800"]),
        ("date", "20240228/to/20240301", ["20240228", "20240229", "20240301"]),
        ("date", "2024-02-28/to/2024-03-05/by/3", ["20240228", "20240302", "20240305"]),
        ("date", "2024-060", ["20240229"]),
        ("date", "jan-05", ["jan-5"]),
        ("date", "January", ["jan"]),
        ("levelist", "1000/to/500/by/250", ["1000", "750", "500"]),
        ("levelist", "500.0/0.5", ["500", "0.5"]),
        ("levelist", "1/to/3", ["1", "2", "3"]),
        ("levelist", "0.1/to/0.3/by/0.1", ["0.1", "0.2", "0.3"]),
        ("level", "500", ["500"]),
        ("number", "1/to/5/by/2", ["1", "3", "5"]),
        ("quantile", "1:10/10:10", ["1:10", "10:10"]),
        ("param", "2t", ["167"]),
        ("param", "2T/10u", ["167", "165"]),
        ("param", "167.128/129.228/167", ["167", "228129"]),
        ("param", "260509", ["260509"]),
        ("param", "Temperature", ["130"]),
        ("param", "tp", ["228", "228228"]),
        ("parameter", "t", ["130"]),
        ("grid", "0.25/0.25", ["0.25/0.25"]),
        ("grid", "O1280", ["O1280"]),
        ("target", "/some/where", ["/some/where"]),
    ],
)
def test_values_mean(keyword, value, expected):
    (found,) = mars_request({keyword: value}).values()
    assert list(found) == expected


def test_keywords_have_other_names_and_any_case():
    assert asked(CLASS="od", Parameter="130", LevTyp="pl", level="500") == {
        "class": ("od",),
        "param": ("130",),
        "levtype": ("pl",),
        "levelist": ("500",),
    }


def test_all_asks_for_every_value():
    assert asked(param="all", step="ALL", **{"class": "all"}) == {}


def test_dates_are_relative_to_today():
    today = datetime.datetime.now(datetime.UTC).date()
    days = [f"{today - datetime.timedelta(days=n):%Y%m%d}" for n in (3, 2, 1, 0)]
    assert asked(date="-3/to/0")["date"] == tuple(days)
    assert asked(date=-1)["date"] == (days[2],)
    assert asked(date=0)["date"] == (days[3],)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"klass": "od"}, "klass.*did you mean 'class'"),
        ({"class": "zz"}, "class=zz; expected one of a5"),
        ({"class": "od/ea"}, "class=od/ea; expected one value"),
        ({"levtype": "bad"}, "levtype=bad; expected one of"),
        ({"param": "nosuch"}, "param=nosuch; expected a parameter's number or name"),
        ({"step": "xx"}, "step=xx; expected hours"),
        ({"step": "0/to"}, "first/to/last"),
        ({"step": "to/6"}, "step=to"),
        ({"step": "0/to/6/by/0"}, "a stride that is not 0"),
        ({"step": "0/to/100000000/by/1"}, "at most 1000000 values"),
        ({"step": []}, "at least one value"),
        ({"step": ""}, "step=;"),
        ({"step": None}, "one or more texts or numbers"),
        ({"step": [None]}, "one or more texts or numbers"),
        ({"step": {"a": 1}}, "one or more texts or numbers"),
        ({"date": "20230229"}, "date=20230229"),
        ({"date": "yesterday"}, "date=yesterday"),
        ({"date": "xyz-05"}, "date=xyz-05"),
        ({"time": "25"}, "time=25"),
        ({"number": "1.5"}, "number=1.5; expected whole numbers"),
        ({"quantile": "11:10"}, "quantile=11:10"),
        ({"target": "a\nb"}, "printable"),
        ({"param": "1", "parameter": "2"}, "each keyword once"),
    ],
)
def test_what_cannot_be_meant_is_refused(request_, words):
    with pytest.raises(InvalidRequest, match=words):
        mars_request(request_)


@given(st.integers(0, 500), st.integers(0, 200), st.integers(1, 50))
def test_ranges_are_counted(first, more, by):
    expected = [str(value) for value in range(first, first + more + 1, by)]
    assert list(asked(levelist=f"{first}/to/{first + more}/by/{by}")["levelist"]) == expected
    assert list(asked(step=f"{first}/to/{first + more}/by/{by}")["step"]) == expected
    assert list(asked(levelist=f"{first + more}/to/{first}/by/{by}")["levelist"]) == [
        str(value) for value in range(first + more, first - 1, -by)
    ]


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3))
def test_any_text_is_understood_or_refused(request_):
    with suppress(InvalidRequest):
        for values in mars_request(request_).values():
            assert all(value.isprintable() for value in values)
