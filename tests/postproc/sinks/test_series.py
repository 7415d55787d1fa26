"""Places of fields in NetCDF and Zarr: none is lost, and what has none is refused."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc.sinks.series import Series

NAME = {"date": 20260101, "time": 0, "levtype": "sfc", "param": "167", "step": 1}


def field(dtype=np.float64, **more):
    return Field(metadata=Metadata({**NAME, **more}), values=np.zeros(4, dtype))


def test_fields_that_differ_in_a_keyword_of_mars_or_in_precision_have_variables_of_their_own():
    series = Series()
    fields = [field(direction=1), field(direction=2), field(direction=2, dtype=np.float32), field(hdate=1)]
    assert len({series.place(one)[0].name for one in fields}) == 4


def test_two_fields_of_one_place_are_refused_and_the_same_one_again_is_not():
    series = Series()
    first = series.place(field(mine=1, bitsPerValue=16))
    assert series.place(field(mine=1, bitsPerValue=12)) == first
    with pytest.raises(InvalidPart, match=r"mine=2.* has the place of another one"):
        series.place(field(mine=2))


def test_a_window_of_minutes():
    series = Series()
    variable, _ = series.place(field(stattype="average", startStep="30m", step="90m"))
    assert variable.axes[0].table["time_bnds"] == [(1767225600 + 1800, 1767225600 + 5400)]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"time": "noon"}, "time 'noon'; expected HHMM"),
        ({"number": "control"}, "number 'control'"),
        ({"levtype": "pl", "levelist": "low"}, "levelist 'low'"),
        ({"levtype": "pl", "levelist": float("inf")}, "levelist inf"),
        ({"step": 10**18}, "step"),
        ({"stattype": "average", "startStep": "begin"}, "startStep 'begin'"),
    ],
)
def test_what_has_no_place(more, words):
    with pytest.raises(InvalidPart, match=words):
        Series().place(field(**more))
