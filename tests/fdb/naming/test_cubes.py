"""Requests that name exactly some keys."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.fdb.naming.cubes import in_order, requests_for

KEYS = st.lists(st.fixed_dictionaries({k: st.sampled_from("123") for k in "abc"}), max_size=27)


@given(KEYS)
def test_every_key_is_named_once_and_no_other(keys):
    requests = requests_for(keys)
    named = [tuple(sorted(zip(r, values, strict=True))) for r in requests for values in product(*r.values())]
    assert sorted(named) == sorted({tuple(sorted(key.items())) for key in keys})


def test_a_full_cube_is_one_request():
    keys = [{"step": s, "param": p} for s in ("0", "12", "6") for p in ("130", "131")]
    assert requests_for(keys) == [{"step": ("0", "6", "12"), "param": ("130", "131")}]
    assert requests_for([]) == []
    assert in_order(["10", "9", "x"]) == ("10", "9", "x")
