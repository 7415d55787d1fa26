"""Names that no file can have are told with their place."""

import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.plans.document import load_document

ENCODED = [{"type": "aggregate"}, {"type": "encode"}]


@pytest.mark.parametrize(
    ("plan", "place"),
    [
        ({"file": "x" * 5000}, "file"),
        ({"file": "a\0b"}, "file"),
        ({"actions": [*ENCODED, {"type": "sink", "sinks": [{"type": "file", "path": "a\0b"}]}]}, "path"),
        ({"actions": [*ENCODED, {"type": "sink", "sinks": [{"type": "file", "path": ""}]}]}, "path"),
        ({"actions": [*ENCODED, {"type": "sink", "sinks": [{"type": "fdb5", "config": "a\0b"}]}]}, "config"),
        ({"actions": [ENCODED[0], {"type": "encode", "template": "x" * 5000}, {"type": "null"}]}, "template"),
        ({"actions": [ENCODED[0], {"type": "encode", "template": "a\0b"}, {"type": "null"}]}, "template"),
    ],
)
def test_it_is_a_mistake(plan, place):
    with pytest.raises(InvalidConfig) as told:
        load_document({"plans": [plan]})
    assert told.value.facts["place"].endswith(f".{place}")
