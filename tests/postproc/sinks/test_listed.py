"""Sinks in sinks, sinks that may fail, triggers, and paths made of keywords."""

import contextlib
import json
import socket
import time

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, StorageFailed
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.sinks.patterns import escaped, filled
from dte_hpc.postproc.sinks.triggers import Triggers, read_triggers


def plan(*sinks, **options):
    return load_plans(
        [{"actions": [{"type": "aggregate"}, {"type": "sink", "sinks": list(sinks), **options}]}]
    )


def field():
    return Field(metadata=Metadata({"param": 167, "date": 20260101, "step": 1}), values=np.zeros(4))


def test_a_sink_that_may_fail_is_counted_and_the_others_go_on(tmp_path):
    (tmp_path / "taken").mkdir()
    broken = {"type": "zarr", "path": str(tmp_path / "taken")}
    sound = {"type": "hdf5", "path": str(tmp_path / "a.h5")}
    pipeline = Pipeline(plan({**broken, "failOnError": False}, sound))
    pipeline.process(field())
    pipeline.close()
    assert [(each.n_items, each.n_failed) for _, each in pipeline.written()] == [(0, 1), (1, 0)]
    with pytest.raises(StorageFailed, match="there already"):
        Pipeline(plan(broken)).process(field())


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        ({"type": "maestro"}, "memory broker"),
        ({"type": "netcdf", "path": "a{b"}, "brace"),
        ({"type": "multio", "sinks": [{"type": "filee"}]}, "filee"),
        ({"type": "fdb5", "config": {"userConfig": {"useSubTocs": True}}}, "useSubToc"),
        ({"type": "hdf5", "path": "x", "failOnError": "perhaps"}, "true or false"),
    ],
)
def test_mistakes_are_told(sink, words):
    with pytest.raises(InvalidConfig, match=words):
        plan(sink)


def test_no_value_leaves_its_place_in_a_path():
    assert escaped("../a/b") == "%2e.%2fa%2fb"
    assert str(filled("out/{param}.nc", {"param": "../x"})) == "out/%2e.%2fx.nc"
    assert escaped("%2f") != escaped("/")


def test_one_file_cannot_be_shared_by_servers(tmp_path):
    with pytest.raises(InvalidConfig, match="per-server: true"):
        Pipeline(plan({"type": "netcdf", "path": str(tmp_path / "a.nc")}), server_index=1)


def test_a_host_that_is_down_is_a_sentence(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    node = {"type": "NotifyMetadata", "key": "step", "host": "127.0.0.1", "port": port, "retries": 1}
    (trigger,), errors = read_triggers([{**node, "timeout": 0.1, "failOnRetry": True}], "$")
    assert not errors
    with pytest.raises(StorageFailed, match="2 tries"):
        Triggers([trigger]).notify(Metadata({"step": 1}))


def test_an_event_is_sent_and_a_change_fires_once(tmp_path):
    path = tmp_path / "events"
    with socket.create_server(("127.0.0.1", 0)) as server:
        node = {"key": "step", "host": "127.0.0.1", "port": server.getsockname()[1], "timeout": 5}
        triggers, _ = read_triggers(
            [
                {"type": "NotifyMetadata", **node},
                {"type": "MetadataChange", "key": "step", "file": str(path)},
            ],
            "$",
        )
        told = Triggers(triggers)
        told.notify(Metadata({"step": 1}))
        connection, _ = server.accept()
        with connection:
            heard = json.loads(connection.makefile().readline())
        assert heard == {"type": "NotifyMetadata", "info": {"app": "multio"}, "metadata": {"step": 1}}
    Triggers(triggers[1:]).notify(Metadata({"step": 2}))
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("listens", [False, True])
def test_a_host_that_does_not_answer_is_told_and_bounded(listens):
    """A closed port, and one whose queue of callers is full because nobody accepts."""
    with socket.socket() as host, contextlib.ExitStack() as callers:
        host.bind(("127.0.0.1", 0))
        address = host.getsockname()
        if listens:
            host.listen(0)
            for _ in range(8):
                caller = callers.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex(address)
        node = {"type": "NotifyMetadata", "key": "step", "host": address[0], "port": address[1]}
        (trigger,), _ = read_triggers([{**node, "timeout": 1, "retries": 1, "failOnRetry": True}], "$")
        started = time.monotonic()
        with pytest.raises(StorageFailed, match=rf"{address[1]} was not told of step: .*; 2 tries"):
            Triggers([trigger]).notify(Metadata({"step": 1}))
        assert time.monotonic() - started < 4


@pytest.mark.parametrize("kind", ["netcdf", "hdf5"])
@pytest.mark.parametrize("path", ["taken", "file/out.nc", "file/{param}.nc"])
def test_a_path_that_cannot_be_written_is_refused_when_the_sink_is_made(tmp_path, kind, path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match=r"is a folder; expected|cannot be made"):
        Pipeline(plan({"type": kind, "path": str(tmp_path / path)}))


@pytest.mark.parametrize("kind", ["netcdf", "hdf5"])
def test_a_folder_in_the_place_of_a_keywords_file_is_refused_before_it_is_written(tmp_path, kind):
    (tmp_path / "167.nc").mkdir()
    pipeline = Pipeline(plan({"type": kind, "path": str(tmp_path / "{param}.nc")}))
    name = {"param": "167", "date": 20260101, "time": 0, "step": 1, "levtype": "sfc"}
    with pytest.raises(StorageFailed, match=r"167\.nc is a folder; expected"):
        pipeline.process(Field(metadata=Metadata(name), values=np.zeros(4)))
    assert [path.name for path in tmp_path.iterdir()] == ["167.nc"]
