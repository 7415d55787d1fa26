"""What a plan may ask of an interpolation: nothing is taken that has no effect and says so nowhere."""

import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc import load_plans


def read(**options):
    action = {"type": "interpolate", "grid": "5/5", **options}
    plan = {"name": "p", "actions": [{"type": "aggregate"}, action, {"type": "null"}]}
    return load_plans([plan])[0].actions[1].options


def test_nclosest_says_the_nearest_method_that_makes_it_count():
    options = read(interpolation="k-nearest", options={"nclosest": 8, "distance-weighting": "shepard"})
    assert options.method == "k-nearest,nearest-method=nclosest,nclosest=8,distance-weighting=shepard"
    assert read(interpolation="k-nearest").method == "k-nearest"


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"distance-weighting": "shepard"}, "nclosest"),
        ({"nclosest": 0}, "nclosest"),
        ({"nclosest": 4, "nearest-method": "distance"}, "nearest-method"),
        ({"nclosest": 4, "distance-weighting": "sheperd"}, "did you mean 'shepard'"),
    ],
)
def test_what_mir_would_take_and_not_act_upon_is_refused(options, place):
    with pytest.raises(InvalidConfig, match=place):
        read(interpolation="k-nearest", options=options)


def test_mars_words_that_change_no_value_are_taken():
    read(accuracy=16, resol="av", truncation=319, intgrid="none")


def test_a_grid_to_come_over_is_not_taken_and_passed_over():
    with pytest.raises(InvalidConfig, match="intgrid: found 'O8'; expected none"):
        read(intgrid="O8")


@pytest.mark.parametrize("word", ["rotation", "frame", "bitmap", "packing"])
def test_mars_words_that_would_change_values_are_refused_by_name(word):
    with pytest.raises(InvalidConfig, match=word):
        read(**{word: "-90/0"})


@pytest.mark.parametrize("at_once", [0, 33])
def test_how_many_fields_at_once_has_bounds(at_once):
    with pytest.raises(InvalidConfig, match="fields-at-once"):
        read(**{"fields-at-once": at_once})
