"""Derived fields: wind, humidity and formulas of one's own; what is held, told and refused."""

import logging

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import load_plans
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.actions.derive import Derive
from dte_hpc.postproc.options import read_options

PL = {"class": "od", "levtype": "pl", "levelist": 500, "date": 20260101, "time": 0, "step": 1, "grid": "O32"}
SIZE = 50


def action(*fields, **options):
    checked, errors = read_options(Derive.Options, {"fields": list(fields), **options}, "$")
    assert not errors, errors
    return Derive(checked, Context())


def give(derive, values, **words):
    """Process a field and write over its values afterwards, as a server does."""
    values = values.copy()
    out = list(derive.process(MaskedField(field=Field(metadata=Metadata(PL | words), values=values))))
    found = [(item.metadata, item.field.values.copy()) for item in out]
    values[:] = -999.0
    return found


def some(seed, low=-20.0, high=20.0, kind=np.float64):
    return np.random.default_rng(seed).uniform(low, high, SIZE).astype(kind)


def test_wind_in_any_order_of_inputs_and_other_fields_pass():
    derive = action("wind-speed", "wind-direction")
    u, v = some(1), some(2)
    assert give(derive, v, param=132, step=2) == []
    assert give(derive, u, param=131) == []
    ((metadata, passed),) = give(derive, u, param=130)
    assert metadata["param"] == 130
    np.testing.assert_array_equal(passed, u)
    (_, speed), (direction_name, direction) = give(derive, v, param=132)
    np.testing.assert_allclose(speed, np.hypot(u, v), rtol=1e-14)
    np.testing.assert_allclose(direction, np.degrees(np.arctan2(-u, -v)) % 360, rtol=1e-12)
    assert dict(direction_name) == PL | {"param": 3031}
    assert derive.n_held == 1
    assert len(give(derive, u, param=131, step=2)) == 2
    assert derive.n_held == 0


@pytest.mark.parametrize(
    ("u", "v", "degrees"), [(0, -5, 0), (-5, 0, 90), (0, 5, 180), (5, 0, 270), (0, 0, 0), (-3, -3, 45)]
)
def test_a_direction_is_where_the_wind_comes_from(u, v, degrees):
    derive = action("wind-direction")
    give(derive, np.array([float(u)]), param=131)
    ((_, found),) = give(derive, np.array([float(v)]), param=132)
    np.testing.assert_allclose(found, degrees, atol=1e-12)


def saturation(t):
    """Tetens over water and ice, and the mix between, written from the IFS documentation."""
    water = 611.21 * np.exp(17.502 * (t - 273.16) / (t - 32.19))
    ice = 611.21 * np.exp(22.587 * (t - 273.16) / (t - -0.7))
    alpha = np.clip((t - 250.16) / (273.16 - 250.16), 0, 1) ** 2
    return alpha * water + (1 - alpha) * ice


def test_relative_humidity_on_a_pressure_level():
    derive = action("relative-humidity")
    t, q = some(1, 220, 300), some(2, 1e-5, 1e-2)
    give(derive, t, param=130)
    ((metadata, found),) = give(derive, q, param=133)
    eps = 287.0597 / 461.5250
    wanted = 100 * q * 50000 / (eps + (1 - eps) * q) / saturation(t)
    np.testing.assert_allclose(found, wanted, rtol=2e-6)
    assert metadata["param"] == 157
    give(derive, t, param=130, levtype="ml")
    with pytest.raises(InvalidPart, match="pressure level in hPa"):
        give(derive, q, param=133, levtype="ml")


def test_relative_humidity_with_a_pressure_field():
    derive = action({"derive": "relative-humidity", "inputs": {"pressure": 54}})
    t, q, p = some(1, 274, 300), some(2, 1e-5, 1e-2), some(3, 4e4, 6e4)
    for param, values in ((54, p), (133, q)):
        assert give(derive, values, param=param, levtype="ml") == []
    ((_, found),) = give(derive, t, param=130, levtype="ml")
    wanted = 100 * q * p / (0.621981 + 0.378019 * q) / saturation(t)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_relative_humidity_from_the_dewpoint():
    derive = action("relative-humidity-2m")
    t = some(1, 277, 300)
    give(derive, t, param=167, levtype="sfc")
    ((metadata, found),) = give(derive, t - 3, param=168, levtype="sfc")
    np.testing.assert_allclose(found, 100 * saturation(t - 3) / saturation(t), rtol=1e-12)
    assert metadata["param"] == 260242


def test_a_formula_of_ones_own_in_single_precision_with_units_and_old_spellings():
    own = {
        "derive": "k = (u**2 + v**2) / 2",
        "inputs": {"u": 131, "v": 132},
        "param": 400,
        "units": "J kg**-1",
    }
    derive = action(own, **{"keep-inputs": True})
    u, v = some(1, kind=np.float32), some(2, kind=np.float32)
    names = {"level": 7, "name": "east", "units": "m/s", "bitsPerValue": 16}
    assert len(give(derive, u, paramId=131, **names)) == 1
    _, (metadata, found) = give(derive, v, paramId=132, **(names | {"name": "north", "bitsPerValue": 12}))
    assert dict(metadata) == PL | {"level": 7, "paramId": 400, "units": "J kg**-1"}
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (u.astype(float) ** 2 + v.astype(float) ** 2) / 2, rtol=1e-6)


def test_missing_stays_missing():
    derive = action("wind-speed")
    u = some(1)
    u[3] = np.nan
    give(derive, u, param=131)
    ((_, found),) = give(derive, some(2), param=132)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3]


def test_what_never_comes_is_told_and_what_is_held_is_bounded(caplog):
    derive = action("wind-speed", **{"max-held": 2})
    give(derive, some(1), param=131)
    give(derive, some(1), param=131, step=2)
    with pytest.raises(InvalidPart, match=r"at most max-held=2.*The oldest, 131 of .*waits for 132"):
        give(derive, some(1), param=131, step=3)
    with pytest.raises(InvalidPart, match="came twice before 132 came"):
        give(derive, some(1), param=131)
    with pytest.raises(InvalidPart, match="has 1 values, and 131 of the same time 50"):
        give(derive, some(1)[:1], param=132)
    with caplog.at_level(logging.WARNING, "dte_hpc.plan"):
        derive.flush()
        give(derive, some(2), param=132)
        assert list(derive.close()) == []
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in told] == ["WARNING", "WARNING", "ERROR"]
    assert "derive: 10 of " in told[2][1]
    assert "step=2" in told[2][1]
    assert "never got 132; it has 131" in told[2][1]
    assert derive.n_held == 0


@pytest.mark.parametrize(
    ("field", "place", "words"),
    [
        ("wind-sped", "fields[0].derive", "did you mean 'wind-speed'"),
        ({"derive": "sqrt(u)", "inputs": {"u": 1}}, "fields[0]", "no 'param'"),
        ({"derive": "sqr(u)", "inputs": {"u": 1}, "param": 1}, "fields[0].derive", "did you mean 'sqrt'"),
        ({"derive": "u + v", "inputs": {"u": 1}, "param": 1}, "fields[0].inputs", "no 'v'"),
        ({"derive": "u", "inputs": {"u": 1, "x": 2}, "param": 1}, "fields[0].inputs.x", "does not read"),
        ({"derive": "u + v", "inputs": {"u": 1, "v": 1}, "param": 1}, "fields[0].inputs", "two names"),
        ({"derive": "u", "inputs": {"u": [1]}, "param": 1}, "fields[0].inputs.u", "a parameter"),
        ({"formula": "u"}, "fields[0].formula", "unknown keyword"),
    ],
)
def test_mistakes_are_found_before_anything_runs(field, place, words):
    plan = {"actions": [{"type": "aggregate"}, {"type": "derive", "fields": [field]}, {"type": "null"}]}
    with pytest.raises(InvalidConfig, match=words) as caught:
        load_plans([plan])
    assert f"actions[1].{place}" in str(caught.value)
