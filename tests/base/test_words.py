"""Keys, fields and errors."""

import pickle

import numpy as np
import pytest

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import DteError, InvalidKey, InvalidPart
from dte_hpc.base.field import Field, Metadata, Part
from dte_hpc.base.key import Key


def test_a_key_is_text_whatever_it_was_given() -> None:
    key = Key({"levelist": 500.0, "step": 6, "flag": True, "number": 0.5})
    assert dict(key) == {"levelist": "500", "step": "6", "flag": "1", "number": "0.5"}
    assert key == Key({"number": "0.5", "flag": 1, "step": 6, "levelist": 500})
    assert hash(key) == hash(Key(dict(list(key.items())[::-1])))
    assert key.replace(step=12)["step"] == "12"


@pytest.mark.parametrize("value", [" a", "a\0b", "a\nb", "x" * 257, None, [1], b"x"])
def test_a_key_refuses_what_no_file_name_or_request_could_hold(value: object) -> None:
    with pytest.raises(InvalidKey, match="class"):
        Key({"class": value})  # type: ignore[dict-item]


def test_errors_carry_facts_and_survive_pickling() -> None:
    error = InvalidKey("step=x; expected a number", keyword="step")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, ValueError)
    assert isinstance(again, DteError)
    assert (str(again), again.keyword) == ("step=x; expected a number", "step")
    with pytest.raises(AttributeError):
        _ = again.nothing


@pytest.mark.parametrize("values", [[1.0], np.zeros((2, 2)), np.zeros(3, int), np.zeros(2, np.float16)])
def test_odd_values_are_refused_with_the_field_named(values: object) -> None:
    metadata = Metadata({"param": 130, "step": 6})
    for kind in (Part, Field):
        with pytest.raises(InvalidPart, match="param=130,step=6"):
            kind(metadata=metadata, values=values)


def test_metadata_is_a_value() -> None:
    metadata = Metadata({"param": 130, "step": 6})
    assert metadata.replace(step=6) == metadata
    assert hash(metadata.replace(step=6)) == hash(metadata)
    assert dict(metadata.without("step", "absent")) == {"param": 130}
    with pytest.raises(InvalidPart, match="expected text keywords"):
        Metadata({"param": [1]})  # type: ignore[dict-item]


def test_checksum_is_xxh3_64() -> None:
    assert checksum(b"") == 0x2D06800538D394C2  # the specification's value for no bytes, seed 0
    assert checksum(np.frombuffer(b"abc", np.uint8)) == checksum(memoryview(b"abc"))
