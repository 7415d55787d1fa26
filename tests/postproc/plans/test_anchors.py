"""Anchors that hold themselves, or each other many times, end in a mistake, soon and in little memory."""

import pytest

from dte_hpc.base.config import lines_of
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.plans.document import load_document

ITSELF = "plans: [{name: p, actions: [{type: select, match: &a {param: *a}}, {type: 'null'}]}]\n"
TWICE = "x: &x {type: fan-out, branches: [[*x, *x]]}\nplans: [{name: p, actions: [*x]}]\n"
LEVELS = "".join(
    f"{'abcdefgh'[i]}: &{'abcdefgh'[i]} [{', '.join(['*' + 'abcdefgh'[i - 1]] * 9)}]\n" for i in range(1, 8)
)
MANY = f"a: &a [x]\n{LEVELS}plans: [{{name: p, actions: [{{type: select, match: *h}}, {{type: 'null'}}]}}]\n"


@pytest.mark.parametrize("text", [ITSELF, TWICE, MANY])
def test_it_ends(tmp_path, text):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match="expected"):
        load_document(path)


def test_the_places_of_a_merge_of_itself():
    assert lines_of("a: &a\n  <<: *a\n  b: 1\n")["$.a.b"] == 3
