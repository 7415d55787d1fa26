"""Every plan in ``plans/`` is right, can be explained, and makes what NumPy makes of the same fields."""

import importlib.util
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
from dte_hpc.postproc.actions.levels import read_levels
from dte_hpc.postproc.plans.explain import draw, explain

PLANS = Path(__file__).parents[2] / "plans"
NAMES = {"class": "od", "stream": "oper", "expver": "0001", "type": "fc", "levtype": "sfc"}
NAMES |= {"date": 20260101, "time": 0, "grid": "30/30"}
SIZE = grid("30/30").n_points
DAY = range(1, 25)
needs_mir = pytest.mark.skipif(
    importlib.util.find_spec("mir") is None, reason="mir-python, which makes weights, is not installed"
)


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
    steps = range(25)
    grown = {seed: np.cumsum([values(step, seed) for step in steps], axis=0) for seed in (0, 1)}
    fields = [({"param": 146 + seed, "step": s}, grown[seed][s]) for s in steps for seed in (0, 1)]
    run("fluxes-six-hourly", fields)
    with h5py.File("fluxes.h5") as file:
        assert file["146/values"].shape == (4, SIZE)
        np.testing.assert_allclose(file["147/values"][1], grown[1][12] - grown[1][6])
        np.testing.assert_allclose(file["146/values"][:].sum(0), grown[0][24] - grown[0][0])
        assert json.loads(file["147/keys"][1])["endStep"] == 12


def test_pressure_levels():
    surface = np.random.default_rng(1).uniform(9e4, 1.03e5, SIZE)
    levels = read_levels("L91", "$")
    fields = [({"param": 134, "step": 1}, surface)]
    for k in range(91):
        temperature = 250.0 + 30.0 * np.log((levels.a[k] + levels.b[k] * surface) / 1e5)
        fields.append(({"param": 130, "levtype": "ml", "levelist": k + 1, "step": 1}, temperature))
    run("pressure-levels", fields)
    assert json.loads(Path("upper-air.zarr/t/zarr.json").read_text())["shape"] == [1, 3, 7, 12]
    for row, hpa in enumerate((250, 500, 850)):
        chunk = np.fromfile(f"upper-air.zarr/t/c/0/{row}/0/0", "<f8")
        np.testing.assert_allclose(chunk, 250.0 + 30.0 * np.log(hpa / 1e3), rtol=1e-12)


def test_ensemble_probabilities():
    fields = [({"param": 167, "stream": "enfo", "number": n, "step": 6}, values(n)) for n in range(1, 51)]
    run("ensemble-probabilities", fields)
    members = np.array([own for _, own in fields])
    wanted = {"mean": members.mean(0), "standard_deviation": members.std(0)}
    with h5py.File("ensemble-20260101.nc") as file:
        found = {name: file[name][:].ravel() for name in file if file[name].ndim > 2}
    assert len(found) == 3
    likely = (members < 273.15).mean(0)
    for expected in (*wanted.values(), likely):
        assert any(np.allclose(each, expected) for each in found.values()), found


def test_dissemination():
    run("dissemination", hourly(167, [1, 2]) + hourly(130, [1]), server_index=3)
    found = messages(Path("server-3-products.grib"))
    np.testing.assert_allclose(found, [values(1), values(2)], atol=1e-2)


def test_native_archive():
    run("native-archive", hourly(167, [1, 2]))
    assert len(FDB("store").list()) == len(messages(Path("native.grib"))) == 2


def test_wind_maxima():
    run("wind-maxima", hourly(165) + hourly(166, seed=1), notify={"step": 24})
    with h5py.File("wind.nc") as file:
        np.testing.assert_allclose(file["10si_maximum"][0].ravel(), np.hypot(day(), day(1)).max(0))
    event = {"type": "NotifyMetadata", "info": {"app": "wind"}, "metadata": {"step": 24}}
    assert json.loads(Path("events.json").read_text()) == event


def test_two_views():
    run("two-views", hourly(167) + hourly(168, seed=1))
    with h5py.File("daily-168.nc") as mean, h5py.File("hourly-167.nc") as all_of_it:
        np.testing.assert_allclose(mean["2d_mean"][0].ravel(), day(1).mean(0))
        np.testing.assert_array_equal(all_of_it["2t"][:].reshape(24, -1), day())


@needs_mir
def test_healpix_resolutions(monkeypatch):
    monkeypatch.setenv("DTE_WEIGHTS", "weights")
    flat = np.full(SIZE, 273.15)
    run("healpix-resolutions", [({"param": 167, "step": 1}, flat), ({"param": 151, "step": 1}, values(1))])
    for name, wanted in (("high", "H32n"), ("standard", "H8n")):
        constant, other = messages(Path(f"{name}.grib"))
        assert constant.size == grid(wanted).n_points
        np.testing.assert_allclose(constant, 273.15, rtol=1e-6)
        assert values(1).min() - 1e-3 <= other.min() <= other.max() <= values(1).max() + 1e-3


@needs_mir
def test_stations(monkeypatch):
    monkeypatch.setenv("DTE_WEIGHTS", "weights")
    run("stations", hourly(167) + hourly(168, seed=1))
    near = grid("30/30").nearest(np.array([51.42, 44.5, 50.72]), np.array([359.06, 11.35, 7.1]))
    with h5py.File("stations.nc") as file:
        np.testing.assert_array_equal(file["2t"][:], day()[:, near])
        np.testing.assert_array_equal(file["2d"][:], day(1)[:, near])
        np.testing.assert_allclose(file["latitude"][:], [51.42, 44.5, 50.72])
