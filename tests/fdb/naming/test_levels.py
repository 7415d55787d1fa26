"""Which level of a stored key each keyword is on."""

from dte_hpc.fdb.naming.levels import Levels
from dte_hpc.fdb.naming.schema import Schema


def test_the_rule_is_found_from_the_stored_key():
    levels = Levels(
        Schema("[class=od, date [type=an [levtype?, param]][type [number, param]]][class[type[param]]]")
    )
    key = {"class": "od", "date": "20260101", "type": "an", "param": "1"}
    assert levels.names(key) == (("class", "date"), ("type",), ("param",))
    assert levels.names({**key, "type": "fc", "number": "3"})[2] == ("number", "param")
    assert levels.names({"class": "rd", "type": "an", "param": "1"}) == (("class",), ("type",), ("param",))
    assert [dict(part) for part in levels.split(key)] == [
        {"class": "od", "date": "20260101"},
        {"type": "an"},
        {"param": "1"},
    ]


def test_a_key_of_no_rule_is_all_database():
    assert Levels(Schema("[a[b[c]]]")).names({"x": "1"}) == (("x",), (), ())


def test_hidden_and_renamed_keywords():
    schema = Schema("[class, hdate:Date [stream-[param, date:MonthOfDate]]]")
    stored = schema.key_of(
        {"class": "od", "hdate": "20260101", "stream": "x", "param": "1", "date": "20260203"}
    )
    database, index, datum = Levels(schema).names(stored)
    assert (database, index) == (("class", "hdate"), ())
    assert set(datum) == set(stored) - {"class", "hdate"}
