"""What does a plan file say, and is it right?

A plan is a chain of actions, in MultIO's shape::

    plans:
      - name: daily
        enable: true
        actions:
          - {type: select, match: {levtype: pl}}
          - {type: aggregate}
          - {type: statistics, output-frequency: 1d, operations: [average, maximum]}
          - {type: encode, format: grib, packing: ccsds}
          - {type: sink, sinks: [{type: fdb5, config: store}]}

``server: {plans: [...]}`` is understood too. Everything is checked before anything runs, and every
mistake is reported with its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from dte_hpc.base.config import as_list, as_mapping, describe, read_yaml, refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc import plugs
from dte_hpc.postproc.action import Action, Options
from dte_hpc.postproc.options import read_options
from dte_hpc.postproc.plans.order import Step, order_mistakes

MAX_ACTIONS = 1000
Source: TypeAlias = str | Path | Mapping[str, Any] | Sequence[Any]
SWITCHES = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionConfig:
    """One checked action of a plan: its name, class, options, and place in the file."""

    name: str
    kind: type[Action]
    options: Options
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanConfig:
    """One checked plan.

    Attributes
    ----------
    name : str
        Unique in its file.
    enable : bool
        A plan that is off is checked, and does not run.
    actions : tuple of ActionConfig
        Beginning with parts of fields, ending in an action that nothing follows.
    """

    name: str
    enable: bool = True
    actions: tuple[ActionConfig, ...]


def load_plans(source: Source, place: str = "$") -> tuple[PlanConfig, ...]:
    """Return the plans of a YAML file, or of what one says, checked.

    Parameters
    ----------
    source : path, mapping or list
        ``{"plans": [...]}`` or ``{"server": {"plans": [...]}}``, or the list itself.
    place : str
        What the mapping's place is called in errors; ``$`` is the whole file.

    Raises
    ------
    InvalidConfig
        With every mistake: one to a line in the sentence, and in ``error.mistakes`` a tuple of
        (place, sentence). ``error.place`` is the first one's.
    """
    node = read_yaml(source) if isinstance(source, str | Path) else source
    if isinstance(node, list | tuple):
        node = {"plans": node}
    plans, errors = _read_document(node, place)
    if errors:
        raise _all_of(errors, source if isinstance(source, str | Path) else None)
    return plans


def _all_of(errors: list[InvalidConfig], source: str | Path | None) -> InvalidConfig:
    mistakes = tuple((str(e.facts.get("place", "$")), str(e)) for e in errors)
    where = f" in {source}" if source is not None else ""
    lines = [sentence for _, sentence in mistakes]
    text = lines[0] + where if len(lines) == 1 else f"{len(lines)} mistakes{where}:\n" + "\n".join(lines)
    return InvalidConfig(text, place=mistakes[0][0], mistakes=mistakes)


def _read_document(node: Any, place: str) -> tuple[tuple[PlanConfig, ...], list[InvalidConfig]]:
    try:
        document = as_mapping(place, node)
        errors = [
            unknown_keyword(place, k, ("plans", "server")) for k in document if k not in ("plans", "server")
        ]
        if ("plans" in document) == ("server" in document):
            found = "both 'plans' and 'server'" if "plans" in document else "neither 'plans' nor 'server'"
            return (), errors or [refuse(place, found, "one of them")]
        if "server" in document:
            place = f"{place}.server"
            document = as_mapping(place, document["server"])
            errors += [unknown_keyword(place, k, ("plans",)) for k in document if k != "plans"]
        nodes = as_list(f"{place}.plans", document.get("plans"))
    except InvalidConfig as error:
        return (), [error]
    if not nodes:
        return (), errors or [refuse(f"{place}.plans", describe(nodes), "at least one plan")]
    return _read_plans(nodes, f"{place}.plans", errors)


def _read_plans(
    nodes: Any, place: str, errors: list[InvalidConfig]
) -> tuple[tuple[PlanConfig, ...], list[InvalidConfig]]:
    plans: list[PlanConfig] = []
    names: dict[str, str] = {}
    for index, node in enumerate(nodes):
        at = f"{place}[{index}]"
        plan, found = _read_plan(node, at, f"plan-{index}")
        errors += found
        name = str(node.get("name", f"plan-{index}")) if isinstance(node, Mapping) else at
        if name in names:
            errors.append(
                refuse(f"{at}.name", f"{name!r}, which {names[name]} is called", "a name of its own")
            )
        names.setdefault(name, at)
        plans += [plan] if plan else []
    return tuple(plans), errors


def _read_plan(node: Any, place: str, default_name: str) -> tuple[PlanConfig | None, list[InvalidConfig]]:
    try:
        given = as_mapping(place, node)
    except InvalidConfig as error:
        return None, [error]
    known = ("name", "enable", "actions")
    errors = [unknown_keyword(place, keyword, known) for keyword in given if keyword not in known]
    name = given.get("name", default_name)
    if not isinstance(name, str) or not name:
        errors.append(refuse(f"{place}.name", repr(name), "text"))
    enable = SWITCHES.get(str(given.get("enable", True)).lower())
    if enable is None:
        errors.append(refuse(f"{place}.enable", repr(given["enable"]), "true or false"))
    actions, found = _read_actions(given.get("actions"), f"{place}.actions")
    errors += found if "actions" in given or not errors else []
    return (None, errors) if errors else (PlanConfig(name=name, enable=bool(enable), actions=actions), [])


def _read_actions(node: Any, place: str) -> tuple[tuple[ActionConfig, ...], list[InvalidConfig]]:
    try:
        nodes = as_list(place, node)
    except InvalidConfig as error:
        return (), [error]
    if not 0 < len(nodes) <= MAX_ACTIONS:
        return (), [refuse(place, f"{len(nodes)} actions", f"1 to {MAX_ACTIONS}")]
    errors: list[InvalidConfig] = []
    steps = []
    for index, action in enumerate(nodes):
        step, found = _read_action(action, f"{place}[{index}]")
        steps.append(step)
        errors += found
    errors += order_mistakes(steps)
    whole = [
        ActionConfig(name=s.name, kind=s.kind, options=s.options, place=s.place)
        for s in steps
        if s.kind is not None and s.options is not None
    ]
    return tuple(whole), sorted(errors, key=lambda error: _position(str(error.facts.get("place", "")), place))


def _position(error_place: str, place: str) -> int:
    """Return the index of the action that an error is about, so that they are told in file order."""
    inside = error_place.removeprefix(f"{place}[").partition("]")[0]
    return int(inside) if inside.isdigit() else MAX_ACTIONS


def _read_action(node: Any, place: str) -> tuple[Step, list[InvalidConfig]]:
    nothing = Step(name="?", kind=None, options=None, place=place)
    try:
        given = as_mapping(place, node)
        if "type" not in given:
            raise refuse(f"{place}.type", "nothing", f"one of {', '.join(plugs.names(plugs.ACTIONS))}")
        kind: type[Action] = plugs.check_type(plugs.ACTIONS, given["type"], f"{place}.type")
    except InvalidConfig as error:
        return nothing, [error]
    options, errors = read_options(kind.Options, given, place)
    return Step(name=given["type"], kind=kind, options=options, place=place), errors
