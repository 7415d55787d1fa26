"""Every plan in ``plans/`` is right, can be explained, and makes what NumPy makes of the same fields."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.layout import split
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.plans.explain import draw, explain

PLANS = Path(__file__).parents[2] / "plans"
NAMES = {"class": "od", "stream": "oper", "expver": "0001", "type": "fc", "levtype": "sfc"}
NAMES |= {"date": 20260101, "time": 0, "grid": "30/30"}
SIZE = grid("30/30").n_points
DAY = range(1, 25)


def values(step, seed=0):
    return np.random.default_rng(1000 * seed + step).uniform(250.0, 300.0, SIZE)


def run(name, fields, mask=None, notify=None, **options):
    pipeline = Pipeline(load_plans(PLANS / f"{name}.yaml"), **options)
    for words, own in fields:
        pipeline.process(Field(metadata=Metadata(NAMES | words), values=own), mask)
    if notify:
        pipeline.flush()
        pipeline.notify(Metadata(notify))
    pipeline.close()


def hourly(param, steps=DAY, seed=0):
    return [({"param": param, "step": step}, values(step, seed)) for step in steps]


def day(seed=0):
    return np.array([values(step, seed) for step in DAY])


def messages(path):
    return [decode(message) for message in split(path.read_bytes())]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_plan_is_right_and_explained(path):
    assert path.read_text().startswith("# ")
    for plan in load_plans(path):
        assert plan.name in draw(plan, explain(plan, grid_name="O32"))


def test_ocean_monthly_means():
    mask = np.arange(SIZE) % 3 > 0
    run("ocean-monthly-means", hourly(34, range(1, 31 * 24 + 1)), mask)
    with h5py.File("ocean-34.nc") as file:
        found = file["sst_mean"][0].ravel()
        assert file["sst_mean"].attrs["cell_methods"] == b"time: mean"
        assert file["time_bnds"][0].tolist() == [1767225600, 1767225600 + 31 * 86400]
    expected = np.mean([values(step) for step in range(1, 31 * 24 + 1)], axis=0) + 273.15
    assert np.isnan(found[~mask]).all()
    np.testing.assert_allclose(found[mask], expected[mask])


def test_daily_extremes():
    run("daily-extremes", hourly(167))
    expected = (day().mean(0), day().min(0), day().max(0))
    for found, wanted in zip(messages(Path("extremes.grib")), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_precipitation_sums():
    run("precipitation-sums", hourly(228))
    with h5py.File("precipitation.nc") as file:
        np.testing.assert_allclose(file["tp"][0].ravel(), day().sum(0))


def test_fluxes_six_hourly():
    run("fluxes-six-hourly", hourly(146) + hourly(147, seed=1))
    with h5py.File("fluxes.h5") as file:
        assert file["146/values"].shape == (4, SIZE)
        np.testing.assert_allclose(file["147/values"][1], day(1)[6:12].mean(0))
        assert json.loads(file["147/keys"][1])["endStep"] == 12


def test_pressure_levels():
    fields = [({"param": 130, "levtype": "pl", "levelist": p, "step": 1}, values(p)) for p in (850, 500, 700)]
    run("pressure-levels", fields)
    chunk = np.fromfile("upper-air.zarr/t/c/0/1/0/0", "<f8")
    np.testing.assert_array_equal(chunk, values(500))
    assert json.loads(Path("upper-air.zarr/t/zarr.json").read_text())["shape"] == [1, 2, 7, 12]


def test_ensemble_members():
    fields = [({"param": 167, "stream": "enfo", "number": n, "step": 6}, values(n)) for n in (1, 2, 3)]
    run("ensemble-members", fields)
    with h5py.File("ensemble-20260101.nc") as file:
        np.testing.assert_array_equal(file["2t"][0, 1].ravel(), values(2))
        assert file["number"][:].tolist() == [1, 2, 3]


def test_dissemination():
    run("dissemination", hourly(167, [1, 2]) + hourly(130, [1]), server_index=3)
    found = messages(Path("server-3-products.grib"))
    np.testing.assert_allclose(found, [values(1), values(2)], atol=1e-2)


def test_native_archive():
    run("native-archive", hourly(167, [1, 2]))
    assert len(FDB("store").list()) == len(messages(Path("native.grib"))) == 2


def test_wind_maxima():
    run("wind-maxima", hourly(228029), notify={"step": 24})
    with h5py.File("gusts.nc") as file:
        (name,) = [n for n in file if file[n].ndim == 3]
        np.testing.assert_array_equal(file[name][0].ravel(), day().max(0))
    event = {"type": "NotifyMetadata", "info": {"app": "gusts"}, "metadata": {"step": 24}}
    assert json.loads(Path("events.json").read_text()) == event


def test_two_views():
    run("two-views", hourly(167) + hourly(168, seed=1))
    with h5py.File("daily-168.nc") as mean, h5py.File("hourly-167.nc") as all_of_it:
        np.testing.assert_allclose(mean["2d_mean"][0].ravel(), day(1).mean(0))
        np.testing.assert_array_equal(all_of_it["2t"][:].reshape(24, -1), day())
