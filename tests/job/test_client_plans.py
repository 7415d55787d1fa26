"""What a document's client says is done on the model ranks of a job, alike on all of them."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.codecs.decode import read_field
from dte_hpc.codecs.layout import split
from dte_hpc.postproc.client import ClientPlans
from dte_hpc.postproc.plans.document import load_client

TWICE = {"type": "scale", "custom-mappings": [{"param-in": 167, "param-out": 167, "scaling": 2.0}]}

DOCUMENT = """
client:
  on-error: ON_ERROR
  plans:
    - name: sent
      actions:
        - {type: select, match: [{param: [167, 130]}]}
        - {type: scale, custom-mappings: [{param-in: 167, param-out: 168, scaling: 2.0}]}
        - {type: transport, target: server, DISTRIBUTION}
    - name: again
      actions:
        - {type: select, match: {param: 130}}
        - {type: transport, target: server, DISTRIBUTION}
    - name: rates
      enable: RATES
      actions: [{type: select, match: {param: 167}}, {type: average-rate}, {type: transport}]
server:
  transport: mpi
  plans:
    - name: all
      actions:
        - {type: aggregate}
        - {type: encode}
        - {type: sink, sinks: [{type: file, path: '{~}/out.grib', per-server: true}]}
"""
MODEL = """
import sys
import numpy as np
from dte_hpc.ioserver import IOClient
from dte_hpc.job import run

sent, hand_over = [], IOClient._hand_over
IOClient._hand_over = lambda self, names, *more: (sent.append(names["param"]), hand_over(self, names, *more))
NAMES = {{"class": "rd", "expver": "0001", "stream": "oper", "type": "fc", "date": 20260101, "time": 0,
         "levtype": "sfc", "domain": "atm"}}

def model(rank):
    indices = np.arange(rank.rank, 5248, rank.size)
    rank.client.write_domain("atm", indices, global_size=5248, grid="O32")
    accepted = [p for p in (167, 130, 151) if rank.client.field_accepted({{**NAMES, "param": p}})]
    assert accepted == [167, 130]
    for step in (1, 2):
        for param in (167, 130, 151):
            values = indices + 1000.0 * step
            try:
                rank.client.write_field({{**NAMES, "param": param, "step": step}}, values)
            except Exception:
                pass  # a model that goes on all the same
            values[:] = -1.0
    rank.client.flush()
    assert sent == [168, 130] * 2, sent
    assert "numba" not in sys.modules

run(model, {{"plans": {plans!r}, "ranks": {{"io": {io}}}}})
"""


def document(path, on_error="propagate", rates="false", distribution="hash-keys: [param]"):
    text = DOCUMENT.replace("ON_ERROR", on_error).replace("RATES", rates)
    path.write_text(text.replace("DISTRIBUTION", distribution))
    return str(path)


@pytest.mark.parametrize(
    ("n_model", "n_io", "distribution"),
    [(1, 1, "hash-keys: [param]"), (3, 2, "distribution: even")],
)
def test_what_is_scaled_arrives_scaled_and_the_rest_is_not_sent(job, tmp_path, n_model, n_io, distribution):
    plans = document(tmp_path / "plans.yaml", distribution=distribution)
    ended = job((n_model + n_io, MODEL.format(plans=plans, io=n_io)))
    assert (ended.status, ended.err) == (0, "")
    files = sorted(tmp_path.glob("server-*-out.grib"))
    per_file = [[read_field(message) for message in split(file.read_bytes())] for file in files]
    assert [len(fields) for fields in per_file] == ([4] if n_io == 1 else [2, 2])  # even
    for field in (field for fields in per_file for field in fields):
        factor = 2.0 if int(field.metadata["param"]) == 168 else 1.0
        expected = factor * (np.arange(5248) + 1000.0 * int(field.metadata["step"]))
        np.testing.assert_allclose(field.values, expected, atol=0.2)


def test_abort_transport_ends_the_job_though_the_model_would_go_on(job, tmp_path):
    plans = document(tmp_path / "plans.yaml", on_error="abort-transport", rates="true")
    ended = job((3, MODEL.format(plans=plans, io=1)))
    assert ended.status != 0
    assert "mean rate" in ended.err, ended.err
    assert "AssertionError" not in ended.err


def test_a_mistake_of_the_client_is_told_once(job, tmp_path):
    plans = document(tmp_path / "plans.yaml", on_error="stop")
    ended = job((3, MODEL.format(plans=plans, io=1)))
    assert ended.status != 0
    assert ended.err.count("$.client.on-error") == 1, ended.err


def test_one_name_with_two_values_is_refused(tmp_path):
    document = {
        "client": {
            "plans": [
                {"name": name, "actions": [*changes, {"type": "transport", "target": "server"}]}
                for name, changes in (("as it is", []), ("twice", [TWICE]))
            ]
        },
        "server": {"transport": "mpi", "plans": [{"name": "all", "actions": [{"type": "null"}]}]},
    }
    plans = ClientPlans(load_client(document))
    named = Metadata({"param": 167, "step": 1})
    assert len(plans.process(named, np.array([0.0, np.nan]))) == 1  # 0 is twice 0
    with pytest.raises(InvalidPart, match=r"param=167,step=1 is sent twice with other values; expected"):
        plans.process(named, np.array([1.0, np.nan]))
    assert [each.metadata["step"] for each in plans.process(named.replace(step=2), np.zeros(2))] == [2]
