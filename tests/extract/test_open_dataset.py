"""Does a dataset of a store read the bytes of a slice, and the right ones, in threads and other processes?"""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

xr = pytest.importorskip("xarray", reason="xarray is not installed")

from dte_hpc.base.errors import CorruptData, FieldNotFound, InvalidRequest  # noqa: E402
from dte_hpc.extract import extract  # noqa: E402
from dte_hpc.extract.backend import DteBackend  # noqa: E402
from dte_hpc.extract.fields import dataset_of  # noqa: E402
from dte_hpc.fdb import FDB  # noqa: E402
from dte_hpc.grids import grid as grid_of_name  # noqa: E402

COMMON = {"class": "od", "stream": "oper", "expver": "0001", "date": "20260101", "time": "0000", "type": "fc"}
HOURS = np.timedelta64(3600, "s")


def words(**more):
    return {**COMMON, "levtype": "pl", **more}


def without(mapping, name):
    return {keyword: value for keyword, value in mapping.items() if keyword != name}


def open_it(made, request, **options):
    return xr.open_dataset(request, engine=DteBackend, store=made.store, **options)


def stored(made, **key):
    return made.store.retrieve({**words(param="130"), **key}).to_numpy()[0]


@pytest.fixture
def full(made):
    return made.add("O32", levels=(500, 850), steps=(0, 3, 6), params=(130, 131))


def test_it_opens_by_a_mapping_a_file_or_the_name_of_a_store(full, tmp_path):
    request = words(param="t/u", levelist="500/850", step="0/to/6/by/3")
    one = open_it(full, request)
    assert dict(one.sizes) == {"levelist": 2, "step": 3, "points": grid_of_name("O32").n_points}
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))
    root = str(full.root)
    name = root + "?" + ",".join(f"{k}={v}" for k, v in request.items())
    for other in (
        xr.open_dataset(file, engine=DteBackend, store=root),
        xr.open_dataset(name, engine=DteBackend),
        xr.open_dataset(root, engine=DteBackend, request=request),
        xr.open_dataset(full.root, engine=DteBackend, request=file),
        xr.open_dataset(f"{root}?param=t/u", engine=DteBackend, request=without(request, "param")),
    ):
        xr.testing.assert_identical(one.isel(points=[5]).load(), other.isel(points=[5]).load())


def test_values_coordinates_and_attributes(full):
    data = open_it(full, words(param="t/u", levelist="500/850", step="0/3/6"))
    assert set(data.data_vars) == {"t", "u"}
    assert data["t"].dims == ("levelist", "step", "points")
    assert data["t"].attrs["units"] == "K"
    assert data.attrs["class"] == "od"
    assert data["levelist"].attrs["units"] == "hPa"
    assert data["time"].dims == ("step",)
    latitude, longitude = grid_of_name("O32").coordinates()
    np.testing.assert_array_equal(data["latitude"][10:20], latitude[10:20])
    np.testing.assert_array_equal(data["longitude"][::-1].values, longitude[::-1])
    for level in (500, 850):
        for step in (0, 3, 6):
            got = data["t"].sel(levelist=level, step=step * HOURS)
            np.testing.assert_array_equal(got, stored(full, levelist=level, step=step))


@pytest.mark.parametrize("packing", ["simple", "ccsds"])
def test_a_slice_is_what_the_whole_is_sliced(made, packing):
    made.add("2/2", packing=packing, levels=(500, 850, 1000), steps=(0, 3, 6, 9))
    data = open_it(made, words(param="130", levelist="all", step="all"))["t"]
    assert data.dims == ("levelist", "step", "latitude", "longitude")
    whole = data.load().values.copy()
    lazy = open_it(made, words(param="130", levelist="all", step="all"))["t"]
    rng = np.random.default_rng(1)
    for _ in range(60):
        key = tuple(one_index(rng, n) for n in whole.shape)
        got = lazy[key].values
        np.testing.assert_array_equal(got, outer(whole, key))


def one_index(rng, n):
    match rng.integers(5):
        case 0:
            return int(rng.integers(-n, n))
        case 1:
            return slice(*sorted(rng.integers(0, n + 1, 2).tolist()))
        case 2:
            return slice(None, None, int(rng.choice([-3, -1, 2])))
        case 3:
            return rng.integers(0, n, 4)
        case _:
            return slice(None)


def outer(values, key):
    axis = 0
    for one in key:
        values = values[(slice(None),) * axis + (one,)]
        axis += not isinstance(one, int)
    return values


def test_a_slice_of_a_thousand_fields_reads_its_own_bytes(made):
    made.add("H8", levels=tuple(range(100, 1000, 90)), steps=tuple(range(100)))
    data = open_it(made, words(param="130", levelist="all", step="all"))
    account = data.encoding["account"]
    assert data["t"].shape[:2] == (10, 100)
    assert account.bytes_read == 0
    series = data["t"].isel(points=400).sel(levelist=550).load()
    assert (account.fields, account.bytes_read, account.reads) == (100, 200, 100)
    np.testing.assert_array_equal(series[[0, 42]], [stored(made, levelist=550, step=s)[400] for s in (0, 42)])
    data["t"].isel(levelist=0, step=slice(0, 3), points=slice(100, 200)).load()
    assert account.bytes_read == 200 + 3 * 200
    data["t"].isel(levelist=0, step=0, points=[1, 100, 500]).load()
    assert account.bytes_read == 800 + 6


OF_STRACE = """
import sys
import xarray as xr
from dte_hpc.extract.backend import DteBackend
from dte_hpc.extract.read import warm
warm()
data = xr.open_dataset(sys.argv[1], engine=DteBackend)
open("/dev/null").close()
print(float(data["t"].isel(points=4000, levelist=0).sum()), data.encoding["account"].bytes_read)
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_what_the_kernel_was_asked_for(made, tmp_path):
    made.add("O32", levels=(500, 850), steps=tuple(range(50)))
    name = f"{made.root}?" + ",".join(
        f"{k}={v}" for k, v in words(param="130", levelist="all", step="all").items()
    )
    log = tmp_path / "calls"
    call = [
        "strace",
        "-f",
        "-y",
        "-e",
        "trace=pread64,read,readv,preadv",
        "-o",
        log,
        sys.executable,
        "-c",
        OF_STRACE,
    ]
    done = subprocess.run([*call, name], capture_output=True, text=True, timeout=100, env=os.environ)
    if "ptrace" in done.stderr and done.returncode:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    read = [int(n) for n in re.findall(r"\.data>.* = (\d+)$", log.read_text(), re.M)]
    assert sum(read) == 100 == int(done.stdout.split()[1])


def test_whole_fields_are_compared_with_their_checksums(made):
    made.add("O32", steps=(0, 3))
    (file,) = made.root.rglob("*.data")
    data = bytearray(file.read_bytes())
    data[len(data) // 4] ^= 1
    file.write_bytes(data)
    opened = open_it(made, words(param="130", levelist="500", step="0/3"))
    with pytest.raises(CorruptData, match="checksum"):
        opened["t"].isel(step=0).load()
    opened["t"].isel(step=1).load()


def test_holes_are_missing_and_several_dates_are_a_dimension(made):
    made.add("O32", steps=(0, 6), params=(130,)).add("O32", steps=(0,), params=(131,))
    made.add("O32", steps=(0, 6), params=(130,), date=20260102)
    data = open_it(made, words(param="all", levelist="all", step="all", date="all"))
    assert data["t"].dims[:2] == ("reference_time", "step")
    assert data["time"].dims == ("reference_time", "step")
    assert np.isnan(data["u"].sel(step=6 * HOURS).isel(points=7)).all()
    assert np.isnan(data["u"].isel(reference_time=1, points=7)).all()
    assert np.isfinite(data["u"].isel(reference_time=0, step=0, points=7))
    data = open_it(made, words(param="130", levelist="500", step="0", date="all"))
    assert data["t"].dims == ("time", "points")
    assert data["time"].values.astype("datetime64[D]").astype(str).tolist() == ["2026-01-01", "2026-01-02"]


def test_a_feature_is_opened_too(full):
    box = {"type": "boundingbox", "points": [[40, 0], [50, 10]]}
    request = words(param="t/u", levelist="500/850", step="0/3/6", feature=box)
    data = open_it(full, request)
    xr.testing.assert_identical(
        data.load().drop_attrs(), extract(full.store, request).to_xarray().drop_attrs()
    )
    points = {"type": "position", "points": [[50, 10], [-50, 10], [50, 10]]}
    request = words(param="t", levelist="500/850", step="0/3/6", feature=points)
    xr.testing.assert_equal(open_it(full, request).load(), extract(full.store, request).to_xarray())
    flight = {"type": "trajectory", "points": [[0, 0, 500, 0], [10, 10, 850, 6]], "inflation": [3, 3, 400, 9]}
    request = words(param="t", feature=flight)
    xr.testing.assert_identical(open_it(full, request), extract(full.store, request).to_xarray())


def test_threads_read_at_once(full):
    data = open_it(full, words(param="t/u", levelist="500/850", step="0/3/6"))["t"]
    whole = data.values.copy()
    lazy = open_it(full, words(param="t/u", levelist="500/850", step="0/3/6"))
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda at: lazy["t"][:, :, at].values, range(0, 4000, 50)))
    np.testing.assert_array_equal(np.stack(got, axis=-1), whole[:, :, 0:4000:50])
    assert lazy.encoding["account"].bytes_read == 80 * 6 * 2


def test_it_is_pickled_as_the_request_and_found_again(full):
    data = open_it(full, words(param="t", levelist="500/850", step="0/3/6"))
    data.encoding.clear()
    text = pickle.dumps(data["t"])
    assert len(text) < 20_000
    again = pickle.loads(text)
    np.testing.assert_array_equal(again[1, 2, 50:60], data["t"][1, 2, 50:60])
    full.add("O32", levels=(500, 850), steps=(0, 3, 6), params=(130,))
    from dte_hpc.extract import opened

    opened._reopened.cache_clear()
    with pytest.raises(InvalidRequest, match="opened again"):
        pickle.loads(text)


def test_chunks_of_dask(full):
    pytest.importorskip("dask.array", reason="dask is not installed")
    request = words(param="t", levelist="500/850", step="0/3/6")
    data = xr.open_dataset(request, engine=DteBackend, store=full.store, chunks={"step": 1})
    whole = open_it(full, request)["t"].values
    assert float(data["t"].mean()) == pytest.approx(whole.mean())


def test_mistakes_are_said(full, tmp_path):
    request = words(param="t", levelist="500", step="0")
    with pytest.raises(InvalidRequest, match="is not there"):
        xr.open_dataset(tmp_path / "absent", engine=DteBackend, request=request)
    with pytest.raises(InvalidRequest, match="keyword=value"):
        xr.open_dataset(f"{full.root}?class", engine=DteBackend)
    with pytest.raises(InvalidRequest, match="in request="):
        xr.open_dataset(f"{full.root}?class=od", engine=DteBackend, request=request)
    with pytest.raises(InvalidRequest, match="in store="):
        xr.open_dataset(f"{full.root}?class=od", engine=DteBackend, store=full.root)
    with pytest.raises(InvalidRequest, match="expected one of them"):
        xr.open_dataset(request, engine=DteBackend, request=request)
    with pytest.raises(FieldNotFound):
        open_it(full, {**request, "step": "0/12"})
    with pytest.raises(FieldNotFound, match="grid=O48"):
        open_it(full, request, grid="O48")
    full.add("2/2", levels=(850,))
    with pytest.raises(InvalidRequest, match=r"stored on the grids 2\+2, O32; expected grid="):
        open_it(full, {**request, "levelist": "all"})
    assert open_it(full, {**request, "levelist": "all"}, grid="2/2")["t"].dims == ("latitude", "longitude")
    assert "u" not in open_it(
        full, words(param="t/u", levelist="500", step="0"), grid="O32", drop_variables="u"
    )


def test_retrieved_fields_are_a_dataset(full):
    request = words(param="130/131", levelist="500/850", step="0/3/6")
    data = dataset_of(full.store.retrieve(request))
    xr.testing.assert_identical(data.load(), open_it(full, request).load())
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(dataset_of(full.store.retrieve(request))["t"])
    with pytest.raises(FieldNotFound, match="no fields"):
        dataset_of(FDB(full.root).list({"step": "99"}))


def test_a_real_file_on_a_part_of_the_globe(made, data):
    made.store.archive((data / "era5-2mt-2019-03-uk.grib").read_bytes())
    made.store.flush()
    handle = made.store.retrieve({"date": made.store.list().column("date").tolist()})
    opened = dataset_of(handle)
    (name,) = opened.data_vars
    assert opened[name].dims[-2:] == ("latitude", "longitude")
    np.testing.assert_array_equal(
        opened[name][..., 3, 4].values.ravel(), handle.to_numpy()[:, 3 * opened.sizes["longitude"] + 4]
    )
