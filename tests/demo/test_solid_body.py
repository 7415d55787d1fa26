import numpy as np
import pytest

from dte_hpc.demo import solid_body
from dte_hpc.demo.solid_body import Points, value


def places(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return np.rad2deg(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(0, 360, n)


@pytest.mark.parametrize("parameter", [solid_body.TEMPERATURE, solid_body.SPECIFIC_HUMIDITY])
def test_tracers_obey_the_advection_equation(parameter: int) -> None:
    """dq/dt = -(axis x position) speed . grad q, by central differences in time and along the flow."""
    latitude, longitude = places()
    at = Points.at(latitude, longitude)
    speed, axis, dt = solid_body.angular_speed(500), solid_body._axis(), 60.0
    position = np.stack([at.x, at.y, at.z])
    half = speed * dt
    ahead = position * np.cos(half) + np.cross(axis, position, axisb=0).T * np.sin(half)
    ahead += np.outer(axis, axis @ position) * (1 - np.cos(half))
    later = value(parameter, 500, 6 + dt / 3600, Points(*ahead))
    assert np.allclose(later, value(parameter, 500, 6, at), rtol=0, atol=1e-9)


def test_the_wind_is_the_flow_that_carries_them() -> None:
    latitude, longitude = places()
    flat = value(solid_body.EASTWARD_WIND, 850, 0, Points.at(latitude, longitude))
    speed = solid_body.EARTH_RADIUS_METRES * solid_body.angular_speed(850)
    phi, lam, tilt = np.deg2rad(latitude), np.deg2rad(longitude), solid_body.TILT
    williamson = speed * (
        np.cos(phi) * np.cos(tilt) + np.sin(phi) * np.cos(lam) * np.sin(tilt)
    )  # their equation (75)
    assert np.allclose(flat, williamson, atol=1e-9)


def test_the_bell_is_one_at_its_centre_and_nothing_outside() -> None:
    centre = np.rad2deg(solid_body.BELL_START)
    at = Points.at(np.array([centre[0], -centre[0]]), np.array([centre[1], centre[1] + 180]))
    bell = value(solid_body.SPECIFIC_HUMIDITY, 1000, 0, at)
    assert bell == pytest.approx([0.02, 0.0])
    with pytest.raises(ValueError, match="parameter 1"):
        value(1, 500, 0, at)
