"""Which fields pass a select."""

import pytest

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.postproc.action import Context
from dte_hpc.postproc.actions.select import Select, SelectOptions

T850 = Metadata({"param": 130, "levtype": "pl", "levelist": 850, "time": "0000", "grid": "1/1"})


def passes(**options):
    return Select(SelectOptions(**options), Context()).accepts(T850)


@pytest.mark.parametrize(
    ("match", "wanted"),
    [
        ({"param": 130}, True),
        ({"param": "130"}, True),
        ({"param": 131}, False),
        ({"param": [130, 131], "levtype": "pl"}, True),
        ({"param": 130, "levtype": "sfc"}, False),
        ([{"levtype": "sfc"}, {"levelist": [500, 850]}], True),
        ({"stream": "oper"}, False),
        ({"param": []}, False),
        ({"time": 0}, True),
        ({"grid": "1/1"}, True),
        ({}, True),
        ([], False),
    ],
)
def test_match(match, wanted):
    assert passes(match=match) is wanted
    assert passes(ignore=match) is not wanted


def test_match_and_ignore_together_are_match_without_ignore():
    assert passes(match={"param": 130}, ignore={"levelist": 500})
    assert not passes(match={"param": 130}, ignore={"levelist": 850})


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"any": [{"match": {"param": 1}}, {"match": {"param": 130}}]}, True),
        ({"any": []}, False),
        ({"all": []}, True),
        ({"all": [{"match": {"param": 130}}, {"not": {"match": {"levtype": "pl"}}}]}, False),
        ({"not_": {"any": [{"match": {"param": 1}}, {"ignore": {"levtype": "pl"}}]}}, True),
        ({"match": {"paramId": 130, "level": 850, "startTime": 0}}, True),
    ],
)
def test_blocks_nest_and_keywords_have_several_spellings(options, wanted):
    assert passes(**options) is wanted


def test_a_text_where_the_plan_has_a_number_is_an_error_unless_the_plan_says_not():
    for match in ({"levtype": 1}, {"param": "t"}):
        with pytest.raises(InvalidPart, match="expected the same type, or 'enforce-same-key-types: false'"):
            passes(match=match)
        assert not passes(match=match, enforce_same_key_types=False)
    assert not passes(match={"param": "131"})
    assert not passes(match={"param": ["t", 131]})
