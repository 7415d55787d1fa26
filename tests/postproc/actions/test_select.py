"""Which fields pass a select."""

import pytest

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
