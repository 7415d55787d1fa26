"""In which root a new database begins."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidKey
from dte_hpc.fdb.places.handlers import choose
from dte_hpc.fdb.places.spaces import HANDLERS

NAMES = [f"od:0001:oper:{20260101 + n}:0000:g" for n in range(300)]


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return three roots with 100, 300 and 600 of 1000, 1000 and 6000 free bytes."""
    found = [tmp_path / name for name in "abc"]
    facts = {"a": (100, 1000), "b": (300, 1000), "c": (600, 6000)}
    for root in found:
        root.mkdir()

    def statvfs(path: Path) -> SimpleNamespace:
        free, total = facts[path.name]
        return SimpleNamespace(f_bavail=free, f_blocks=total, f_frsize=1)

    monkeypatch.setattr(os, "statvfs", statvfs)
    return found


def shares(handler: str, roots: list[Path]) -> dict[str, float]:
    chosen = Counter(choose(handler, roots, name, {"expver": "0001"}).name for name in NAMES)
    return {name: chosen[name] / len(NAMES) for name in "abc"}


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("Default", (1, 0, 0)),
        ("First", (1, 0, 0)),
        ("LeastUsed", (0, 0, 1)),
        ("LeastUsedPercent", (0, 1, 0)),
        ("RoundRobin", (1 / 3, 1 / 3, 1 / 3)),
        ("Random", (1 / 3, 1 / 3, 1 / 3)),
        ("PureRandom", (1 / 3, 1 / 3, 1 / 3)),
        ("WeightedRandom", (0.1, 0.3, 0.6)),
        ("WeightedRandomPercent", (0.2, 0.6, 0.2)),
    ],
)
def test_each_root_gets_its_share(
    roots: list[Path], handler: str, expected: tuple[float, float, float]
) -> None:
    found = shares(handler, roots)
    assert list(found.values()) == pytest.approx(expected, abs=0.09)
    assert found == shares(handler, roots), "writers of one database choose alike"


def test_every_handler_has_a_choice(
    roots: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STHOST", str(roots[1]))
    monkeypatch.setenv("FDB_EXPVER_FILE", str(tmp_path / "map"))
    for handler in HANDLERS:
        assert choose(handler, roots, NAMES[0], {"expver": "0001"}) in roots


def test_a_root_that_is_not_there_yet_has_the_room_of_its_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def statvfs(path: Path) -> SimpleNamespace:
        asked.append(path)
        if path.name == "broken":
            raise OSError(5, "x")
        return SimpleNamespace(f_bavail=1, f_blocks=1, f_frsize=1)

    (tmp_path / "broken").mkdir()
    monkeypatch.setattr(os, "statvfs", statvfs)
    roots = [tmp_path / "broken", tmp_path / "new" / "root"]
    assert choose("LeastUsed", roots, "x", {}) == roots[1]
    assert asked == [tmp_path / "broken", tmp_path]
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=0, f_blocks=0, f_frsize=1))
    for handler in ("WeightedRandom", "WeightedRandomPercent", "LeastUsed", "LeastUsedPercent"):
        assert choose(handler, roots, "x", {}) in roots, "when all are full the write says so"


def test_an_experiment_stays_where_it_began(
    roots: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "map"
    file.write_text(f"# experiments\n\nabcd {roots[0]}\nwrong line here\n")
    monkeypatch.setenv("FDB_EXPVER_FILE", str(file))
    assert choose("expver", roots, "x", {"expver": "abcd"}) == roots[0]
    first = choose("expver", roots, "x", {"expver": "0001"})
    assert f"0001 {first}\n" in file.read_text()
    with file.open("a") as appended:
        appended.write(f"0001 {roots[0]}\n0001 {roots[1]}\n")
    assert choose("expver", roots, "y", {"expver": "0001"}) == first, "the first line counts"
    file.write_text("abcd /elsewhere\n")
    with pytest.raises(InvalidConfig, match=r"map names the root /elsewhere for x; expected one of"):
        choose("expver", roots, "x", {"expver": "abcd"})
    for key in ({}, {"expver": "a b"}):
        with pytest.raises(InvalidKey, match="expver"):
            choose("expver", roots, "x", key)
    monkeypatch.delenv("FDB_EXPVER_FILE")
    monkeypatch.delenv("FDB_HOME", raising=False)
    with pytest.raises(InvalidConfig, match="FDB_EXPVER_FILE"):
        choose("expver", roots, "x", {"expver": "abcd"})


def test_a_variable_may_name_the_root(roots: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found: Callable[[], Path] = lambda: choose("envvar", roots, "x", {})  # noqa: E731
    monkeypatch.delenv("STHOST", raising=False)
    with pytest.raises(InvalidConfig, match="variable STHOST names the root nothing for x"):
        found()
    monkeypatch.setenv("STHOST", str(roots[2]))
    assert found() == roots[2]
    monkeypatch.setenv("FDB_FILESPACEHANDLER_ENVVARNAME", "OTHER")
    monkeypatch.setenv("OTHER", str(roots[1]))
    assert found() == roots[1]
