"""A wind that blows over the pole is the same wind on another grid."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.grids import grid
from dte_hpc.postproc import load_plans
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.regrid.interpolate import Interpolate
from dte_hpc.postproc.regrid.options import InterpolateOptions

pytest.importorskip("mir", reason="mir-python, which makes weights, is not installed")


def solid_body(name):
    """Rotation about an axis in the equator, 1 m/s: Williamson and others (1992), case 1, alpha 90°."""
    latitude, longitude = (np.deg2rad(each) for each in grid(name).coordinates())
    return {131: np.cos(longitude) * np.sin(latitude), 132: -np.sin(longitude)}


def fields(name, params=(131, 132), **more):
    values = solid_body(name)
    for param in params:
        metadata = Metadata({"param": param, "levelist": 500, "grid": name, **more})
        yield MaskedField(field=Field(metadata=metadata, values=values[param]))


def action(directory, target, **options):
    return Interpolate(InterpolateOptions(grid=target, weights=str(directory), **options), Context())


def errors(found, target):
    exact = solid_body(target)
    return np.hypot(*(item.field.values - exact[item.metadata["param"]] for item in found))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.mark.parametrize("target", ["5/5", "H8n"])
def test_a_wind_over_the_pole_is_right_to_the_second_order(directory, target):
    largest = []
    for name in ("O16", "O32"):
        made = action(directory, target, vector="known")
        found = [out for item in fields(name) for out in made.process(item)]
        assert [out.metadata["param"] for out in found] == [131, 132]
        largest.append(errors(found, target).max())
    assert largest[1] < 0.002
    assert largest[1] < 0.4 * largest[0]  # half the distance, a quarter of the error


def test_at_the_pole_itself_and_beside_components_alone(directory):
    made, alone = action(directory, "5/5", vector="known"), action(directory, "5/5")
    found = [out for item in fields("O32") for out in made.process(item)]
    scalar = [out for item in fields("O32") for out in alone.process(item)]
    pole = slice(0, 72)
    assert errors(found, "5/5")[pole].max() < 0.002
    assert errors(scalar, "5/5")[pole].max() > 0.9


def test_components_wait_for_each_other_by_level_in_any_order(directory):
    made = action(directory, "5/5", vector=((131, 132),))
    v, u = fields("O32", (132, 131))
    (other,) = fields("O32", (131,), number=2)
    assert list(made.process(v)) == []
    assert list(made.process(other)) == []
    found = list(made.process(u))
    assert [out.metadata["param"] for out in found] == [132, 131]
    assert errors(found, "5/5").max() < 0.002
    with pytest.raises(InvalidPart, match=r"component of a vector, and the other, param 132, has not come"):
        made.held()
    assert list(made.held()) == []


def test_a_component_twice_is_told(directory):
    made = action(directory, "5/5", vector="known")
    (u,) = fields("O32", (131,))
    made.process(u)
    with pytest.raises(InvalidPart, match="waited for 132"):
        made.process(u)


def test_where_one_component_misses_both_do(directory):
    made = action(directory, "5/5", vector="known")
    u, v = fields("O32")
    values = v.field.values.copy()
    values[:200] = np.nan
    found = [*made.process(u), *made.process(MaskedField(field=Field(metadata=v.metadata, values=values)))]
    missing = [np.isnan(out.field.values) for out in found]
    assert missing[0].any()
    np.testing.assert_array_equal(*missing)


@pytest.mark.parametrize("vector", ["winds", [[131]], [[131, 131]], [[131, 132], [131, 133]]])
def test_what_are_no_pairs_is_told_with_its_place(vector):
    action = {"type": "interpolate", "grid": "5/5", "vector": vector}
    plan = {"name": "p", "actions": [{"type": "aggregate"}, action, {"type": "null"}]}
    with pytest.raises(InvalidConfig, match=r"vector"):
        load_plans([plan])
