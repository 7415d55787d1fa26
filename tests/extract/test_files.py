"""Is an answer the same in every kind of file, as other programs read them?"""

import csv
import json

import h5py
import numpy as np
import pytest

from dte_hpc.base.errors import InvalidRequest, MissingDependency, StorageFailed
from dte_hpc.extract import extract, files, records
from dte_hpc.extract.arrays import arrays_of
from dte_hpc.extract.files import write_answer
from dte_hpc.extract.opened import open_arrays
from dte_hpc.extract.to_zarr import ZarrView

BOX = {"type": "boundingbox", "points": [[40, 0], [50, 10]]}
FLIGHT = {"type": "trajectory", "points": [[0, 0, 500, 0], [10, 10, 850, 6]], "inflation": [3, 3, 400, 9]}


@pytest.fixture
def box(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 3, 6), params=(130,))
    made.add(
        "O32", levels=(500, 850), steps=(0, 6), params=(131,), change=lambda v: np.where(v > 270, np.nan, v)
    )
    return extract(made.store, asked(BOX, param="130/131", levelist="all", step="all"))


@pytest.fixture
def flight(made, box, asked):
    return extract(made.store, asked(FLIGHT, param="130"))


def value_at(answer, param, level, step, point):
    for row in range(answer.n_fields):
        if (answer.column("param")[row], answer.level[row], answer.step[row]) == (param, level, step):
            return answer.values_of(row)[point]
    return np.nan


def test_csv(box, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "PART_ROWS", 7)
    write_answer(box, tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert list(rows[0]) == ["reference_time", "time", "step", "levelist", "latitude", "longitude", "t", "u"]
    n = box.index.size
    assert len(rows) == 6 * n
    for number, row in enumerate(rows):
        level, step = float(row["levelist"]), float(row["step"])
        assert float(row["t"]) == value_at(box, "130", level, step, number % n)
        wanted = value_at(box, "131", level, step, number % n)
        assert row["u"] == ("" if np.isnan(wanted) else repr(float(wanted)))
        assert float(row["latitude"]) == box.latitude[number % n]
        assert row["time"] == f"2026-01-01T{int(step):02d}:00:00Z"


def test_geojson(box, tmp_path):
    write_answer(box, tmp_path / "a.geojson")
    told = json.loads((tmp_path / "a.geojson").read_text())
    assert told["type"] == "FeatureCollection"
    assert len(told["features"]) == 6 * box.index.size
    first = told["features"][0]
    assert first["geometry"] == {"type": "Point", "coordinates": [box.longitude[0], box.latitude[0]]}
    assert first["properties"]["t"] == box.values[0]
    assert None in {f["properties"]["u"] for f in told["features"]}


def test_a_trajectory_has_level_and_step_on_each_row(flight, tmp_path):
    write_answer(flight, tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    columns = flight.point_columns()
    for name in ("levelist", "step", "latitude", "longitude"):
        assert [float(row[name]) for row in rows] == columns[name].tolist()
    assert [float(row["t"]) for row in rows] == columns["value"].tolist()


def test_numpy(box, tmp_path):
    write_answer(box, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as found:
        arrays = arrays_of(box)
        assert set(found) == set(arrays.all())
        assert found["t"].shape == (2, 3, box.index.size)
        np.testing.assert_array_equal(found["t"].reshape(6, -1), box.table[:6])
        assert found["time"].dtype == "datetime64[ns]"


def test_netcdf_is_hdf5_with_scales(box, tmp_path):
    write_answer(box, tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc") as file:
        assert [dim[0].name for dim in file["t"].dims] == ["/levelist", "/step", "/points"]
        np.testing.assert_array_equal(file["t"][:].reshape(6, -1), box.table[:6])
        assert np.isnan(file["u"][:, 1]).all()
        assert file["t"].attrs["units"] == b"K"
        assert file["step"][:].tolist() == [0, 10800, 21600]
        assert file.attrs["Conventions"] == b"CF-1.11"


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
@pytest.mark.parametrize("kind", ["box", "flight"])
def test_xarray_reads_netcdf(engine, kind, tmp_path, request):
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip(
        {"h5netcdf": "h5netcdf", "netcdf4": "netCDF4"}[engine], reason=f"{engine} is not installed"
    )
    answer = request.getfixturevalue(kind)
    write_answer(answer, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine=engine, decode_timedelta=True) as found:
        xr.testing.assert_equal(found.load().set_coords(list(answer.to_xarray().coords)), answer.to_xarray())
        assert found["t"].attrs["long_name"] == "Temperature"


@pytest.mark.parametrize("kind", ["box", "flight"])
def test_zarr_python_and_xarray_read_zarr(kind, tmp_path, request):
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("zarr", "3", reason="zarr is not installed")
    answer = request.getfixturevalue(kind)
    write_answer(answer, tmp_path / "a.zarr")
    found = xr.open_zarr(tmp_path / "a.zarr", decode_timedelta=True, consolidated=False, chunks=None)
    xr.testing.assert_equal(found.load().set_coords(list(answer.to_xarray().coords)), answer.to_xarray())


def test_a_zarr_folder_holds_what_the_view_says(box, tmp_path):
    folder = tmp_path / "a.zarr"
    write_answer(box, folder)
    view = ZarrView(arrays_of(box))
    got = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert got == set(view)
    facts = json.loads((folder / "t" / "zarr.json").read_text())
    assert (facts["shape"], facts["dimension_names"]) == (
        [2, 3, box.index.size],
        ["levelist", "step", "points"],
    )
    values = np.frombuffer((folder / "t" / "c" / "0" / "0" / "0").read_bytes(), "<f8")
    np.testing.assert_array_equal(values, box.table[:6].ravel())
    with pytest.raises(StorageFailed, match="there already"):
        write_answer(box, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "store"]


def test_a_view_of_a_store_reads_a_chunk_when_its_key_is_asked_for(made, asked, box):
    words = {
        k: v for k, v in asked(BOX, param="130/131", levelist="all", step="all").items() if k != "feature"
    }
    arrays, account = open_arrays(made.store, words)
    view = ZarrView(arrays)
    assert account.bytes_read == 0
    assert "u/c/0/1/0" not in view
    assert "u/c/0/1/0" not in set(view)
    assert {"zarr.json", "t/zarr.json", "t/c/1/2/0", "u/c/0/2/0"} <= set(view)
    field = made.store.retrieve({**words, "param": "130", "levelist": "850", "step": "6"})
    np.testing.assert_array_equal(np.frombuffer(view["t/c/1/2/0"], "<f8"), field.to_numpy()[0])
    assert (account.fields, account.reads) == (1, 1)
    assert view.n_bytes("t/c/1/2/0") == len(view["t/c/1/2/0"])
    for key in ("t/c/1/2/1", "t/c/1/2", "x/zarr.json", "t/c/01/2/0", "t/c/-1/2/0", "t/d/0/0/0", "", "t"):
        assert key not in view
        with pytest.raises(KeyError):
            view[key]


def test_zarr_python_reads_a_view_of_a_store(made, asked, box):
    zarr = pytest.importorskip("zarr", "3", reason="zarr is not installed")
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    from dte_hpc.extract.backend import DteBackend
    from dte_hpc.extract.zarr_store import ZarrStore

    words = {
        k: v for k, v in asked(BOX, param="130/131", levelist="all", step="all").items() if k != "feature"
    }
    arrays, account = open_arrays(made.store, words)
    store = ZarrStore(ZarrView(arrays))
    group = zarr.open(store, mode="r")
    assert account.bytes_read == 0
    opened = xr.open_dataset(words, engine=DteBackend, store=made.store)
    np.testing.assert_array_equal(group["t"][1, 2, 100:110], opened["t"][1, 2, 100:110])
    assert account.fields == 1
    xr.testing.assert_equal(
        xr.open_zarr(store, decode_timedelta=True, chunks=None).load().set_coords(list(opened.coords)),
        opened.load(),
    )
    with pytest.raises(ValueError, match="read"):
        group["t"][:] = 0


def test_parquet(box, tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    monkeypatch.setattr(records, "PART_ROWS", 100)
    write_answer(box, tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    everything = records.Records(box)
    for name, column in everything.part(0, len(everything)).items():
        got = table[name].to_numpy()
        np.testing.assert_array_equal(got.astype(column.dtype), column)
    assert table.schema.field("t").metadata[b"units"] == b"K"
    assert table["u"].null_count == np.isnan(everything.part(0, len(everything))["u"]).sum()


def test_parquet_without_pyarrow_names_the_extra(box, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "dte_hpc.extract.to_parquet", raising=False)
    with pytest.raises(MissingDependency, match=r"dte-hpc\[parquet\]"):
        write_answer(box, tmp_path / "a.parquet")
    assert not list(tmp_path.glob("*parquet*"))


def test_a_file_is_whole_or_not_there(box, tmp_path, monkeypatch):
    path = tmp_path / "a.covjson"
    path.write_text("before")
    with pytest.raises(InvalidRequest, match=r"\.xyz.*\.covjson, \.json, \.nc, \.zarr"):
        write_answer(box, tmp_path / "a.xyz")
    monkeypatch.setitem(files._WRITERS, ".covjson", files._text(stops_halfway))
    with pytest.raises(OSError, match="no room"):
        write_answer(box, path)
    assert path.read_text() == "before"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.covjson", "store"]
    monkeypatch.undo()
    write_answer(box, path)
    assert json.loads(path.read_text())["type"] == "CoverageCollection"


def stops_halfway(answer, file):
    file.write("half")
    raise OSError("no room")
