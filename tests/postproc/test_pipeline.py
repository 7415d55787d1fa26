"""Fields through plans: values, messages, events, and what is shared."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, StorageFailed
from dte_hpc.base.events import FieldStored, Flushed
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.headers import mars_key
from dte_hpc.codecs.layout import split
from dte_hpc.grids import grid
from dte_hpc.postproc import Pipeline, load_plans

NAMES = {"class": "od", "stream": "oper", "expver": "0001", "type": "fc", "levtype": "pl", "levelist": 850}
NAMES |= {"date": 20260101, "time": 0, "param": 130, "grid": "O32"}
AGGREGATE, ENCODE = {"type": "aggregate"}, {"type": "encode", "bits-per-value": 24}


def field(step, values=None, **more):
    metadata = Metadata({**NAMES, "step": step, **more})
    values = np.full(grid("O32").n_points, 270.0 + step) if values is None else values
    return Field(metadata=metadata, values=values)


def to_file(path, **options):
    return {"type": "sink", "sinks": [{"type": "file", "path": str(path), **options}]}


def pipeline_of(*chains, **more):
    plans = [{"name": f"p{i}", "actions": list(chain)} for i, chain in enumerate(chains)]
    return Pipeline(load_plans(plans), **more)


def messages(path):
    return [bytes(message) for message in split(path.read_bytes())]


def test_a_field_goes_through_every_plan_and_is_left_alone(tmp_path):
    heard = []
    select = {"type": "select", "match": {"levtype": "pl"}}
    mean = {"type": "statistics", "output-frequency": "3h", "operations": ["average", "maximum"]}
    pipeline = pipeline_of(
        [select, AGGREGATE, ENCODE, to_file(tmp_path / "native.grib")],
        [AGGREGATE, {"type": "mask"}, mean, ENCODE, to_file(tmp_path / "mean.grib")],
        listener=heard.append,
    )
    mask = np.arange(grid("O32").n_points) % 2 == 0
    for step in (1, 2, 3):
        given = field(step)
        given.values.flags.writeable = False
        pipeline.process(given, mask)
    pipeline.flush()
    native, means = messages(tmp_path / "native.grib"), messages(tmp_path / "mean.grib")
    assert [decode(message)[0] for message in native] == [271.0, 272.0, 273.0]
    assert [mars_key(message)["step"] for message in native] == [1, 2, 3]
    np.testing.assert_allclose([decode(m)[0] for m in means], [272.0, 273.0], atol=1e-4)
    assert np.isnan(decode(means[0])[1])
    assert [mars_key(m).get("timespan") for m in means] == ["3h", "3h"]
    assert [type(event) for event in heard] == [FieldStored] * 5 + [Flushed]
    assert (heard[-1].n_fields, heard[-1].n_bytes) == (5, sum(map(len, native + means)))
    pipeline.close()


def test_a_field_is_accepted_when_a_plan_wants_it(tmp_path):
    pressure = {"type": "select", "match": {"levtype": "pl"}}
    high = {"type": "select", "ignore": {"levelist": 850}}
    late = {"type": "select", "match": {"param": 1}}
    show, null = {"type": "print"}, {"type": "null"}
    pipeline = pipeline_of(
        [pressure, show, AGGREGATE, high, {"type": "mask"}, null],
        [{"type": "select", "match": {"levtype": "sfc"}}, AGGREGATE, ENCODE, late, null],
    )
    assert not pipeline.accepts(Metadata({"levtype": "pl", "levelist": 850}))
    assert pipeline.accepts(Metadata({"levtype": "pl", "levelist": 500}))
    assert pipeline.accepts(Metadata({"levtype": "sfc"}))
    assert not pipeline.accepts(Metadata({"levtype": "ml"}))


def test_a_plan_that_is_off_does_not_run(tmp_path):
    off = {"name": "off", "enable": False, "actions": [AGGREGATE, ENCODE, to_file(tmp_path / "x.grib")]}
    pipeline = Pipeline(load_plans([off]))
    assert not pipeline.accepts(field(1).metadata)
    pipeline.process(field(1))
    pipeline.close()
    assert not (tmp_path / "x.grib").exists()


def test_what_is_held_back_comes_out_at_close(tmp_path):
    mean = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]}
    wanted = mean | {"options": {"partial-windows": True}}
    pipeline = pipeline_of([AGGREGATE, wanted, ENCODE, to_file(tmp_path / "x.grib")])
    pipeline.process(field(1))
    pipeline.process(field(3 - 1))
    pipeline.close()
    (message,) = messages(tmp_path / "x.grib")
    assert (decode(message)[0], mars_key(message)["step"]) == (271.5, 2)


def test_a_file_a_server_or_an_appended_one(tmp_path):
    path = tmp_path / "deep" / "out.grib"
    for index in (0, 1):
        pipeline = pipeline_of([AGGREGATE, ENCODE, to_file(path, **{"per-server": True})], server_index=index)
        pipeline.process(field(1))
        pipeline.close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["server-0-out.grib", "server-1-out.grib"]
    for index in (0, 1):
        pipeline = pipeline_of([AGGREGATE, ENCODE, to_file(path, append=True)], server_index=index)
        pipeline.process(field(1))
        pipeline.close()
    assert len(messages(path)) == 2
    with pytest.raises(InvalidConfig, match="per-server: true"):
        pipeline_of([AGGREGATE, ENCODE, to_file(path)], server_index=1)


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be opened"):
        pipeline_of([AGGREGATE, ENCODE, to_file(tmp_path / "file" / "out.grib")])
    pipeline = pipeline_of([AGGREGATE, ENCODE, to_file("/dev/full", append=True)])
    with pytest.raises(StorageFailed, match="refused"):
        pipeline.process(field(1))


def test_print_logs_a_line_for_each(caplog):
    show = {"type": "print", "prefix": "in"}
    pipeline = pipeline_of([show, AGGREGATE, ENCODE, {"type": "print"}, {"type": "null"}])
    with caplog.at_level("INFO", logger="dte_hpc.plan"):
        pipeline.process(field(1))
    first, second = caplog.messages
    assert (first[:18], first[-11:]) == ("in: field class=od", "5248 values")
    assert (second[:8], second[-5:]) == ("message ", "bytes")


def test_only_what_the_plans_run_is_warmed(monkeypatch: pytest.MonkeyPatch) -> None:
    from dte_hpc.codecs import packing
    from dte_hpc.postproc.regrid import kernels as weights
    from dte_hpc.postproc.statistics import kernels as samples

    warmed: list[object] = []
    monkeypatch.setattr(packing, "warm", lambda *, ccsds: warmed.append(("packing", ccsds)))
    monkeypatch.setattr(samples, "warm", lambda: warmed.append("samples"))
    monkeypatch.setattr(weights, "warm", lambda: warmed.append("weights"))
    statistics = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]}
    for actions, expected in (
        ([{"type": "aggregate"}, {"type": "null"}], []),
        (
            [{"type": "aggregate"}, {"type": "encode", "packing": "ccsds"}, {"type": "null"}],
            [("packing", True)],
        ),
        (
            [{"type": "aggregate"}, statistics, {"type": "encode"}, {"type": "null"}],
            ["samples", ("packing", False)],
        ),
        ([{"type": "aggregate"}, {"type": "interpolate", "grid": "1/1"}, {"type": "null"}], ["weights"]),
    ):
        Pipeline(load_plans([{"name": "n", "actions": actions}])).warm()
        assert warmed == expected
        warmed.clear()


def test_a_producer_of_multios_is_encoded_under_mars_words(tmp_path):
    """Both spellings, and words to the engine: the message says what MARS's words say."""
    producer = {k: v for k, v in NAMES.items() if k not in ("param", "levelist", "date", "time")}
    producer |= {"paramId": 130, "level": 850, "startDate": 20260101, "startTime": 60000, "category": "atm"}
    producer |= {"toAllServers": 0, "name": "t", "misc-globalSize": 5248, "misc-precision": "double"}
    select = {"type": "select", "match": {"category": "atm"}}
    pipeline = pipeline_of([AGGREGATE, ENCODE, select, to_file(tmp_path / "out.grib")])
    values = np.full(grid("O32").n_points, 280.0)
    pipeline.process(Field(metadata=Metadata({**producer, "step": 6}), values=values))
    pipeline.flush()
    (message,) = messages(tmp_path / "out.grib")
    assert mars_key(message) == {**NAMES, "domain": "g", "time": 600, "step": 6}
