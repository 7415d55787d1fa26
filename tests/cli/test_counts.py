"""How many ranks and steps a user may ask for: said before a job starts, and once."""

import pytest

from dte_hpc.cli.main import main


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.delenv(name, raising=False)

    def launch(*_words):
        pytest.fail("a job was started")

    monkeypatch.setattr("dte_hpc.job.launch.launch", launch)


@pytest.mark.parametrize("verb", ["demo", "replay"])
@pytest.mark.parametrize("count", ["0", "-2", "100000000"])
@pytest.mark.parametrize("option", ["--model", "--io"])
def test_a_number_of_ranks(verb, option, count, capsys, tmp_path):
    words = ["--output", str(tmp_path / "out")] if verb == "demo" else ["--store", str(tmp_path), "x.grib"]
    assert main([verb, option, count, *words]) == 2
    assert capsys.readouterr().err == f"dte {verb}: {option} is {count}; expected 1 to 1024 ranks\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--extract", "0"], "--extract is 0; expected 1 to 1024 ranks"),
        (["--hours", "2"], "--hours is 2; expected 24 to 8760: the daily mean needs a day"),
        (["--hours", "-1"], "--hours is -1"),
        (["--hours", "1000000000"], "--hours is 1000000000"),
        (["--grid", "nonsense"], "no grid is called 'nonsense'"),
        (["--output", "/dev/null/x"], "Not a directory"),
        (["--output", __file__], "expected a folder"),
    ],
)
def test_a_demonstration_that_cannot_be(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", *words]) in (1, 2)
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1
