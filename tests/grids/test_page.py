"""Do the names in docs/grids.md mean what the page says?"""

import re
from pathlib import Path

import pytest

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import grid

PAGE = (Path(__file__).parents[2] / "docs" / "grids.md").read_text(encoding="utf-8")
NAMES, REFUSED = PAGE.partition("## How points")[0], PAGE.partition("## What raises")[2]


@pytest.mark.parametrize(("name", "n_points"), re.findall(r"^\| `(\S+)` \| (\d+) \|", NAMES, re.MULTILINE))
def test_a_name_has_as_many_points_as_the_page_says(name, n_points):
    assert grid(name).n_points == int(n_points)


def _refused():
    rows = [line.split("|")[2] for line in REFUSED.splitlines() if line.startswith("| ")]
    return [name for row in rows for name in re.findall(r"`([^`(]+)`", row)]


@pytest.mark.parametrize("name", _refused())
def test_a_name_that_the_page_calls_wrong_is_refused(name, monkeypatch):
    monkeypatch.delenv("DTE_GRIDS", raising=False)
    with pytest.raises(InvalidGrid):
        grid(name)


def test_the_page_has_names():
    assert len(re.findall(r"^\| `(\S+)` \| (\d+) \|", NAMES, re.MULTILINE)) == 17
    assert len(_refused()) == 14
