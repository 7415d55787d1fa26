"""What does one plan say, and is it right?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from dte_hpc.base.config import as_list, as_mapping, describe, refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc import plugs
from dte_hpc.postproc.action import Action, Options, Stage
from dte_hpc.postproc.options import read_options
from dte_hpc.postproc.plans.on_error import OnError, read_on_error
from dte_hpc.postproc.plans.order import Step, order_mistakes
from dte_hpc.postproc.plans.reach import contradictions
from dte_hpc.postproc.plans.written import FILES
from dte_hpc.postproc.restarts import Restart

MAX_ACTIONS = 1000
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


class Side(Enum):
    """Where a plan runs."""

    SERVER = "server"
    CLIENT = "client"


@runtime_checkable
class _Branched(Protocol):
    """Options of an action that has chains of its own."""

    def chains(self) -> Sequence[Sequence["ActionConfig"]]: ...


_FIRST_STAGE: dict[Side | None, Stage] = {Side.SERVER: Stage.PART, Side.CLIENT: Stage.FIELD}
"""What comes to a plan: on a model rank, its part of a field is what a plan works on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionConfig:
    """One checked action of a plan: its name, class, options, and place in the file.

    `on_error` is None where the plan decides.
    """

    name: str
    kind: type[Action]
    options: Options
    place: str
    on_error: OnError | None = None


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
    on_error : OnError
        What becomes of an item at which an action fails.
    """

    name: str
    enable: bool = True
    actions: tuple[ActionConfig, ...]
    on_error: OnError = OnError.PROPAGATE


def read_plan(
    node: Any,
    place: str,
    default_name: str,
    *,
    side: Side = Side.SERVER,
    on_error: OnError = OnError.PROPAGATE,
) -> tuple[PlanConfig | None, list[InvalidConfig]]:
    """Return a plan (None when it is wrong), and all that is wrong with it."""
    try:
        given = as_mapping(place, node)
    except InvalidConfig as error:
        return None, [error]
    known = ("name", "enable", "actions", "on-error")
    errors = [unknown_keyword(place, keyword, known) for keyword in given if keyword not in known]
    name = given.get("name", default_name)
    if not isinstance(name, str) or not name:
        errors.append(refuse(f"{place}.name", repr(name), "text"))
    enable = SWITCHES.get(str(given.get("enable", True)).lower())
    if enable is None:
        errors.append(refuse(f"{place}.enable", repr(given["enable"]), "true or false"))
    own, found = read_on_error(given, place)
    errors += found
    actions, found = read_actions(given.get("actions"), f"{place}.actions", side)
    errors += found if "actions" in given or not errors else []
    if errors:
        return None, errors
    return PlanConfig(name=name, enable=bool(enable), actions=actions, on_error=own or on_error), []


def read_actions(
    node: Any, place: str, side: Side | None
) -> tuple[tuple[ActionConfig, ...], list[InvalidConfig]]:
    """Return a chain of actions, and all that is wrong with it.

    Parameters
    ----------
    side : Side or None
        Where a plan runs whose actions these are. None for those of a branch: what comes to it, and where
        it runs, is checked with the action it is of.
    """
    try:
        nodes = as_list(place, node)
    except InvalidConfig as error:
        return (), [error]
    if not 0 < len(nodes) <= MAX_ACTIONS:
        return (), [refuse(place, f"{len(nodes)} actions", f"1 to {MAX_ACTIONS}")]
    errors: list[InvalidConfig] = []
    steps: list[Step] = []
    choices: list[OnError | None] = []
    for index, action in enumerate(nodes):
        step, choice, found = _read_action(action, f"{place}[{index}]", side)
        steps.append(step)
        choices.append(choice)
        errors += found
    errors += [*order_mistakes(steps, _FIRST_STAGE.get(side)), *contradictions(steps)]
    whole = [
        ActionConfig(name=s.name, kind=s.kind, options=s.options, place=s.place, on_error=choice)
        for s, choice in zip(steps, choices, strict=True)
        if s.kind is not None and s.options is not None
    ]
    return tuple(whole), sorted(errors, key=lambda error: _position(str(error.facts.get("place", "")), place))


def _position(error_place: str, place: str) -> int:
    """Return the index of the action that an error is about, so that they are told in file order."""
    inside = error_place.removeprefix(f"{place}[").partition("]")[0]
    return int(inside) if inside.isdigit() else MAX_ACTIONS


def _read_action(
    node: Any, place: str, side: Side | None
) -> tuple[Step, OnError | None, list[InvalidConfig]]:
    nothing = Step(name="?", kind=None, options=None, place=place)
    try:
        given = as_mapping(place, node)
        if "type" not in given:
            raise refuse(f"{place}.type", "nothing", f"one of {', '.join(plugs.names(plugs.ACTIONS))}")
        kind: type[Action] = plugs.check_type(plugs.ACTIONS, given["type"], f"{place}.type")
        if side is not None:
            _refuse_wrong_side(given["type"], kind, f"{place}.type", side)
    except InvalidConfig as error:
        return nothing, None, [error]
    choice, errors = read_on_error(given, place)
    own = {keyword: value for keyword, value in given.items() if keyword != "on-error"}
    options, found = read_options(kind.Options, own, place)
    if side is Side.CLIENT:
        found += _restart_mistakes(options, place)
    if options is not None and side is not None:
        errors += _wrong_inside(options, place, side)
    errors += [*found, *_missing_files(own, place, {str(e.facts.get("place")) for e in found})]
    return Step(name=given["type"], kind=kind, options=options, place=place), choice, errors


def _refuse_wrong_side(name: str, kind: type[Action], place: str, side: Side) -> None:
    if side is Side.CLIENT and not getattr(kind, "works_on_parts", False):
        raise refuse(
            place, f"{name!r} in a client plan", "it in a server plan: a model rank holds its own parts only"
        )
    if side is Side.SERVER and name == "transport":
        raise refuse(place, "'transport' in a server plan", "it in a client plan: here fields have arrived")


def _wrong_inside(options: Options, place: str, side: Side) -> Iterator[InvalidConfig]:
    """Yield what an action's options, or the actions of its branches, ask for on the wrong side."""
    if side is Side.CLIENT:
        asked = getattr(options, "options", None)
        for keyword in ("write_restart", "read_restart"):
            if getattr(asked, keyword, False):
                at = f"{place}.options.{keyword.replace('_', '-')}"
                yield refuse(
                    at, "true in a client plan", "it in a server plan: a checkpoint holds whole fields"
                )
    for index, branch in enumerate(branches_of(options)):
        for number, action in enumerate(branch):
            at = f"{place}.branches[{index}][{number}]"
            try:
                _refuse_wrong_side(action.name, action.kind, f"{at}.type", side)
            except InvalidConfig as error:
                yield error
            yield from _wrong_inside(action.options, at, side)


def branches_of(options: Options) -> Sequence[Sequence[ActionConfig]]:
    """Return the chains that an action's options hold: none, mostly."""
    return options.chains() if isinstance(options, _Branched) else ()


def _restart_mistakes(options: Options | None, place: str) -> list[InvalidConfig]:
    """Return an error where a client plan asks for checkpoints: each model rank holds parts only."""
    restart = getattr(options, "restart", None)
    if not isinstance(restart, Restart) or not (restart.writes or restart.reads):
        return []
    word = "write-restart" if restart.writes else "read-restart"
    return [
        refuse(
            f"{place}.options.{word}", "true in a client plan", "it in a server plan, whose fields are whole"
        )
    ]


def _missing_files(given: Mapping[str, Any], place: str, told: set[str]) -> list[InvalidConfig]:
    return [
        refuse(f"{place}.{keyword}", f"the file {describe(given[keyword])}", "one that is there")
        for keyword in FILES
        if isinstance(given.get(keyword), str)
        and f"{place}.{keyword}" not in told
        and not Path(given[keyword]).is_file()
    ]
