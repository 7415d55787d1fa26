"""Model levels to pressure levels: exact for profiles linear in log p, whatever the order of arrival."""

import logging

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import load_plans
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.actions.kernels import between, beyond
from dte_hpc.postproc.actions.levels import read_levels
from dte_hpc.postproc.actions.vertical import VerticalInterpolate
from dte_hpc.postproc.options import read_options

SIZE = 40
NAMES = {"class": "od", "date": 20260101, "time": 0, "step": 3, "grid": "O32"}
FEW = {"a": [0.0, 2000.0, 6000.0, 3000.0, 0.0], "b": [0.0, 0.0, 0.2, 0.7, 1.0]}
SURFACE = np.random.default_rng(1).uniform(60_000.0, 103_000.0, SIZE)
HPA = (1.5, 50, 500, 850, 1000)


def action(coefficients=FEW, levels=HPA, **options):
    given = {"coefficients": coefficients, "levels": list(levels), **options}
    checked, errors = read_options(VerticalInterpolate.Options, given, "$")
    assert not errors, errors
    return VerticalInterpolate(checked, Context())


def give(vertical, values, **words):
    """Process a field and write over its values afterwards, as a server does."""
    values = values.copy()
    out = list(vertical.process(MaskedField(field=Field(metadata=Metadata(NAMES | words), values=values))))
    found = [(item.metadata, item.field.values.copy()) for item in out]
    values[:] = -999.0
    return found


def surface(vertical, **words):
    return give(vertical, SURFACE, **({"param": 134, "levtype": "sfc"} | words))


def pressure(level, coefficients=FEW):
    """Pressure of a full level, from the half levels around it."""
    a, b = np.array(coefficients["a"]), np.array(coefficients["b"])
    half = [a[k] + b[k] * SURFACE for k in (level - 1, level)]
    return (half[0] + half[1]) / 2


def profile(p):
    return 250.0 + 30.0 * np.log(p / 1e5)


def wanted(coefficients=FEW, f=profile, levels=HPA, n_levels=4, nearest=False):
    top, bottom = pressure(1, coefficients), pressure(n_levels, coefficients)
    out = []
    for hpa in levels:
        inside = (top <= hpa * 100) & (hpa * 100 <= bottom)
        edges = np.where(hpa * 100 < top, f(top), f(bottom)) if nearest else np.nan
        out.append(np.where(inside, f(np.full(SIZE, hpa * 100.0)), edges))
    return np.array(out)


ORDERS = [(0, 1, 2, 3, 4), (0, 4, 3, 2, 1), (1, 2, 3, 4, 0), (3, 1, 0, 4, 2), (2, 4, 1, 0, 3)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("nearest", [False, True])
def test_exact_for_a_profile_in_any_order(order, nearest):
    vertical = action(extrapolate="nearest" if nearest else "none")
    for level in order[:-1]:
        out = (
            give(vertical, profile(pressure(level)), param=130, levtype="ml", levelist=level)
            if level
            else surface(vertical)
        )
        assert len(out) == (level == 0)
    level = order[-1]
    if level:
        out = give(vertical, profile(pressure(level)), param=130, levtype="ml", levelist=level)
    else:
        ((passed, _), *out) = surface(vertical)
        assert passed["param"] == 134
    assert [metadata["levelist"] for metadata, _ in out] == list(HPA)
    assert dict(out[2][0]) == NAMES | {"param": 130, "levtype": "pl", "levelist": 500}
    found = np.array([values for _, values in out])
    np.testing.assert_allclose(found, wanted(nearest=nearest), rtol=1e-12)
    assert np.isnan(wanted()[4]).any()
    assert vertical.n_held == 0


def test_linear_in_pressure():
    vertical = action(**{"linear-in": "pressure"})
    surface(vertical)
    for level in range(1, 5):
        out = give(vertical, 3 * pressure(level) + 1, param=130, levtype="ml", levelist=level)
    found = np.array([values for _, values in out])
    np.testing.assert_allclose(found, wanted(f=lambda p: 3 * p + 1), rtol=1e-12)


def test_l91_with_the_logarithm_in_single_precision_holds_one_level_in_order():
    levels = read_levels("L91", "$")
    assert levels.count == 91
    vertical = action("L91", (0.05, 10, 300, 500.5))
    give(vertical, np.log(SURFACE), paramId=152, levtype="ml", level=1)
    for level in range(1, 92):
        p = levels.a[level - 1] + levels.b[level - 1] * SURFACE
        out = give(vertical, profile(p).astype(np.float32), paramId=130, levtype="ml", level=level)
        assert vertical.n_held == (level < 91)
    assert [metadata["levelist"] for metadata, _ in out] == [0.05, 10, 300, 500.5]
    for metadata, values in out:
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, profile(metadata["levelist"] * 100), rtol=1e-6)


def test_times_and_variables_do_not_mix_and_others_pass():
    vertical = action(levels=[500])
    ((passed, _),) = give(vertical, SURFACE, param=167, levtype="sfc")
    assert passed["param"] == 167
    surface(vertical)
    surface(vertical, step=6)
    for level in range(1, 5):
        out = give(vertical, profile(pressure(level)), param=130, levtype="ml", levelist=level, step=6)
        other = give(vertical, np.full(SIZE, 7.0), param=131, levtype="ml", levelist=level)
    np.testing.assert_allclose(out[0][1], wanted(levels=[500])[0], rtol=1e-12)
    np.testing.assert_array_equal(other[0][1], 7.0)
    assert (out[0][0]["step"], other[0][0]["param"]) == (6, 131)


def test_missing_at_a_point_is_missing_there_only():
    vertical = action(levels=[500])
    surface(vertical)
    for level in range(1, 5):
        values = profile(pressure(level))
        values[5] = np.nan
        out = give(vertical, values, param=130, levtype="ml", levelist=level)
    assert np.flatnonzero(np.isnan(out[0][1])).tolist() == [5]


def test_what_does_not_fit_is_refused_and_what_never_comes_is_told(caplog):
    vertical = action(**{"max-held": 2})
    for level in ("5", 0, "x", 1.5):
        with pytest.raises(InvalidPart, match="one of the 4 model levels"):
            give(vertical, SURFACE, param=130, levtype="ml", levelist=level)
    give(vertical, SURFACE, param=130, levtype="ml", levelist=1)
    with pytest.raises(InvalidPart, match="came twice before levels 2, 3, 4 came"):
        give(vertical, SURFACE, param=130, levtype="ml", levelist=1)
    give(vertical, SURFACE[:3], param=130, levtype="ml", levelist=2)
    with pytest.raises(InvalidPart, match=r"max-held=2.*waits for the surface pressure \(134 or 152\)"):
        give(vertical, SURFACE, param=130, levtype="ml", levelist=3)
    with pytest.raises(InvalidPart, match="has 3 values, and the surface pressure 40"):
        surface(vertical)
    with caplog.at_level(logging.WARNING, "dte_hpc.plan"):
        vertical.flush()
        assert list(vertical.close()) == []
    assert ["still waits for" in r.getMessage() for r in caplog.records] == [True, False]
    assert "never got the surface pressure (134 or 152) and levels 3, 4" in caplog.records[1].getMessage()


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ({"coefficients": "L137"}, "coefficients", "L91, a and b, or a file"),
        ({"coefficients": {"a": [0, 1, 2], "b": [0, 1]}}, "coefficients", "3 values of a and 2 of b"),
        ({"coefficients": {"a": [0, 1, "x"], "b": [0, 0, 1]}}, "coefficients.a[2]", "a number"),
        ({"coefficients": {"a": [0, 1, 2], "c": [0]}}, "coefficients.c", "unknown keyword"),
        ({"coefficients": {"a": [9, 8, 0], "b": [0, 0, 0]}}, "coefficients", "one below the other"),
        ({"levels": [500, 500]}, "levels", "each once"),
        ({"levels": [500, 0]}, "levels[1]", "more than 0"),
        ({"linear-in": "height"}, "linear-in", "log-pressure, pressure"),
        ({"extrapolate": "linear"}, "extrapolate", "none, nearest"),
    ],
)
def test_mistakes_are_found_before_anything_runs(change, place, words):
    options = {"type": "vertical-interpolate", "coefficients": "L91", "levels": [500], **change}
    with pytest.raises(InvalidConfig, match=words) as caught:
        load_plans([{"actions": [{"type": "aggregate"}, options, {"type": "null"}]}])
    assert f"actions[1].{place}" in str(caught.value)


def test_coefficients_of_a_file(tmp_path):
    file = tmp_path / "levels.txt"
    file.write_text("# n a b\n" + "".join(f"{k} {FEW['a'][k]} {FEW['b'][k]} # half\n" for k in range(5)))
    levels = read_levels(str(file), "$")
    np.testing.assert_allclose(levels.a + levels.b * SURFACE[0], [pressure(k)[0] for k in range(1, 5)])
    file.write_text("1 2\n3 4 5 6\n")
    with pytest.raises(InvalidConfig, match="line 2"):
        read_levels(str(file), "$")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("logarithmic", [True, False])
def test_the_loops_are_their_numpy_twins(kind, logarithmic):
    random = np.random.default_rng(3)
    above, below = random.normal(size=(2, SIZE)).astype(kind)
    above[0] = np.nan
    targets = np.array([30_000.0, 50_000.0, 70_000.0])
    out = np.full((3, SIZE), -1.0, kind)
    between(1000.0, 0.4, 500.0, 0.8, SURFACE, above, below, targets, logarithmic, out)
    top, bottom = 1000 + 0.4 * SURFACE, 500 + 0.8 * SURFACE
    f = np.log if logarithmic else np.array
    share = (f(targets[:, None]) - f(top)) / (f(bottom) - f(top))
    inside = (share >= 0) & (share <= 1)
    twin = np.where(inside, above + share * (below.astype(float) - above), -1.0)
    np.testing.assert_allclose(out, twin, rtol=1e-5 if kind is np.float32 else 1e-9)
    for upwards in (True, False):
        out[:] = -1.0
        beyond(1000.0, 0.4, SURFACE, above, targets, upwards, out)
        is_beyond = targets[:, None] < top if upwards else targets[:, None] > top
        np.testing.assert_array_equal(out, np.where(is_beyond, above, kind(-1)))
