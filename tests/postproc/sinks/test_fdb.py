"""What a plan stores is found under the keys of its messages."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.events import FieldStored, Flushed
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.decode import decode, mars_key
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid
from dte_hpc.notify import journal
from dte_hpc.postproc import Pipeline, load_plans

NAMES = {"class": "od", "stream": "oper", "expver": "0001", "type": "fc", "levtype": "pl", "levelist": 850}
NAMES |= {"date": 20260101, "time": 0, "param": 130, "grid": "O32"}
AGGREGATE, ENCODE = {"type": "aggregate"}, {"type": "encode", "packing": "ccsds", "bits-per-value": 24}
MEAN = {"type": "statistics", "output-frequency": "3h", "operations": ["average", "minimum", "maximum"]}


def field(step):
    return Field(
        metadata=Metadata(NAMES | {"step": step}), values=np.full(grid("O32").n_points, 270.0 + step)
    )


def to_store(config=None):
    return {"type": "sink", "sinks": [{"type": "fdb5"} | ({"config": config} if config else {})]}


def two_plans(sink):
    return load_plans(
        [
            {"name": "native", "actions": [AGGREGATE, ENCODE, sink]},
            {"name": "mean", "actions": [AGGREGATE, MEAN, ENCODE, sink]},
        ]
    )


def test_fields_and_statistics_are_found_by_their_keys(tmp_path):
    heard = []
    pipeline = Pipeline(two_plans(to_store(str(tmp_path))), listener=heard.append)
    for step in (1, 2, 3):
        pipeline.process(field(step))
    assert len(FDB(tmp_path).list()) == 0
    pipeline.flush()
    listing = FDB(tmp_path).list()
    assert len(listing) == 6
    for index in range(len(listing)):
        message = bytes(listing.message(index))
        found = FDB(tmp_path).list(dict(mars_key(message)))
        assert [bytes(found.message(i)) for i in range(len(found))] == [message]
    natives = listing.select(np.flatnonzero(listing.column("param") == "130"))
    assert sorted(decode(natives.message(i))[0] for i in range(len(natives))) == [271.0, 272.0, 273.0]
    assert [type(event) for event in heard].count(FieldStored) == 6
    assert [event.n_fields for event in heard if isinstance(event, Flushed)] == [6]
    pipeline.close()


def test_without_a_config_the_jobs_store_is_meant_and_plans_share_a_handle(tmp_path):
    pipeline = Pipeline(two_plans(to_store()), store=str(tmp_path))
    assert len([name for name in pipeline._context.resources if name[0] == "fdb5"]) == 1
    pipeline.process(field(1))
    pipeline.close()
    assert len(FDB(tmp_path).list({"step": 1})) == 1


def test_a_notification_stands_beside_the_store_once(tmp_path):
    pipeline = Pipeline(two_plans(to_store()), store=tmp_path)
    pipeline.process(field(1))
    pipeline.flush()
    pipeline.notify(Metadata({"class": "od", "date": 20260101, "step": "0/to/1", "grid": "O32"}))
    (record,) = list(journal.read(tmp_path))
    assert record.request["step"] == ("0", "1")
    assert len(FDB(tmp_path).list(record.request)) == 1
    pipeline.close()


def test_a_wrong_config_is_told_with_its_place():
    with pytest.raises(InvalidConfig, match="spacse") as caught:
        two_plans(to_store({"type": "local", "spacse": []}))
    assert caught.value.place == "$.plans[0].actions[2].sinks[0].config.spacse"


def test_no_config_at_all_is_told(monkeypatch):
    for name in ("FDB_CONFIG", "FDB_CONFIG_FILE", "FDB_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidConfig, match="no store was named"):
        Pipeline(two_plans(to_store()))
