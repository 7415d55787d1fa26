from dataclasses import dataclass
from pathlib import Path

import pytest

from dte_hpc.base.config import parse_yaml, read_yaml, struct
from dte_hpc.base.errors import InvalidConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """One."""

    bits_per_value: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """Many."""

    name: str
    inners: tuple[Inner, ...] = ()
    factor: float = 1.0
    either: str | int | None = None
    active: bool = True

    def __post_init__(self) -> None:
        if self.factor <= 0:
            raise ValueError(f"factor is {self.factor}; expected more than 0")


def test_yaml_becomes_frozen_structs() -> None:
    node = parse_yaml("{name: a, inners: [{bits-per-value: 8}, {}], factor: 2, either: 3}")
    assert struct(Outer, node) == Outer(
        name="a", inners=(Inner(bits_per_value=8), Inner()), factor=2.0, either=3
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "{name: a, inners: [{}, {bits-per-valu: 8}]}",
            r"\$\.inners\[1\]\.bits-per-valu: unknown.*did you mean 'bits-per-value'",
        ),
        ("{name: 3}", r"\$\.name: found int '3'; expected text"),
        ("{name: a, inners: [{bits-per-value: true}]}", r"\$\.inners\[0\]\.bits-per-value"),
        ("{inners: []}", r"\$: found no 'name'"),
        ("{name: a, factor: 0}", r"\$: factor is 0"),
        ("{name: a, active: 1}", r"\$\.active: .*true or false"),
        ("{name: a, either: [1]}", r"\$\.either: found a list of 1; expected text or a whole number"),
        ("[1]", r"\$: found a list of 1; expected a mapping"),
        ("{name: a, inners: {}}", r"\$\.inners: found a mapping.*expected a list"),
    ],
)
def test_a_mistake_names_its_place(text: str, place: str) -> None:
    with pytest.raises(InvalidConfig, match=place):
        struct(Outer, parse_yaml(text))


def test_a_file_that_is_not_yaml_names_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("a: [1\nb: 2\n")
    with pytest.raises(InvalidConfig, match=r"p\.yaml, line 2, column 2 is not YAML"):
        read_yaml(tmp_path / "p.yaml")
    with pytest.raises(InvalidConfig, match=r"absent\.yaml cannot be read"):
        read_yaml(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{name: a, name: b}", "line 1, column 11 .*'name' twice"),
        ("plans: []\nplans: []\n", "line 2, column 1 .*'plans' twice"),
        ("[" * 3000 + "]" * 3000, "nested"),
        ("bits: " + "9" * 5000, "digits"),
        ("date: 2026-13-45", "month"),
    ],
)
def test_hostile_yaml_is_a_sentence(text: str, found: str) -> None:
    with pytest.raises(InvalidConfig, match=found):
        parse_yaml(text)


def test_a_merge_may_be_overridden() -> None:
    assert parse_yaml("{a: &a {x: 1, y: 2}, b: {<<: *a, x: 3}}")["b"] == {"x": 3, "y": 2}


def test_a_path_that_cannot_be_one() -> None:
    with pytest.raises(InvalidConfig, match="cannot be read"):
        read_yaml("a\0b")
