"""Interpolation is MIR's own, to 1e-12, between grids of every family; MIR runs once, in its own process."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.grids import grid
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.regrid.interpolate import Interpolate
from dte_hpc.postproc.regrid.mir import mir_name
from dte_hpc.postproc.regrid.options import InterpolateOptions

pytest.importorskip("mir", reason="mir-python, which makes weights, is not installed")

AREA, SEAM = "1/1/60/-10/30/30", "2/2/40/-20/-40/20"
QUICK = [
    ("O32", "5/5", "linear"),
    ("H8", "O16", "nearest-neighbour"),
    ("2/2", "F16", "linear"),
    ("N32", "10/10", "grid-box-average"),
]
MORE = [
    ("O32", "N32", "linear"),
    ("O48", "O32", "linear"),
    ("O32", "F16", "linear"),
    ("O32", "H8", "linear"),
    ("O32", "H8n", "linear"),
    ("O32", AREA, "linear"),
    ("O32", SEAM, "linear"),
    ("N32", "O16", "linear"),
    ("N32", "3/3", "linear"),
    ("F32", "O32", "linear"),
    ("F32", "2.5/2.5", "linear"),
    ("F32", "H8", "linear"),
    ("1/1", "1.2/0.5", "linear"),
    ("2/1", "O32", "linear"),
    ("1.5/1.5", SEAM, "linear"),
    ("H16", "O16", "linear"),
    ("H16n", "O16", "linear"),
    ("H16", "5/5", "linear"),
    ("H16n", AREA, "linear"),
    ("O32", "5/5", "nearest-neighbour"),
    ("N32", "H8n", "nearest-neighbour"),
    ("F32", AREA, "nearest-neighbour"),
    ("2/2", "O32", "nearest-neighbour"),
    ("H16n", "5/5", "nearest-neighbour"),
    ("O32", "5/5", "grid-box-average"),
    ("O32", "F8", "grid-box-average"),
    ("F32", "O8", "grid-box-average"),
    ("1/1", "5/5", "grid-box-average"),
    ("1/1", "O8", "grid-box-average"),
    ("O32", "5/5", "bilinear"),
    ("O32", "5/5", "k-nearest"),
    ("O32", "5/5", "k-nearest,nearest-method=nclosest,nclosest=8"),
]
# values go in and out in files, one process for all pairs: it takes seconds to begin
PROGRAM = """
import json, sys, numpy, mir
for number, (source, settings) in enumerate(json.load(open(sys.argv[1] + "/pairs.json"))):
    job, out = mir.Job(), mir.ArrayOutput()
    for key, value in settings.items():
        job.set(key, value)
    job.execute(mir.ArrayInput(numpy.load(f"{sys.argv[1]}/in-{number}.npy"), source), out)
    numpy.save(f"{sys.argv[1]}/out-{number}.npy", numpy.asarray(out.values()).ravel())
"""


def values_on(name):
    """Waves, with a jump at the seam and noise: nothing an interpolation gets right by chance."""
    latitude, longitude = (np.deg2rad(each) for each in grid(name).coordinates())
    noise = np.random.default_rng(grid(name).n_points).normal(size=latitude.size)
    return 10 * np.sin(3 * latitude) + np.cos(2 * longitude) + longitude + noise


def settings_of(method):
    """Return what a method is called to MIR: its word, and settings after commas."""
    word, *settings = method.split(",")
    split = (each.split("=") for each in settings)
    return {"interpolation": word, **{k: int(v) if v.isdecimal() else v for k, v in split}}


def of_mir(pairs, folder):
    """Return what MIR makes of the values of each pair."""
    told = []
    for number, (source, target, method) in enumerate(pairs):
        np.save(folder / f"in-{number}.npy", values_on(source))
        told.append((source, {"grid": mir_name(grid(target)), **settings_of(method)}))
    (folder / "pairs.json").write_text(json.dumps(told))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "MIR_CACHE_PATH": str(folder), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-800:]
    return [np.load(folder / f"out-{number}.npy") for number in range(len(pairs))]


def ours(source, target, method, folder):
    options = settings_of(method)
    word = options.pop("interpolation")
    action = Interpolate(
        InterpolateOptions(grid=target, interpolation=word, options=options, weights=str(folder)), Context()
    )
    field = Field(metadata=Metadata({"param": 130, "grid": source}), values=values_on(source))
    (out,) = action.process(MaskedField(field=field))
    return out.field.values


def differences(pairs, folder):
    """Return the largest difference of each pair, against values of size 10."""
    found = {}
    for pair, theirs in zip(pairs, of_mir(pairs, folder), strict=True):
        found[pair] = float(np.abs(ours(*pair, folder) - theirs).max())
    return found


@pytest.mark.parametrize(
    "pairs", [pytest.param(QUICK, id="quick"), pytest.param(MORE, id="more", marks=pytest.mark.slow)]
)
def test_values_are_mirs(pairs, tmp_path):
    found = differences(pairs, tmp_path)
    largest = max(found, key=found.get)
    print(f"largest of {len(found)} pairs: {found[largest]:.1e}, {largest}")
    assert {pair: much for pair, much in found.items() if not much <= 1e-12 * 10} == {}
