import io
import json
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.cli.main import main
from dte_hpc.cli.progress import ProgressBar
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid

KEY = {"class": "od", "stream": "oper", "expver": "0001", "date": 20260101, "time": 0, "type": "fc"}


@pytest.fixture
def store(tmp_path):
    root = tmp_path / "store"
    values = 280 + grid("O32").coordinates()[0]
    with FDB(root) as fdb:
        for step in (0, 6):
            metadata = {**KEY, "levtype": "sfc", "param": 167, "step": step, "grid": "O32"}
            fdb.archive(
                GribEncoder(Packing()).encode(Field(metadata=Metadata(metadata), values=values + step))
            )
    return root


@pytest.fixture
def request_file(tmp_path):
    path = tmp_path / "request.json"
    words = {**{k: str(v) for k, v in KEY.items()}, "levtype": "sfc", "param": "2t"}
    feature = {"type": "timeseries", "points": [[48.9, 2.4]], "range": {"start": 0, "end": 6}}
    path.write_text(json.dumps({**words, "feature": feature}))
    return path


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.delenv(name, raising=False)


def test_a_table_and_a_summary(store, request_file, capsys, tmp_path):
    out = tmp_path / "out.covjson"
    assert main(["extract", str(request_file), "--store", str(store), "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "bytes read                     4 in 2 reads" in printed
    assert "2t" in printed
    told = json.loads(out.read_text())
    values = told["coverages"][0]["ranges"]["2t"]["values"]
    assert values[1] == pytest.approx(values[0] + 6, abs=0.01)
    assert np.isfinite(values).all()


def test_the_account_as_json(store, request_file, capsys):
    assert main(["extract", str(request_file), "--store", str(store), "--json"]) == 0
    account = json.loads(capsys.readouterr().out)["account"]
    assert (account["points"], account["bytes_read"]) == (2, 4)


def test_several_files_and_a_picture(store, request_file, capsys, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    files = [
        str(tmp_path / f"out{suffix}") for suffix in (".covjson", ".nc", ".zarr", ".csv", ".npz", ".geojson")
    ]
    words = [word for file in files for word in ("--output", file)]
    words += ["--plot", str(tmp_path / "out.png")]
    assert main(["extract", str(request_file), "--store", str(store), *words]) == 0
    told = capsys.readouterr().err
    for file in (*files, str(tmp_path / "out.png")):
        assert file in told
    assert {path.suffix for path in tmp_path.glob("out.*")} == {Path(f).suffix for f in files} | {".png"}


def test_a_file_of_an_unknown_kind_is_refused_before_reading(store, request_file, capsys):
    for words, said in (
        (["--output", "a.xls"], "a.xls has the suffix '.xls'; expected one of .covjson, .json, .nc"),
        (["--plot", "a.bmp"], "a.bmp has the suffix '.bmp'; expected one of .png"),
        (["--explain", "--output", "a.nc"], "found --explain and a file to write"),
    ):
        assert main(["extract", str(request_file), "--store", str(store), *words]) == 2
        assert said in capsys.readouterr().err


def test_explain_reads_nothing(store, request_file, capsys):
    assert main(["extract", str(request_file), "--store", str(store), "--explain"]) == 0
    printed = capsys.readouterr().out
    assert "2 fields, 2 values on O32; nothing was read" in printed
    assert main(["extract", str(request_file), "--store", str(store), "--explain", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["account"]["bytes_read"], told["points"]) == (4, [1])


def test_a_mistake_is_one_sentence(store, request_file, capsys):
    given = json.loads(request_file.read_text())
    given["feature"]["points"] = [[95, 0]]
    request_file.write_text(json.dumps(given))
    assert main(["extract", str(request_file), "--store", str(store)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("dte extract: $.feature.points[0]: found float '95.0'")
    assert len(error.splitlines()) == 1


def test_a_store_that_is_not_there(request_file, capsys, tmp_path):
    for root, said in (
        ("absent", "absent is not a directory"),
        ("/dev/null", "/dev/null is not a directory"),
    ):
        assert main(["extract", str(request_file), "--store", str(tmp_path / root)]) == 2
        assert said in capsys.readouterr().err


def test_an_answer_that_cannot_be_written(store, request_file, capsys):
    full = store.parent / "full.covjson"
    full.symlink_to("/dev/full")
    for target, said in (("/absent/a.covjson", "No such file"), (str(full), "No space left")):
        assert main(["extract", str(request_file), "--store", str(store), "--output", target]) == 1
        told = capsys.readouterr().err
        assert told.startswith("dte extract: ")
        assert said in told
        assert len(told.splitlines()) == 1


def test_damage_passed_over_is_told(store, request_file, capsys, caplog):
    (index,) = store.rglob("*.index")
    index.write_bytes(b"")
    assert main(["extract", str(request_file), "--store", str(store)]) == 2
    assert f"dte: skipped {index}" in caplog.text
    assert "no stored field" in capsys.readouterr().err


def test_a_data_file_cut_short_is_named(store, request_file, capsys):
    (data,) = store.rglob("*.data")
    data.write_bytes(b"")
    assert main(["extract", str(request_file), "--store", str(store)]) == 1
    assert f"{data} could not be read at bytes" in capsys.readouterr().err


def test_explain_says_what_would_be_read(store, request_file, capsys):
    assert main(["extract", str(request_file), "--store", str(store), "--explain"]) == 0
    printed = capsys.readouterr().out
    assert "fields by packing              2 simple" in printed
    assert "points of a grid               1 in 1 index ranges" in printed
    assert main(["extract", str(request_file), "--store", str(store), "--explain", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["fields"], told["values"], told["ranges"], told["answer_bytes"]) == (2, 2, [1], 16)
    assert 0 < told["read_seconds"] < 1
    assert told["account"]["bytes_whole_fields"] > 20_000


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("--max-points=0", "limit 'points' is 0; expected at least 1"),
        ("--max-fields=1", "$: the request asks for 2 fields; expected at most 1"),
        ("--max-values=1", "asks for 2 values; expected at most 1"),
        ("--max-bytes=3", "$: the request asks for 4 bytes of field data; expected at most 3"),
        ("--max-seconds=-1", "limit 'seconds' is -1.0; expected at least 0"),
    ],
)
def test_limits(store, request_file, capsys, limit, said):
    for explain in ([], ["--explain"]):
        assert main(["extract", str(request_file), "--store", str(store), limit, *explain]) == 2
        assert said in capsys.readouterr().err


def test_a_bar_only_for_what_takes_long():
    drawn, seconds = io.StringIO(), 1000.0
    bar = ProgressBar("values", shown=True, stream=drawn, after_seconds=seconds)
    bar(1, 2)
    bar(2, 2)
    assert drawn.getvalue() == ""
    bar = ProgressBar("values", shown=True, stream=drawn, after_seconds=0.0)
    bar(1, 2)
    bar(2, 2)
    assert "2/2 values" in drawn.getvalue()


def test_the_feature_is_the_shape_of_a_file(store, request_file, capsys, tmp_path):
    ring = [[0, 40], [20, 40], [20, 60], [0, 60], [0, 40]]
    shape = tmp_path / "area.geojson"
    shape.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    given = ["extract", str(request_file), "--store", str(store), "--shape", str(shape), "--json"]
    assert main(given) == 2
    assert "found a feature and --shape" in capsys.readouterr().err
    words = {**json.loads(request_file.read_text()), "step": "0"}
    for feature in ({}, {"feature": {"type": "shapefile", "thin": 2}}):
        request_file.write_text(json.dumps({k: v for k, v in words.items() if k != "feature"} | feature))
        assert main(given) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["feature"] == "geojson"
        assert (told["account"]["points"] < 20) == bool(feature)
    assert main([*given[:-2], str(tmp_path / "none.shp")]) == 2
    assert "cannot be read" in capsys.readouterr().err
