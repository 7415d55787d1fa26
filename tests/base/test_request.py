import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.base.key import Key
from dte_hpc.base.request import MAX_VALUES, Request


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("500/850", ("500", "850")),
        ("0/to/24/by/6", ("0", "6", "12", "18", "24")),
        ("24/to/0/by/12", ("24", "12", "0")),
        ("1/to/2/by/0.5", ("1", "1.5", "2")),
        ([0, 6.0], ("0", "6")),
        (167, ("167",)),
        ("a/a/b", ("a", "b")),
        ("", ("",)),
    ],
)
def test_values_expand_as_mars_writes_them(value: object, expected: tuple[str, ...]) -> None:
    assert Request({"step": value})["step"] == expected  # type: ignore[dict-item]


def test_the_name_of_a_grid_is_one_value() -> None:
    assert Request({"grid": "0.25/0.25"})["grid"] == ("0.25/0.25",)
    assert Request({"grid": ["1/1", "O320"]})["grid"] == ("1/1", "O320")


def test_dates_step_over_the_end_of_a_month() -> None:
    assert Request({"date": "20260130/to/20260202"})["date"] == (
        "20260130",
        "20260131",
        "20260201",
        "20260202",
    )


@pytest.mark.parametrize("wanted", ["ALL", "all", ["all"]])
def test_all_asks_for_everything(wanted: object) -> None:
    assert "step" not in Request({"step": wanted, "param": "130"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "value",
    [
        "1/to",
        "to/2",
        "1/to/2/by",
        "1/to/2/by/0",
        "a/to/b",
        "1/to/2/3",
        "500//850",
        {"a": [1]},
        [[1]],
        [],
        f"0/to/{MAX_VALUES}",
    ],
)
def test_a_wrong_value_names_its_keyword(value: object) -> None:
    with pytest.raises(InvalidRequest, match="levelist") as caught:
        Request({"levelist": value})  # type: ignore[dict-item]
    assert caught.value.keyword == "levelist"


@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(1, 50))
def test_a_range_is_arithmetic(first: int, last: int, by: int) -> None:
    stride = by if last >= first else -by
    expected = [str(v) for v in range(first, last + (1 if stride > 0 else -1), stride)]
    assert list(Request({"x": f"{first}/to/{last}/by/{by}"})["x"]) == expected


def test_matches_and_counts() -> None:
    request = Request({"param": "130/131", "step": "0/to/3"})
    assert request.n_fields == 8
    assert request.matches(Key({"param": 130, "step": 2, "levelist": 500}))
    assert not request.matches(Key({"param": 130, "levelist": 500}))
    assert Request.of_key(Key({"grid": "1/1"}))["grid"] == ("1/1",)


def test_a_replaced_keyword_keeps_its_place_and_all_drops_it():
    request = Request({"param": "130/131", "step": "0/to/6/by/3", "levelist": 500})
    changed = request.replace(step=[1, 2], levelist="ALL", number="1/to/2")
    assert dict(changed) == {"param": ("130", "131"), "step": ("1", "2"), "number": ("1", "2")}
    assert list(changed) == ["param", "step", "number"]
    assert request["step"] == ("0", "3", "6")
    with pytest.raises(InvalidRequest, match="step"):
        request.replace(step="0/to")
