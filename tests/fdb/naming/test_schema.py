"""The schema language, and keys through it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidConfig, InvalidKey, InvalidRequest
from dte_hpc.base.request import Request
from dte_hpc.fdb.files.table import Words
from dte_hpc.fdb.finding.matching import answers, wanted_of
from dte_hpc.fdb.naming.grammar import Match, parse_rules
from dte_hpc.fdb.naming.kinds import TYPES
from dte_hpc.fdb.naming.schema import Schema, default_schema

LARGE = """
# An operational-like schema, written for this test: every type, every matcher, nested rules.
param: Param;   step: Step;   date: Date;  time: Time; expver: Expver;
levelist: Double; number: Integer; grid: Grid;
hdate: Date; refdate: Date; fcmonth: Integer;

[ class=rd/xx, expver, stream=!oper/wave, date, time, domain?g
    [ type=!tl, levtype, channel-, diagnostic-0
        [ step, levelist?, param, number? ]]]        # research, but not everything

[ class, expver, stream=oper, date, time, domain?g
    [ type=an/fc/4v, levtype=pl/ml, grid?
        [ step, levelist, param:ParamID ]]
    [ type=an/fc, levtype=sfc
        [ step, param, timespan? ]]
    [ type=ssd, levtype
        [ step, ident:Integer, instrument:First3, channel:Integer, param? ]]]

[ class=od, expver, stream=dacl, domain
    [ type, levtype [ date: ClimateDaily, time, step?, levelist?, param ]]]
[ class=od, expver, stream=mnth, domain
    [ type, levtype [ date: ClimateMonthly, time, step?, levelist?, param ]]]
[ class=d1, expver, stream=clmn, date: Year
    [ date: MonthOfDate, type, levtype [ levelist?, param ]]]
[ class=d1, expver, stream=clym, date: Month [ type, levtype [ param ]]]
[ class=d1, expver, stream=cym2, date: YearMonth [ type, levtype [ param:ParamIDStrict ]]]
[ class=ti, expver, stream=!enfo, date, time
    [ type, levtype, name:Default [ step, method:Ignore, param ]]]
[ class=al [ type [ param ] ] expver ]   # predicates and rules may interleave
"""
PL = {"class": "od", "expver": "1", "stream": "oper", "date": "2026-01-01", "time": 6, "domain": "g"}
FIELD = {**PL, "type": "AN", "levtype": "pl", "grid": "1/1", "step": "06", "levelist": 500.0, "param": 130}


def stored(key: Mapping[str, object], text: str = LARGE) -> dict[str, str]:
    return dict(Schema(text).key_of(key))  # type: ignore[arg-type]


def test_a_large_schema_is_read_whole() -> None:
    rules, types = parse_rules(LARGE)
    assert len(rules) == 11
    assert len(types) == 11
    used = {p.kind.name for rule in rules for p in rule.predicates} | {kind.name for kind in types.values()}
    assert used == set(TYPES)
    assert {p.match for rule in rules for p in rule.predicates} == set(Match)
    assert [p.keyword for p in rules[-1].levels[0]] == ["class", "expver"]


def test_the_first_rule_that_accepts_a_key_takes_it() -> None:
    route, values = Schema(LARGE).split(FIELD)
    assert route.rule.number == 1
    assert route.directory(values) == "od:0001:oper:20260101:0600:g"
    assert dict(zip(route.names, values, strict=True)) == {
        "class": "od",
        "expver": "0001",
        "stream": "oper",
        "date": "20260101",
        "time": "0600",
        "domain": "g",
        "type": "an",
        "levtype": "pl",
        "grid": "1+1",
        "step": "6",
        "levelist": "500",
        "param": "130",
    }
    surface = {k: v for k, v in FIELD.items() if k not in ("levelist", "grid")} | {"levtype": "sfc"}
    assert Schema(LARGE).split(surface)[0].rule.number == 2


@pytest.mark.parametrize("stream", ["oper", "wave"])
def test_a_negated_value_excludes_it(stream: str) -> None:
    research = {**FIELD, "class": "rd", "stream": "enfo"}
    research.pop("grid")
    assert Schema(LARGE).split(research)[0].rule.number == 0
    with pytest.raises(InvalidKey, match="stream"):
        Schema("[ a, stream=!oper/wave [ b [ c ]]]").split({"a": 1, "stream": stream, "b": 1, "c": 1})


def test_one_negated_value_excludes_it_too() -> None:
    """FDB 5 reads ``k=!a`` as ``k=a``; here it is what it says."""
    schema = Schema("[ class=!rd [ b [ c ]]]")
    with pytest.raises(InvalidKey, match="class=!rd"):
        schema.split({"class": "rd", "b": 1, "c": 1})
    assert schema.key_of({"class": "od", "b": 1, "c": 1})["class"] == "od"
    assert "class" not in schema.key_of({"b": 1, "c": 1})
    with pytest.raises(InvalidKey):
        Schema(LARGE).split({**FIELD, "class": "rd", "stream": "enfo", "type": "tl"})


def test_hidden_and_ignored_keywords_are_used_and_not_stored() -> None:
    key = {**FIELD, "class": "rd", "stream": "enfo", "channel": 3, "diagnostic": 5}
    key.pop("grid")
    assert not {"channel", "diagnostic"} & set(stored(key))
    assert stored({**key, "grid": "O320"}) == stored(key), "grid may be left over"


def test_dates_in_parts() -> None:
    base = {
        "class": "od",
        "expver": "1",
        "domain": "g",
        "type": "an",
        "levtype": "sfc",
        "time": 0,
        "param": 167,
    }
    assert stored({**base, "stream": "dacl", "date": "20260105"})["date"] == "0105"
    assert stored({**base, "stream": "dacl", "date": "jan-05"})["date"] == "0105"
    assert stored({**base, "stream": "mnth", "date": "20260705"})["date"] == "7"
    twin = {k: v for k, v in base.items() if k not in ("domain", "time")} | {
        "class": "d1",
        "date": "20260705",
    }
    assert {k: stored({**twin, "stream": "clmn"}).get(k) for k in ("date", "year", "month")} == {
        "date": None,
        "year": "2026",
        "month": "07",
    }
    assert stored({**twin, "stream": "clym"})["month"] == "202607"
    assert stored({**twin, "stream": "cym2"})["date"] == "202607"
    satellite = {
        **PL,
        "type": "ssd",
        "levtype": "sfc",
        "step": 0,
        "ident": 7,
        "instrument": "abcdef",
        "channel": 1,
    }
    assert stored(satellite)["instrument"] == "abc"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("Step", "06", "6"),
        ("Step", "0-24", "0-24"),
        ("Step", "30m", "30m"),
        ("Step", "120m", "2"),
        ("Step", "1d", "24"),
        ("Step", "24-24", "24"),
        ("Step", "90s", "90s"),
        ("Step", "0-30m", "0-30m"),
        ("Time", "18", "1800"),
        ("Time", "0", "0000"),
        ("Time", "6:30", "0630"),
        ("Time", "180000", "1800"),
        ("Time", "600", "0600"),
        ("Date", "2026-01-31", "20260131"),
        ("Date", "2026-032", "20260201"),
        ("Expver", "1", "0001"),
        ("Expver", "ABCD", "abcd"),
        ("Double", "500.0", "500"),
        ("Double", "0.50", "0.5"),
        ("Integer", "007", "7"),
        ("Grid", "0.25/0.25", "0.25+0.25"),
        ("Param", "167.128", "167.128"),
        ("ClimateMonthly", "jan", "1"),
        ("Year", "20260101", "2026"),
    ],
)
def test_canonical_forms(kind: str, value: str, expected: str) -> None:
    assert TYPES[kind].canonical(value) == expected
    assert TYPES[kind].canonical(expected) == expected or kind in ("Month",)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Step", "x"),
        ("Step", "1-2-3"),
        ("Step", "-6"),
        ("Date", "20260230"),
        ("Date", "-1"),
        ("Date", "2026"),
        ("Time", "2400"),
        ("Time", "0060"),
        ("Time", "12345"),
        ("Integer", "1.5"),
        ("Double", "nan"),
        ("ClimateDaily", "jan"),
        ("MonthOfDate", "13"),
    ],
)
def test_what_has_no_canonical_form(kind: str, value: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        TYPES[kind].canonical(value)


@given(st.sampled_from(sorted(TYPES)), st.text(max_size=12))
def test_canonical_forms_are_their_own(kind: str, value: str) -> None:
    try:
        once = TYPES[kind].canonical(value)
    except ValueError:
        return
    if once:
        assert TYPES[kind].canonical(once) == once


def test_units_of_steps() -> None:
    schema = Schema("step: Step; [ a [ b [ step, stepunits- ]]]")
    assert schema.key_of({"a": 1, "b": 1, "step": 90, "stepunits": "m"})["step"] == "90m"
    assert schema.key_of({"a": 1, "b": 1, "step": "0-120", "stepunits": "m"})["step"] == "0-2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one rule"),
        ("[ a [ b [ c ]]", "line 1: found its end"),
        ("\n[ a = [ b [ c ]]]", "line 2: found '\\['; expected a value"),
        ("a: Strange; [ a [ b [ c ]]]", "found the type 'Strange'"),
        ("a: Step [ a [ b [ c ]]]", "expected ';'"),
        ("[ a b [ c [ d ]]]", "expected ',', '\\[' or '\\]'"),
        ("[ a, [ b [ c ]]]", "a keyword after ','"),
        ("[ a [ b [ c, a ]]]", "'a' twice"),
        ("[ a [ b [ c [ d ]]]]", "no rule inside a datum"),
        ("[ step:Step=x [ b [ c ]]]", "expected hours"),
        ("[ a [ b [ c ]]] x", "begins with"),
        ("a: Step; a: Step; [ a [ b [ c ]]]", "one type"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        parse_rules(text)


@given(st.text(alphabet="ab:;[],=?!/-#\n 1", max_size=40))
def test_any_text_is_a_schema_or_a_mistake(text: str) -> None:
    try:
        rules, _ = parse_rules(text)
    except InvalidConfig:
        return
    assert rules


def test_unused_keywords_and_missing_ones_are_named() -> None:
    with pytest.raises(InvalidKey, match="keywords not used: foo"):
        Schema(LARGE).split({**FIELD, "foo": 1})
    with pytest.raises(InvalidKey, match="expected param"):
        Schema(LARGE).split({k: v for k, v in FIELD.items() if k != "param"})
    for wrong in ({"step": [1]}, {"step": None}):
        with pytest.raises(InvalidKey):
            Schema(LARGE).split({**FIELD, **wrong})


def test_requested_values_find_what_answers_them() -> None:
    schema = default_schema()
    words = ["", "0", "24", "0-24", "12-24", "167", "167.128", "31.128", "228228"]

    def found(keyword: str, value: object) -> list[str]:
        wanted = wanted_of(Request({keyword: value}), schema)[keyword]  # type: ignore[dict-item]
        return [words[n] for hits in answers(wanted, Words(words)) for n in hits]

    assert found("step", "24") == ["24", "0-24", "12-24"]
    assert found("step", "0-24") == ["0-24"]
    assert found("param", 167) == ["167", "167.128"]
    assert found("param", "167.128") == ["167.128", "167"]
    assert found("param", 31) == ["31.128"]
    assert found("param", "228.228") == ["228228"]
    with pytest.raises(InvalidRequest, match="did you mean 'step'"):
        wanted_of(Request({"stepp": 1}), schema)


def test_the_default_schema_takes_what_models_write() -> None:
    schema = default_schema()
    assert schema.order[:2] == ("class", "dataset")
    base = {k: v for k, v in FIELD.items() if k not in ("grid",)}
    for extra in ({}, {"number": 3}, {"timespan": "24h", "stattype": "average"}, {"grid": "O320"}):
        assert set(schema.key_of({**base, **extra})) == set(base) | set(extra)
    twin = {**base, "class": "d1", "dataset": "climate-dt", "activity": "cmip6", "resolution": "high"}
    twin.pop("domain")
    assert schema.split(twin)[0].rule.number == 0
    assert schema.split({**base, "stream": "enfh", "hdate": 20060101})[0].rule.number == 1
