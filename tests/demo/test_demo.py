"""The whole engine, as a user starts it: small, but with every stop."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from dte_hpc.codecs.layout import split

pytestmark = pytest.mark.timeout(300)


def demo(dte, folder: Path, *, model: int, io: int, extract: int = 1):
    ranks = ("--model", str(model), "--io", str(io), "--extract", str(extract))
    return dte("demo", "--output", folder, "--grid", "O48", "--json", "--no-pictures", *ranks)


def messages(store: Path) -> Counter[str]:
    """Return how often each message is in the data files of a store."""
    found: Counter[str] = Counter()
    for file in store.rglob("*.data"):
        found.update(hashlib.sha256(message).hexdigest() for message in split(file.read_bytes()))
    return found


@pytest.fixture(scope="module")
def reference(dte, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    folder = tmp_path_factory.mktemp("demo") / "out"
    done = demo(dte, folder, model=2, io=1)
    assert done.status == 0, done.err
    return folder, json.loads(done.out)


def test_every_value_agrees_with_the_closed_form(reference: tuple[Path, list[dict[str, object]]]) -> None:
    folder, rows = reference
    assert [row["query"] for row in rows] == ["flight", "series", "country"]
    for row in rows:
        assert row["n_wrong"] == 0
        assert row["points"] >= 1
        assert row["bytes_read"] <= 4 * row["points"]
        coverage = json.loads((folder / f"{row['query']}.covjson").read_text())
        assert coverage["type"] == "CoverageCollection"


def test_every_field_is_stored_once(reference: tuple[Path, list[dict[str, object]]]) -> None:
    native, daily = 25 * 5 * 3, 5 * 2 * 3
    stored = messages(reference[0] / "store")
    assert sum(stored.values()) == 2 * native + daily
    assert max(stored.values()) <= 25  # the wind is steady: equal values, but every step has its own header
    assert len(stored) == 2 * native + daily


@pytest.mark.parametrize(("model", "io", "extract"), [(1, 1, 1), (5, 2, 2), (2, 2, 1)])
def test_messages_do_not_depend_on_the_number_of_ranks(
    dte, tmp_path: Path, reference: tuple[Path, list[dict[str, object]]], model: int, io: int, extract: int
) -> None:
    done = demo(dte, tmp_path / "out", model=model, io=io, extract=extract)
    assert done.status == 0, done.err
    assert messages(tmp_path / "out" / "store") == messages(reference[0] / "store")


def test_other_files_are_not_cleared_away(dte, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = demo(dte, tmp_path, model=1, io=1)
    assert done.status == 2
    assert "holds other files" in done.err
    assert (tmp_path / "thesis.txt").exists()
