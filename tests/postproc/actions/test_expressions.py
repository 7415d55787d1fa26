"""Formulas of plans: what they compute, against NumPy, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.actions.expressions import BLOCK, read_formula

NUMPY = {name: getattr(np, name) for name in ("sqrt", "exp", "log", "abs", "sin", "cos", "where")} | {
    "atan2": np.arctan2,
    "min": np.minimum,
    "max": np.maximum,
    "pi": np.float64(np.pi),
    "float64": np.float64,
}
NUMBER = re.compile(r"(?<![\w.])\d+(\.\d+)?")


def by_numpy(text, fields):
    """What NumPy makes of a formula; a number is NumPy's too, so that 2 / 0 is infinite and no error."""
    with np.errstate(all="ignore"):
        return np.array(eval(NUMBER.sub(r"float64(\g<0>)", text), NUMPY, dict(fields)), float)


def trees(depth=3):
    leaf = st.sampled_from(["u", "v", "2", "0.5", "pi"])
    pair = st.tuples(st.sampled_from("+-*/%"), leaf, leaf).map(lambda t: f"({t[1]} {t[0]} {t[2]})")
    return st.recursive(
        leaf | pair,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner).map(
                lambda t: f"({t[1]} {t[0]} {t[2]})"
            ),
            st.tuples(st.sampled_from(["sqrt", "exp", "log", "abs", "sin", "cos", "-"]), inner).map(
                lambda t: f"{t[0]}({t[1]})"
            ),
            st.tuples(st.sampled_from(["min", "max", "atan2"]), inner, inner).map(
                lambda t: f"{t[0]}({t[1]}, {t[2]})"
            ),
            st.tuples(inner, st.sampled_from(["<", ">=", "=="]), inner, inner, inner).map(
                lambda t: f"where({t[0]} {t[1]} {t[2]}, {t[3]}, {t[4]})"
            ),
        ),
        max_leaves=2**depth,
    )


@settings(deadline=None, max_examples=200)
@given(trees(), st.integers(0, 2**32 - 1))
@example("(u + (2 / (2 - 2)))", 0)
@example("where(u < 0.5, (0.5 % (2 - 2)), ((-(2)) ** 0.5 + v))", 0)
def test_a_formula_is_what_numpy_makes_of_it(text, seed):
    random = np.random.default_rng(seed)
    fields = {"u": random.normal(size=20), "v": random.normal(size=20)}
    fields["u"][random.random(20) < 0.2] = np.nan
    if not any(name in text for name in fields):
        with pytest.raises(InvalidConfig, match="reads no field"):
            read_formula(text)
        return
    formula = read_formula(text)
    used = {name: fields[name] for name in formula.names}
    wanted = by_numpy(text, fields) + np.zeros(20)
    wanted[np.any([np.isnan(a) for a in used.values()], axis=0) | ~np.isfinite(wanted)] = np.nan
    np.testing.assert_allclose(formula.of(used), wanted, rtol=1e-12)


def test_steps_have_names_and_blocks_do_not_show():
    formula = read_formula("a = u + 1; b = a * 2\nspeed = sqrt(b**2 + v**2)")
    assert (formula.name, formula.names) == ("speed", {"u", "v"})
    u, v = np.arange(3.0 * BLOCK + 5), np.arange(3.0 * BLOCK + 5)[::-1]
    np.testing.assert_allclose(formula.of({"u": u, "v": v}), np.sqrt((2 * (u + 1)) ** 2 + v**2))
    np.testing.assert_array_equal(read_formula("u * p").of({"u": u, "p": 2.0}), 2 * u)


def test_missing_is_missing_and_what_has_no_value_too():
    u = np.array([np.nan, 0.0, -1.0, 4.0])
    np.testing.assert_array_equal(read_formula("u ** 0").of({"u": u}), [np.nan, 1, 1, 1])
    np.testing.assert_array_equal(read_formula("where(u > 1 or u < 0, 1, 2)").of({"u": u}), [np.nan, 2, 1, 1])
    np.testing.assert_array_equal(read_formula("where(u > 1, u, 0 / 0)").of({"u": u}), [np.nan] * 3 + [4.0])
    np.testing.assert_array_equal(read_formula("1 / sqrt(u)").of({"u": u}), [np.nan, np.nan, np.nan, 0.5])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no formula"),
        ("2 + pi", "reads no field"),
        ("u.real", "expected a number"),
        ("__import__('os').system('x')", "one of the functions"),
        ("u[0]", "expected a number"),
        ("[u for u in v]", "expected a number"),
        ("lambda: u", "expected a number"),
        ("import os", "name = formula"),
        ("u = 1; u", "reads no field"),
        ("sqr(u)", "did you mean 'sqrt'"),
        ("sqrt(u, v)", "1 arguments"),
        ("max(*u)", "2 arguments"),
        ("sqrt(x=u)", "one of the functions"),
        ("sqrt", "without its arguments"),
        ("where(u, 1, 2)", "a comparison"),
        ("(u > 1) + 1", "expected a number"),
        ("u = u + 1", "another name"),
        ("pi = u", "another name"),
        ("'1' + u", "a number"),
        ("True * u", "a number"),
        ("1e999 * u", "too large"),
        ("1" * 400 + "*u", "too large"),
        ("u +", "expected a formula"),
        ("u\0", "expected a formula"),
        ("(" * 500 + "u" + ")" * 500, "expected a formula"),
        ("-" * 1000 + "u", "deeper than"),
        ("+".join("u" * 500), "deeper than"),
        ("u" * 3000, "3000 characters"),
    ],
)
def test_what_is_no_formula_is_refused(text, words):
    with pytest.raises(InvalidConfig, match=words):
        read_formula(text)
