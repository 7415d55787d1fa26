"""Families of grids are plugs."""

import subprocess
import sys

import numpy as np

from dte_hpc.grids import RowGrid, families, grid


def test_our_own_families_come_by_the_same_road():
    assert {"gaussian", "regular_ll", "healpix"} <= set(families.families())


def test_a_plug_of_somebody_else_is_asked_too(monkeypatch):
    equator = RowGrid(
        name="equator",
        kind="line",
        latitudes=np.zeros(1),
        row_start=np.array([0, 4]),
        first_longitude=np.zeros(1),
        spacing=np.full(1, 90.0),
        wraps=True,
    )
    ours = families.families()
    monkeypatch.setattr(
        families, "families", lambda: {**ours, "line": lambda name: equator if name == "equator" else None}
    )
    families.grid.cache_clear()
    assert grid("equator") is equator
    assert grid("O32").n_points == 5248
    families.grid.cache_clear()


def test_the_room_is_light():
    code = "import sys, dte_hpc.grids as g; g.grid('O32'); print([*{'numba', 'eccodes'} & set(sys.modules)])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
