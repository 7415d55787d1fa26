"""What would a plan do? Its chain, drawn before anything runs, with grids and sizes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import grid
from dte_hpc.postproc.action import Explained, Flow, Stage
from dte_hpc.postproc.plans.plan import ActionConfig, PlanConfig, branches_of

OF_A_RANK = "a rank's part of a field"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One action of a plan, explained.

    Attributes
    ----------
    action, does : str
        Its name, and what it does.
    out : str or None
        What leaves it (the stage's name); None for the last one.
    n_out : int
        Fields that leave it for one variable at one emission.
    when : str
        When they leave.
    grid : str or None
        The grid they are on; None when neither the plan nor the caller says it.
    value_bytes, field_bytes : float, and int or None
        Size of one value, and of one field; a compressed message is at most that. A field's size is None
        when the grid is unknown.
    state_value_bytes, state_bytes : float, and int or None
        Memory kept for each variable under way, a point of it and all of it.
    branches : tuple of tuple of Line
        What the chains of its own do.
    """

    action: str
    does: str
    out: str | None
    n_out: int
    when: str
    grid: str | None
    value_bytes: float
    field_bytes: int | None
    state_value_bytes: float
    state_bytes: int | None
    branches: tuple[tuple["Line", ...], ...] = ()


def explain(
    plan: PlanConfig, *, grid_name: str | None = None, value_bytes: int = 8, is_client: bool = False
) -> tuple[Line, ...]:
    """Return what each action of a plan does and emits.

    Parameters
    ----------
    plan : PlanConfig
    grid_name : str or None
        The grid fields come on, when the plan's select does not say it.
    value_bytes : int
        8 for a model that sends float64, 4 for float32.
    is_client : bool
        Whether the plan runs on model ranks, each with its part, of which only the size of a point is known.
    """
    first = Stage.FIELD if is_client else Stage.PART
    name = None if is_client or not grid_name else grid(grid_name).name
    return _chain(plan.actions, Flow(stage=first, grid=name, value_bytes=value_bytes), is_client=is_client)


def _chain(actions: Sequence[ActionConfig], flow: Flow, *, is_client: bool) -> tuple[Line, ...]:
    lines = []
    for action in actions:
        told = action.kind.explain(action.options, flow)
        if is_client:  # a select may name the grid, of which a model rank holds its points only
            told = replace(told, flow=replace(told.flow, grid=None))
        branches = [_chain(each, flow, is_client=is_client) for each in branches_of(action.options)]
        line = _line(action, flow, told, tuple(branches))
        of_a_part = is_client and line.out == Stage.FIELD.value
        lines.append(replace(line, out=OF_A_RANK) if of_a_part else line)
        flow = told.flow
    return tuple(lines)


def _line(action: ActionConfig, flow: Flow, told: Explained, branches: tuple[tuple[Line, ...], ...]) -> Line:
    return Line(
        action=action.name,
        does=told.does,
        out=told.flow.stage.value if action.kind.emits else None,
        n_out=told.flow.n_out,
        when=told.flow.when,
        grid=told.flow.grid,
        value_bytes=told.flow.value_bytes,
        field_bytes=_bytes(told.flow.value_bytes, told.flow.grid),
        state_value_bytes=told.state_bytes_a_value,
        state_bytes=_bytes(told.state_bytes_a_value, flow.grid),
        branches=branches,
    )


def _bytes(bytes_a_value: float, grid_name: str | None) -> int | None:
    if grid_name is None:
        return None
    try:
        return round(bytes_a_value * grid(grid_name).n_points)
    except InvalidGrid:  # points of the plan's own, whose number the name does not say
        return None


def draw(plan: PlanConfig, lines: Sequence[Line], *, is_client: bool = False) -> str:
    """Return a plan as text: one action a line, and beneath it what flows on."""
    head = f"plan {plan.name!r}" + ("" if plan.enable else " (off: it does not run)")
    begin = "each model rank's part of a field" if is_client else "parts of fields, from the model ranks"
    return "\n".join([head, f"  {begin}", *_drawing(lines)])


def _drawing(lines: Sequence[Line], indent: str = "  ") -> Iterator[str]:
    width = max(len(line.action) for line in lines)
    for line in lines:
        keeps = size(line.state_bytes, line.state_value_bytes)
        state = f"   [keeps {keeps} a variable]" if line.state_value_bytes else ""
        yield f"{indent}│"
        yield f"{indent}▼ {line.action:<{width}}  {line.does}{state}"
        if line.out is not None:
            yield f"{indent}│ {'':<{width}}  → {_leaving(line)}"
        for number, branch in enumerate(line.branches, 1):
            is_last = number == len(line.branches)
            yield f"{indent}{'└' if is_last else '├'}─ branch {number} of {len(line.branches)}"
            yield from _drawing(branch, indent + ("     " if is_last else "│    "))


def _leaving(line: Line) -> str:
    where = f" on {line.grid}" if line.grid else ""
    count = f"{line.n_out} × " if line.n_out != 1 else ""
    much = "at most " if line.out == Stage.MESSAGE.value else ""
    return f"{count}{line.out}{where}, {much}{size(line.field_bytes, line.value_bytes)}, {line.when}"


def size(n_bytes: int | None, value_bytes: float) -> str:
    """Return a size for people; while the grid is unknown, that of a point."""
    if n_bytes is None:
        return f"{value_bytes:g} bytes a point"
    number, unit = float(n_bytes), 0
    while number >= 1024 and unit < len(UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.0f} {UNITS[unit]}" if unit == 0 else f"{number:.1f} {UNITS[unit]}"


def as_json(plan: PlanConfig, lines: Sequence[Line]) -> dict[str, Any]:
    """Return the same for programs."""
    return {"name": plan.name, "enable": plan.enable, "actions": [_node(line) for line in lines]}


def _node(line: Line) -> dict[str, Any]:
    told = {name: getattr(line, name) for name in Line.__dataclass_fields__ if name != "branches"}
    branches = [[_node(each) for each in branch] for branch in line.branches]
    return told | ({"branches": branches} if branches else {})
