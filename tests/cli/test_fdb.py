"""dte fdb list, inspect, read, info, check."""

import json
from pathlib import Path

import pytest

from dte_hpc.cli.main import main
from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY, message_of


@pytest.fixture
def root(tmp_path: Path) -> str:
    with FDB(tmp_path / "store") as store:
        for step in (0, 6):
            store.archive(message_of(step), {**KEY, "step": step})
        store.flush()
        store.archive(message_of(7), {**KEY, "step": 6})
    return str(tmp_path / "store")


def test_list(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fdb", "list", "--config", root, "--porcelain", "step=6"]) == 0
    assert capsys.readouterr().out.count("step=6") == 1
    assert main(["fdb", "list", "--config", root, "--full"]) == 0
    assert capsys.readouterr().out.endswith("3 fields, 300 bytes\n")
    assert main(["fdb", "list", "--config", root, "--json", "--location"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["keys"]["step"] for entry in entries] == ["0", "6"]
    assert entries[1]["location"]["offset"] == 200


def test_inspect_and_read(root: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["fdb", "inspect", "--config", root, "step=6/0"]) == 0
    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert ["step=6" in lines[0], "step=0" in lines[1], ".data 200 100" in lines[0]] == [True] * 3
    target = tmp_path / "out"
    assert main(["fdb", "read", "--config", root, "step=6/0", str(target)]) == 0
    assert target.read_bytes() == message_of(7) + message_of(0)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert main(["fdb", "read", "--config", root, "step=0", "-"]) == 0
    assert message_of(0) in capsysbinary.readouterr().out


def test_info_and_check(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fdb", "info", "--config", root, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["fields"], facts["masked-fields"], facts["databases"]) == (2, 1, 1)
    assert main(["fdb", "check", "--config", root]) == 0
    data = next(Path(root).glob("*/*.data"))
    whole = bytearray(data.read_bytes())
    whole[50] ^= 1
    data.write_bytes(whole)
    assert main(["fdb", "check", "--config", root, "--json"]) == 1
    report = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    assert report["damaged"]
    assert "step=0" in report["findings"][0]["what"]
    assert main(["fdb", "check", "--config", root, "--no-data"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "stepp=1"], "did you mean 'step'"),
        (["list", "step"], "key=value"),
        (["list", "--minimum-keys", "class,expver", "class=od"], "lacks expver"),
        (["inspect", "step=12"], "step=12"),
        (["read", "step=12", "nowhere"], "step=12"),
    ],
)
def test_mistakes_are_one_sentence(
    root: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fdb", words[0], "--config", root, *words[1:]]) == 2
    assert message in capsys.readouterr().err
    assert main(["fdb", "list", "--config", root + "x"]) == 2
    assert "not a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("root", "said"),
    [("", "no store was named"), ("absent", "absent is not a directory"), ("x" * 300, "is not a directory")],
)
def test_a_root_that_is_none(root: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("list", "info", "check"):
        assert main(["fdb", verb, "--config", root]) == 2
        assert said in capsys.readouterr().err


def test_a_target_that_cannot_be_written(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fdb", "read", "--config", root, "step=6", "/absent/out.grib"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("dte fdb: ")
    assert "No such file or directory" in told
    assert len(told.splitlines()) == 1
