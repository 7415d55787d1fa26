"""A field on any grid is written with its grid, and its message says which it was."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.decode import decode, grid_name
from dte_hpc.codecs.encode import GribEncoder
from dte_hpc.codecs.gridkeys import grid_keys
from dte_hpc.grids import RowGrid, grid
from dte_hpc.grids.gaussian import reduced_gg_name
from dte_hpc.grids.reduced import reduced_ll_name
from dte_hpc.grids.unstructured import write_points

NAMES = [
    "O8",
    "N16",
    "F16",
    "H8",
    "H8n",
    "10/10",
    "2.5/1.5/40/-10/28/20",
    "10/10/scan/64",
    "2.5/1.5/40/-10/28/20/scan/224",
    "2.5/1.5/40/-10/28/20/scan/16",
    "2.5/1.5/40/-10/28/20/south-pole/-30/15",
    "O8/south-pole/-40/20",
    "F16/south-pole/-40/20",
    "F16/scan/64",
    reduced_ll_name(90, 0, -90, 360, np.array([0, 12, 20, 24, 20, 12, 0])),
    reduced_ll_name(40, -10, 28, 20, np.array([25, 0, 38, 41])),
    reduced_ll_name(40, -10, 28, 20, np.array([25, 0, 38, 41])) + "/scan/64",
    "lambert/12x9/90000/70000/37.5/-12/2/46.5/46.5/6371229",
    "lambert/12x9/90000/70000/37.5/-12/2/30/60/6378137x6356752.314",
    "lambert/12x9/90000/70000/-37.5/-12/2/-30/-60/6371000/scan/0",
    "polar-stereographic/12x9/90000/70000/57.5/-12/10/60/6371229",
    "polar-stereographic/12x9/90000/70000/-57.5/-12/10/-60/6371229",
    "mercator/12x9/90000/70000/-5/100/20/6371229",
    "mercator/12x9/90000/70000/-5/100/20/6378388x6356911.94/scan/64",
    reduced_gg_name(8, np.array([20, 24, 28, 32, 36, 36, 36, 36] * 2)),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_field_comes_back_on_its_grid(name):
    found = grid(name)
    assert found.name == name
    values = np.arange(found.n_points, dtype=float)
    metadata = Metadata(
        {
            "class": "od", "stream": "oper", "expver": "0001", "date": 20260101, "time": 0, "type": "fc",
            "levtype": "sfc", "param": 167, "step": 0, "grid": name,
        }
    )  # fmt: skip
    encoded = GribEncoder().encode(Field(metadata=metadata, values=values))
    assert grid_name(encoded.message) == name
    assert encoded.metadata["grid"] == name
    np.testing.assert_allclose(decode(encoded.message), values, atol=found.n_points / 60_000)


def test_a_field_of_points_keeps_the_uuid(tmp_path, monkeypatch):
    name = f"unstructured-{bytes(range(16)).hex()}-2"
    write_points(tmp_path, name, np.linspace(-80, 80, 30), np.linspace(0, 350, 30))
    monkeypatch.setenv("DTE_GRIDS", str(tmp_path))
    test_a_field_comes_back_on_its_grid(name)


def test_what_grib2_cannot_say_is_refused():
    line = RowGrid(
        name="equator",
        kind="line",
        latitudes=np.zeros(1),
        row_start=np.array([0, 4]),
        first_longitude=np.zeros(1),
        spacing=np.full(1, 90.0),
        wraps=True,
    )
    with pytest.raises(InvalidPart, match="no template"):
        grid_keys(line, 4)
    with pytest.raises(InvalidPart, match="no template"):
        grid_keys(grid("H8/south-pole/-30/15"), 768)
    with pytest.raises(InvalidPart, match="expected 768"):
        grid_keys(grid("H8"), 5)
