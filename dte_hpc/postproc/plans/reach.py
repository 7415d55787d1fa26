"""Can any field get through the selects at the beginning of a plan?

Two selects that ask for different values of one keyword let nothing pass, and the plan would write
nothing and never say so. A list that is empty is meant (NEMO's plans have such), and no mistake.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.key import text_of

MAX_COMBINATIONS = 4096


Clause = dict[str, frozenset[str]]


def contradictions(actions: Sequence[Any]) -> list[InvalidConfig]:
    """Return a mistake for the first select that lets nothing pass of what those before it let pass."""
    passing: list[Clause] = [{}]
    for action in _first_selects(actions):
        wanted = list(_clauses(getattr(action.options, "match", None)))
        if not wanted or len(passing) * len(wanted) > MAX_COMBINATIONS:
            continue
        met = [both for a, b in product(passing, wanted) if (both := _meet(a, b)) is not None]
        if not met:
            found = f"a select of {_words(wanted)} behind one of {_words(passing)}"
            return [refuse(f"{action.place}.match", found, "something that fits both: no field passes here")]
        passing = met
    return []


def _first_selects(actions: Sequence[Any]) -> Iterator[Any]:
    for action in actions:
        if action.kind is None or action.options is None:
            return
        if action.name == "select":
            yield action
        elif not action.kind.passes_metadata:
            return


def _clauses(match: Any) -> Iterator[Clause]:
    for clause in match if isinstance(match, list | tuple) else [match]:
        if isinstance(clause, Mapping):
            yield {
                k: frozenset(map(_plain, v if isinstance(v, list | tuple) else [v]))
                for k, v in clause.items()
            }


def _plain(value: Any) -> str:
    text = text_of(value)
    return text.lstrip("0") or "0" if text.isdecimal() else text


def _meet(a: Clause, b: Clause) -> Clause | None:
    """Return what fits both clauses; None when nothing does though each alone would let something pass."""
    both = dict(a)
    for keyword, values in b.items():
        before = both.get(keyword, values)
        both[keyword] = before & values
        if not both[keyword] and before and values:
            return None
    return both


def _words(clauses: Sequence[Clause]) -> str:
    told = [", ".join(f"{k}={'/'.join(sorted(v))}" for k, v in clause.items()) for clause in clauses[:3]]
    return " or ".join(told)
