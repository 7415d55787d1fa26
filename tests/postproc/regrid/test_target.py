"""Areas are cut as MIR cuts them; what MIR 1.30 answers was written down here."""

import pytest

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.postproc.regrid.target import cut, listed, plain_name


@pytest.mark.parametrize(
    ("name", "area", "found", "n_points"),
    [
        ("1/1", (57.3, -9.7, 50.9, 1.2), "1/1/56.9/-9.7/50.9/0.3", 77),
        ("0.7/0.7", (57.3, -9.7, 50.9, 1.2), "0.7/0.7/57.2/-9.7/50.9/0.8", 160),
        ("1.5/1.5", (90, -180, -90, 180), "1.5/1.5/90/-180/-90/178.5", 121 * 240),
        ("2/2", (60, 350, 30, 20), "2/2/60/-10/30/20", 256),
        ("1/1", (60, 0, 30, 359), "1/1/60/0/30/359", 31 * 360),
        ("0.25/0.25", (50.1, 10.1, 50.05, 10.2), "0.25/0.25/50.05/10.1/50.05/10.1", 1),
    ],
)
def test_an_area_begins_at_its_south_west_corner(name, area, found, n_points):
    part = cut(name, area)
    assert (part.name, part.n_points) == (found, n_points)


@pytest.mark.parametrize(("name", "west"), [("O16", -9.0), ("F16", -5.625)])
def test_of_other_grids_the_points_inside_are_taken(name, west):
    part = cut(name, (60, -10, 30, 20))
    latitude, longitude = part.coordinates()
    assert latitude.max() == pytest.approx(58.1429540492033)
    assert latitude.min() == pytest.approx(30.4575539611521)
    assert longitude.min() == pytest.approx(west)


def test_what_is_no_area_is_told():
    with pytest.raises(InvalidGrid, match="north/west/south/east"):
        cut("1/1", (10, 0, 20, 30))
    with pytest.raises(InvalidGrid, match="no point of H1 lies in"):
        cut("H1", (1.1, 1.1, 1.0, 1.2))


def test_points_are_named_after_themselves():
    assert listed([1.0], [2.0]).name == listed([1], [2]).name != listed([2.0], [1.0]).name


def test_names_of_multio_are_understood():
    names = ["H32_nested", "H32_ring", "TCO319", "TL159", "O96"]
    assert [plain_name(name) for name in names] == ["H32n", "H32", "O320", "N80", "O96"]
    with pytest.raises(InvalidGrid, match="spectral coefficients"):
        plain_name("T21")
