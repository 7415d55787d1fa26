import json

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.cli.main import main
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
    assert main(["extract", str(request_file), "--store", str(store), "--covjson", str(out)]) == 0
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
    for target, said in (("/absent/a.covjson", "No such file"), ("/dev/full", "No space left")):
        assert main(["extract", str(request_file), "--store", str(store), "--covjson", target]) == 1
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
