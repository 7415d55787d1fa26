"""Can the actions of a plan follow each other in this order?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc import plugs
from dte_hpc.postproc.action import Action, Options, Stage

_ORDER = list(Stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An action as far as it could be read: class and options are None where they are wrong."""

    name: str
    kind: type[Action] | None
    options: Options | None
    place: str


def order_mistakes(steps: Sequence[Step], first: Stage | None = Stage.PART) -> list[InvalidConfig]:
    """Return what is wrong with the order; each error has the place of the action's type.

    `first` is the stage of what comes to the first action, None when it is not known.

    After a mistake the chain is followed as if it were right, and an unknown action is taken to fit,
    so that one mistake is told once.
    """
    return [
        *_stage_mistakes(steps, first),
        *_packing_mistakes(steps),
        *_naming_mistakes(steps),
        *_end_mistakes(steps),
    ]


def _stage_mistakes(steps: Sequence[Step], first: Stage | None) -> Iterator[InvalidConfig]:
    stage = first
    for before, step in zip([None, *steps], steps, strict=False):
        if step.kind is None:
            stage = None
            continue
        if before is not None and before.kind is not None and not before.kind.emits:
            yield refuse(f"{step.place}.type", f"{step.name!r} after {before.name!r}", "nothing after it")
        wanted = step.kind.takes(step.options) if step.options is not None else step.kind.consumes
        if stage is not None and stage not in wanted:
            yield refuse(
                f"{step.place}.type", f"{step.name!r}, which is given {stage.value}", _wish(wanted, stage)
            )
        stage = _after(step, step.kind, stage, wanted)


def _after(step: Step, kind: type[Action], stage: Stage | None, wanted: frozenset[Stage]) -> Stage | None:
    """Return the stage that leaves an action: its only one, or the one that came in.

    An action that stands too late is taken to be left out; one that stands too early, to be right.
    """
    if stage is not None and all(_ORDER.index(stage) > _ORDER.index(each) for each in wanted):
        return stage
    given = kind.gives(step.options) if step.options is not None else kind.emits
    if len(given) == 1:
        return next(iter(given))
    return stage if stage in wanted else None


def _wish(wanted: frozenset[Stage], stage: Stage) -> str:
    text = " or ".join(sorted(s.value for s in wanted))
    bridge = next((name for name in plugs.names(plugs.ACTIONS) if _bridges(name, stage, wanted)), None)
    return f"{text} (put {bridge!r} before it)" if bridge else text


def _bridges(name: str, stage: Stage, wanted: frozenset[Stage]) -> bool:
    try:
        kind: type[Action] = plugs.find(plugs.ACTIONS, name)
    except InvalidConfig:
        return False
    return (
        stage in kind.consumes and kind.emits != kind.consumes and bool(kind.emits) and kind.emits <= wanted
    )


def _packing_mistakes(steps: Sequence[Step]) -> Iterator[InvalidConfig]:
    maker: Step | None = None
    for step in steps:
        if maker is not None and getattr(step.options, "bits_per_value", None) == "keep":
            yield refuse(
                f"{step.place}.bits-per-value",
                "'keep'",
                f"a number: the values of {maker.name!r} had no packing",
            )
        if step.kind is not None and step.kind.makes_values:
            maker = step


def _naming_mistakes(steps: Sequence[Step]) -> Iterator[InvalidConfig]:
    """Yield what an action makes that no message can name, where one is made of it."""
    for index, step in enumerate(steps):
        if step.options is not None and any(_makes_messages(s) for s in steps[index + 1 :]):
            yield from step.options.unencodable(step.place)


def _makes_messages(step: Step) -> bool:
    if step.kind is None or step.options is None or not step.name.startswith("encode"):
        return False
    return Stage.MESSAGE in step.kind.gives(step.options)


def _end_mistakes(steps: Sequence[Step]) -> Iterator[InvalidConfig]:
    last = steps[-1]
    ended = any(step.kind is not None and not step.kind.emits for step in steps)
    if last.kind is not None and not ended:
        ends = [n for n in plugs.names(plugs.ACTIONS) if _is_end(n)]
        yield refuse(
            f"{last.place}.type", f"{last.name!r} as the last action", f"an end: {' or '.join(ends)}"
        )


def _is_end(name: str) -> bool:
    try:
        return not plugs.find(plugs.ACTIONS, name).emits
    except InvalidConfig:
        return False
