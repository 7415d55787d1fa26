"""Bare values: what a file sink writes of them, and who cannot take them."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import Pipeline, load_plans

RAW = {"type": "encode", "format": "raw"}


def plan(*actions):
    return load_plans([{"actions": [{"type": "aggregate"}, *actions]}])


def sink(**one):
    return {"type": "sink", "sinks": [one]}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_values_reach_a_file_as_they_are(tmp_path, kind):
    path = tmp_path / "raw"
    pipeline = Pipeline(plan(RAW, {"type": "print"}, sink(type="file", path=str(path))))
    fields = [np.arange(5, dtype=kind) / 3, np.array([1, 9999, np.nan], kind)]
    pipeline.process(Field(metadata=Metadata({"param": 1}), values=fields[0]))
    facts = Metadata({"param": 2, "bitmapPresent": True, "missingValue": 9999})
    pipeline.process(Field(metadata=facts, values=fields[1]))
    pipeline.close()
    expected = np.concatenate([fields[0], np.array([1, 9999, 9999], kind)])
    np.testing.assert_array_equal(np.fromfile(path, kind), expected)
    assert [each.n_bytes for _, each in pipeline.written()] == [expected.nbytes]


def test_the_store_takes_no_bare_values():
    with pytest.raises(InvalidConfig, match=r"'sink', which is given bare values; .*message"):
        plan(RAW, sink(type="fdb5", config="store"))
    with pytest.raises(InvalidConfig, match="given bare values"):
        plan(RAW, {"type": "scale", "preset-mappings": "local-to-wmo"}, {"type": "null"})
