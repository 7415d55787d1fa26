"""Row lengths in letters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import grid
from dte_hpc.grids.gaussian import reduced_gg_name
from dte_hpc.grids.reduced import reduced_ll_name
from dte_hpc.grids.row_code import row_code, row_lengths


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**24)), min_size=1, max_size=60))
def test_lengths_come_back(lengths):
    code = row_code(np.array(lengths))
    assert row_lengths("x", code, len(lengths)).tolist() == lengths
    with pytest.raises(InvalidGrid):
        row_lengths("x", code, len(lengths) + 1)


@pytest.mark.parametrize("code", ["A*999999.", "B", "!", "gggggggA", "gg", "A*0.", "BB*2.B", ""])
def test_other_letters_are_refused(code):
    with pytest.raises(InvalidGrid, match="letters"):
        row_lengths("x", code, 3)


def test_known_rows_have_their_short_name():
    for name in ("O16", "N32"):
        assert reduced_gg_name(int(name[1:]), grid(name).row_lengths) == name
        assert grid(f"reduced-gg/{name[1:]}/{row_code(grid(name).row_lengths)}").name == name


@pytest.mark.parametrize(
    "name",
    [
        "reduced-gg/2/UAA",
        "reduced-gg/2/AAAA",
        "reduced-ll/3/90/0/-90/360/AAA",
        "reduced-ll/2/-90/0/90/360/IA",
        "reduced-ll/2/90/0/-90/400/IA",
        "reduced-ll/2/95/0/-90/360/IA",
        "reduced-ll/70000/90/0/-90/360/I*69999.",
    ],
)
def test_nonsense_is_refused(name):
    with pytest.raises(InvalidGrid):
        grid(name)


def test_empty_rows_have_no_points():
    found = grid(reduced_ll_name(60, 0, 0, 360, np.array([0, 4, 8, 0])))
    assert found.latitudes.tolist() == [40, 20]
    assert found.n_points == 12
