"""Countries by name and code, and what lies in them."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.countries import countries, country, country_facts
from dte_hpc.extract.find import find_points
from dte_hpc.extract.shapes import Points
from dte_hpc.grids import grid


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("France", "France"),
        ("fr", "France"),
        ("FRA", "France"),
        ("250", "France"),
        ("cote d'ivoire", "Côte d'Ivoire"),
        ("Türkiye", "Turkey"),
        ("Russian Federation", "Russia"),
        ("UK", "United Kingdom"),
        ("AU", "Australia"),
        ("Trinidad & Tobago", "Trinidad and Tobago"),
        ("Kosovo", "Kosovo"),
    ],
)
def test_a_country_has_many_names(asked, name):
    assert country_facts(asked).name == name
    assert country(asked) is country(name)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("Germny", "Germany"),
        ("Untied Kingdom", "United Kingdom"),
        ("Atlantis", "ISO 3166"),
        ("", "ISO"),
        (7, "ISO"),
    ],
)
def test_an_unknown_country_says_what_is_near(asked, hint):
    with pytest.raises(InvalidRequest, match=hint):
        country(asked)


def test_every_country_has_an_outline_and_codes_are_unique():
    everyone = countries()
    assert len(everyone) == 241
    for facts in everyone:
        outline = country(facts.name)
        assert outline.n_vertices >= 3
        assert all(np.abs(ring[:, 0]).max() <= 90 for rings in outline.polygons for ring in rings)
    codes = [facts.alpha_2 for facts in everyone if facts.alpha_2]
    assert len(set(codes)) == len(codes) == 235
    assert sum(country(facts.name).n_vertices for facts in everyone) == 97_654


PLACES = {
    "France": [(48.86, 2.35), (43.3, 5.4), (4.9, -52.3)],
    "Switzerland": [(46.95, 7.45)],
    "Italy": [(41.9, 12.5), (40.1, 9.0)],
    "South Africa": [(-26.2, 28.05)],
    "Lesotho": [(-29.5, 28.2)],
    "Fiji": [(-17.8, 178.0), (-16.6, 179.2)],
    "Russia": [(55.75, 37.6), (66.5, 179.0), (66.0, -175.0), (71.2, -179.0)],
    "Antarctica": [(-90.0, 0.0), (-89.0, 33.0), (-75.0, 123.0)],
    "United States of America": [(39.0, -98.0), (64.8, -147.7), (19.6, -155.5)],
}


@pytest.mark.parametrize("name", PLACES)
def test_what_lies_in_a_country(name):
    found = grid("0.1/0.1")
    inside = find_points(country(name), found)
    for owner, places in PLACES.items():
        nearest = found.nearest(*np.transpose(places))
        assert inside.contains(nearest).tolist() == [owner == name] * len(places)


def test_the_whole_pole_is_antarctic():
    latitude, _ = grid("5/5").coordinates_of(find_points(country("Antarctica"), grid("5/5")).indices())
    assert np.count_nonzero(latitude == -90) == 72
    assert latitude.max() <= -60


def test_countries_do_not_share_points():
    found = grid("O160")
    counts = np.zeros(found.n_points, np.int64)
    for facts in countries():
        counts[find_points(country(facts.name), found).indices()] += 1
    assert (
        0.28
        < np.average(
            counts > 0,
            weights=np.cos(np.radians(found.coordinates()[0]))
            * found.spacing[found.row_of(np.arange(found.n_points))],
        )
        < 0.31
    )
    assert np.count_nonzero(counts > 1) < 0.001 * found.n_points


def test_a_small_country_between_the_points_has_a_nearest_one():
    assert not len(find_points(country("Vatican"), grid("O32")))
    middle = country("Vatican").polygons[0][0].mean(axis=0)
    assert len(find_points(Points(points=[middle]), grid("O32"))) == 1
