"""``dte weights``: made once, found after that."""

import importlib.util
import json

import pytest

from dte_hpc.cli.main import main

needs_mir = pytest.mark.skipif(
    importlib.util.find_spec("mir") is None, reason="mir-python, which makes weights, is not installed"
)


@needs_mir
def test_made_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DTE_WEIGHTS", str(tmp_path))
    assert main(["weights", "O8", "30/30", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["made"], facts["n-in"], facts["n-out"], facts["method"]) == (True, 544, 84, "linear")
    assert facts["path"] == str(tmp_path / "O8__30_30__linear.h5")
    assert main(["weights", "O8", "30/30"]) == 0
    assert capsys.readouterr().out.startswith("found, and verified, ")


def test_mistakes(tmp_path, capsys):
    assert main(["weights", "O8", "Q9", "--directory", str(tmp_path)]) == 2
    assert main(["weights", "O8", "30/30", "--method", "lineal", "--directory", str(tmp_path)]) == 2
    assert "did you mean 'linear'" in capsys.readouterr().err
    assert main(["weights", "O8", "--directory", str(tmp_path)]) == 2
    assert "expected one of both" in capsys.readouterr().err
    assert main(["weights", "O8", "--points", "p.txt", "--area=9/0/0/9"]) == 2
    assert "--area is of a grid" in capsys.readouterr().err


@needs_mir
def test_of_an_area_and_of_points(tmp_path, capsys):
    (tmp_path / "points.txt").write_text("52.5 13.4\n48.1, 11.6\n")
    words = ["--directory", str(tmp_path), "--json"]
    assert main(["weights", "O8", "10/10", "--area=60/0/0/90", *words]) == 0
    assert json.loads(capsys.readouterr().out)["n-out"] == 70
    assert main(["weights", "O8", "--points", str(tmp_path / "points.txt"), *words]) == 0
    assert json.loads(capsys.readouterr().out)["n-out"] == 2
