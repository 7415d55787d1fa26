"""Keys and directories are one to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidKey
from dte_hpc.fdb.places.paths import directory_name, new_stem, values_of

VALUES = st.lists(st.text(max_size=12), min_size=1, max_size=5)


def test_ordinary_keys_are_named_as_fdb_names_them() -> None:
    assert directory_name(["od", "0001", "oper", "20260101", "0000", "g"]) == "od:0001:oper:20260101:0000:g"
    assert directory_name(["od", "0001", ""]) == "od:0001:"


@given(VALUES)
def test_a_name_gives_back_its_values(values: list[str]) -> None:
    try:
        name = directory_name(values)
    except InvalidKey:
        return
    assert values_of(name) == tuple(values)
    assert "/" not in name
    assert "\0" not in name
    assert name not in ("", ".", "..")
    assert not name.startswith(".")
    assert len(name.encode()) <= 255


@given(VALUES, VALUES)
def test_two_keys_never_share_a_name(one: list[str], other: list[str]) -> None:
    try:
        assert (directory_name(one) == directory_name(other)) == (one == other)
    except InvalidKey:
        return


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["a:b"], "a%3ab"),
        (["a", "b"], "a:b"),
        ([".."], "%2e."),
        (["a/../b"], "a%2f..%2fb"),
        (["é"], "%c3%a9"),
        ([""], "%"),
    ],
)
def test_what_could_climb_out_or_collide_is_encoded(values: list[str], name: str) -> None:
    assert directory_name(values) == name


@pytest.mark.parametrize("name", ["a%3Ab", "a%41", "..", ".git", "a b", "%c3", "%2", "a/b", "lost+found%"])
def test_directories_of_others_are_not_databases(name: str) -> None:
    assert values_of(name) is None


def test_a_name_too_long_is_refused() -> None:
    with pytest.raises(InvalidKey, match="at most 255"):
        directory_name(["x" * 256])


def test_stems_differ() -> None:
    assert len({new_stem() for _ in range(100)}) == 100
