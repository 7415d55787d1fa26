"""A file for each field: names, bytes, when they are there, and nothing left open."""

from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart, StorageFailed
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.layout import split
from dte_hpc.grids import grid
from dte_hpc.postproc import Pipeline, load_plans

NAMES = {"class": "od", "stream": "oper", "expver": "0001", "type": "fc", "levtype": "pl", "levelist": 500}
NAMES |= {"date": 20260101, "time": 0, "grid": "30/30"}
SIZE = grid("30/30").n_points


def pipeline(root, *before, word="root_path"):
    actions = [{"type": "aggregate"}, *before, {"type": "single-field-sink", word: str(root)}]
    return Pipeline(load_plans([{"actions": actions}]))


def field(step, **words):
    values = np.random.default_rng(step).uniform(200.0, 300.0, SIZE)
    return Field(metadata=Metadata(NAMES | {"param": 130, "step": step} | words), values=values)


@pytest.mark.parametrize("word", ["root_path", "root-path"])
def test_values_in_a_file_each_after_the_flush_and_no_handle_is_kept(tmp_path, word):
    running = pipeline(f"{tmp_path}/out/", word=word)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for step in range(30):
        running.process(field(step))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert all(path.name.endswith(".part") for path in (tmp_path / "out").iterdir())
    running.flush()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        f"500::130::{step}" for step in range(30)
    )
    np.testing.assert_array_equal(np.fromfile(tmp_path / "out" / "500::130::7"), field(7).values)
    running.close()


def test_messages_and_a_beginning_of_names(tmp_path):
    running = pipeline(tmp_path / "day1-", {"type": "encode"})
    names = Metadata(NAMES | {"levtype": "sfc", "param": 167, "step": 6}).without("levelist")
    running.process(Field(metadata=names, values=field(6).values))
    running.close()
    (message,) = split((tmp_path / "day1-0::167::6").read_bytes())
    np.testing.assert_allclose(decode(message), field(6).values, atol=1e-2)


def test_no_path_is_built_from_an_unescaped_key(tmp_path):
    running = pipeline(f"{tmp_path}/out/")
    running.process(field(1, param="../../etc"))
    running.process(field(1, param="a:b", levelist="/tmp"))
    running.close()
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["out/%2ftmp::a%3ab::1", "out/500::%2e.%2f..%2fetc::1"]


def test_two_fields_of_one_name_and_a_field_without_one_are_refused(tmp_path):
    running = pipeline(f"{tmp_path}/")
    running.process(field(1, number=1))
    with pytest.raises(InvalidPart, match="which another field of this run is"):
        running.process(field(1, number=2))
    with pytest.raises(InvalidPart, match="no step"):
        running.process(Field(metadata=Metadata({"param": 1}), values=np.zeros(3)))


def test_a_file_system_that_refuses_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    running = pipeline(tmp_path / "file" / "x")
    with pytest.raises(StorageFailed, match="could not be written"):
        running.process(field(1))
