"""Is what is drawn what the shape calls for, labelled, and without a warning?"""

import struct

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract import extract, picture
from dte_hpc.extract.files import draw_answer

ASKED = {
    "series": ({"type": "timeseries", "points": [[48.9, 2.4], [40.6, -73.8]]}, {}),
    "profile": ({"type": "verticalprofile", "points": [[48.9, 2.4]]}, {"step": "0"}),
    "section": (
        {"type": "trajectory", "points": [[40, 0, 500, 0], [60, 30, 850, 6]], "inflation": [3, 3, 100, 2]},
        None,
    ),
    "map": ({"type": "boundingbox", "points": [[40, -10], [50, 10]]}, {"step": "0"}),
    "over the date line": (
        {"type": "boundingbox", "points": [[-20, 170], [20, 200]]},
        {"step": "0", "levelist": "500"},
    ),
    "path": (
        {"type": "trajectory", "points": [[0, 0], [20, 30]], "axes": ["lat", "lon"]},
        {"step": "0", "levelist": "500"},
    ),
}


@pytest.fixture
def drawn(made, asked):
    """Return a function from a name to the answer and its picture's panels (colour bars left out)."""
    made.add("O32", levels=(500, 850), steps=(0, 3, 6), params=(130, 131))

    def draw(name):
        feature, words = ASKED[name]
        words = {} if words is None else {"levelist": "500/850", "step": "0/3/6", **words}
        answer = extract(made.store, asked(feature, param="130/131", **words))
        made_picture = picture._picture(answer)
        return answer, [axes for axes in made_picture.axes if axes.get_label() != "<colorbar>"]

    return draw


def test_series(drawn):
    answer, panels = drawn("series")
    assert [panel.get_ylabel() for panel in panels] == ["Temperature (K)", "U component of wind (m s**-1)"]
    lines = panels[0].get_lines()
    assert len(lines) == 4
    np.testing.assert_array_equal(lines[0].get_ydata(), answer.table[:3, 0])
    assert "48." in lines[0].get_label()
    assert "500" in lines[0].get_label()


def test_profile_goes_downwards(drawn):
    answer, panels = drawn("profile")
    assert panels[0].get_ylabel() == "pressure (hPa)"
    assert panels[0].yaxis_inverted()
    np.testing.assert_array_equal(panels[0].get_lines()[0].get_xdata(), answer.values[:2])


def test_section(drawn):
    answer, panels = drawn("section")
    assert panels[0].get_xlabel() == "distance along the path (km)"
    assert panels[0].yaxis_inverted()
    dots = panels[0].collections[0]
    half = answer.values.size // 2
    np.testing.assert_array_equal(dots.get_array(), answer.values[:half])


def test_maps_have_one_panel_a_field(drawn):
    answer, panels = drawn("map")
    assert len(panels) == answer.n_fields == 4
    assert "500 hPa, 2026-01-01 00:00 UTC" in panels[0].get_title()
    west, east = panels[0].get_xlim()
    assert west < -8
    assert east > 8
    assert len(panels[0].get_lines()) == 1
    _, panels = drawn("over the date line")
    west, east = panels[0].get_xlim()
    assert east - west < 50
    answer, panels = drawn("path")
    assert len(panels) == 2


def test_too_many_panels_are_told(made, asked):
    made.add("O32", levels=(500,), steps=tuple(range(12)))
    box = {"type": "boundingbox", "points": [[40, -30], [60, 30]]}
    answer = extract(made.store, asked(box, levelist="500", step="0/to/11"))
    assert "9 of 12 panels" in picture._picture(answer).get_suptitle()


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("series", ".svg"), ("section", ".png"), ("over the date line", ".png"), ("path", ".pdf")],
)
def test_a_file_is_drawn(drawn, tmp_path, name, suffix):
    answer, _ = drawn(name)
    draw_answer(answer, tmp_path / f"a{suffix}")
    data = (tmp_path / f"a{suffix}").read_bytes()
    if suffix == ".png":
        assert data[:4] == b"\x89PNG"
        assert min(struct.unpack(">II", data[16:24])) > 300
    else:
        assert {".svg": b"<svg", ".pdf": b"%PDF"}[suffix] in data[:1000]


def test_missing_values_and_a_wrong_suffix(made, asked, tmp_path):
    made.add("O32", change=lambda v: np.full_like(v, np.nan))
    box = {"type": "boundingbox", "points": [[40, 0], [50, 10]]}
    answer = extract(made.store, asked(box, levelist="500", step="0"))
    draw_answer(answer, tmp_path / "a.png")
    with pytest.raises(InvalidRequest, match=r"'\.jpg'; expected one of \.png, \.pdf, \.svg"):
        draw_answer(answer, tmp_path / "a.jpg")
