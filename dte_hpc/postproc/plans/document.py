"""What does a plan document say, and is it right?

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

``server: {plans: [...]}`` and ``client: {plans: [...]}`` are understood too, with all that MultIO has
beside them. Everything is checked before anything runs, and every mistake is reported with its place, file
and line.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from dte_hpc.base.config import as_list, as_mapping, describe, refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.actions import matching
from dte_hpc.postproc.plans import dissemination, sections
from dte_hpc.postproc.plans.on_error import ON_A_SIDE, OnError, read_on_error
from dte_hpc.postproc.plans.plan import ActionConfig, PlanConfig, Side, branches_of, read_plan
from dte_hpc.postproc.plans.shared_paths import shared_paths
from dte_hpc.postproc.plans.written import Line, Written, is_file, moved, read_written, substituted

__all__ = ["ActionConfig", "Document", "PlanConfig", "load_document", "load_plans"]

Source: TypeAlias = str | Path | Mapping[str, Any] | Sequence[Any] | Written
CLIENTS = ("client", "active-matchers")
MOST_TOLD = 12
"""Mistakes in a sentence; the error keeps all."""
KNOWN = ("plans", "server", "client", "mpi-communicators", "active-matchers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A checked document.

    Attributes
    ----------
    plans : tuple of PlanConfig
        Of the IO ranks.
    client : tuple of PlanConfig, or None
        Of the model ranks; None when the document has no client, so that every field is sent.
    client_on_error : OnError
        What the client section says.
    active_matchers : tuple of mappings
        Fields that a model is told it may write besides those its plans take.
    notes : tuple of str
        What our own job does instead of what the document asks for.
    """

    plans: tuple[PlanConfig, ...] = ()
    client: tuple[PlanConfig, ...] | None = None
    client_on_error: OnError = OnError.PROPAGATE
    active_matchers: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


def load_plans(source: Source, place: str = "$") -> tuple[PlanConfig, ...]:
    """Return the plans of the IO ranks in a document, checked. See `load_document`."""
    return load_document(source, place).plans


def load_client(source: Source, place: str = "$") -> Document | None:
    """Return what a document says to model ranks, checked; None when it has no client.

    Plans of the IO ranks are left alone, so that a model rank imports nothing of them. See `load_document`.
    """
    if isinstance(source, str | Path):
        source = Path(source)
        if b"client" not in source.read_bytes():  # spares every model rank of most jobs the reading of YAML
            return None
    written = _written(source)
    if not isinstance(written.node, Mapping) or "client" not in written.node:
        return None
    own = {keyword: written.node[keyword] for keyword in CLIENTS if keyword in written.node}
    return _load(replace(written, node=own), place, is_whole=False)


def load_document(source: Source, place: str = "$", beside: Collection[str] = ()) -> Document:
    """Return a YAML file of plans, or what one says, checked.

    Parameters
    ----------
    source : path, mapping, list or Written
        ``{"plans": [...]}``, or ``{"server": {"plans": [...]}, "client": {"plans": [...]}}``, or the list
        itself.
    place : str
        What the mapping's place is called in errors; ``$`` is the whole file.
    beside : collection of str
        Keywords of the mapping that are somebody else's.

    Raises
    ------
    InvalidConfig
        With every mistake: the first dozen one to a line in the sentence, in ``error.mistakes``
        a tuple of (place, sentence) of all, and in ``error.lines`` file and line of each, or
        None. ``error.place`` is the first one's.
    """
    return _load(_written(source), place, beside, is_whole=True)


def _written(source: Source) -> Written:
    if isinstance(source, str | Path):
        return read_written(source)
    return source if isinstance(source, Written) else Written(node=source)


def _load(written: Written, place: str, beside: Collection[str] = (), *, is_whole: bool) -> Document:
    node = written.node
    if isinstance(node, list | tuple):
        node = {"plans": node}
    if isinstance(node, Mapping) and all(isinstance(keyword, str) for keyword in node):
        node = {keyword: value for keyword, value in node.items() if keyword not in beside}
    reading = _Reading(written, is_whole=is_whole)
    node = reading.put_in(node, place)
    unset = {error.facts.get("place") for error in reading.errors}
    document = reading.document(node, place)
    reading.errors = [e for e in reading.errors if e.facts.get("place") not in unset or "variable" in e.facts]
    if reading.errors:
        raise _all_of(reading.errors, written, reading.lines)
    return document


def _all_of(errors: list[InvalidConfig], written: Written, lines: Mapping[str, Line]) -> InvalidConfig:
    known = written.within(None, lines)
    mistakes = tuple((str(e.facts.get("place", "$")), str(e)) for e in errors)
    at = tuple(known.line_of(place) for place, _ in mistakes)
    told = [
        sentence + (f" ({where[0]}:{where[1]})" if where else "")
        for (_, sentence), where in zip(mistakes[:MOST_TOLD], at, strict=False)
    ]
    told += [f"and {len(mistakes) - MOST_TOLD} more"] if len(mistakes) > MOST_TOLD else []
    source = f" in {written.file}" if written.file is not None else ""
    text = told[0] if len(told) == 1 else f"{len(mistakes)} mistakes{source}:\n" + "\n".join(told)
    return InvalidConfig(text, place=mistakes[0][0], mistakes=mistakes, lines=at)


class _Reading:
    """One document on its way to being checked: its mistakes, and the lines of included files."""

    def __init__(self, written: Written, *, is_whole: bool) -> None:
        self.errors: list[InvalidConfig] = []
        self._is_whole = is_whole
        self.lines: dict[str, Line] = {}
        self._written = written

    def put_in(self, node: Any, place: str) -> Any:
        put, errors = substituted(node, place, self._written.directory)
        self.errors += errors
        return put

    def document(self, node: Any, place: str) -> Document:
        try:
            given = as_mapping(place, node)
        except InvalidConfig as error:
            self.errors.append(error)
            return Document()
        self.errors += [
            unknown_keyword(place, k, KNOWN) for k, v in given.items() if k not in KNOWN and not _is_target(v)
        ]
        sides = [keyword for keyword in ("server", "client") if keyword in given]
        if ("plans" in given) == bool(sides):
            both = f"both 'plans' and {sides[0]!r}" if sides else "neither 'plans' nor 'server'"
            self.errors += [] if self.errors else [refuse(place, both, "one of them")]
            return Document()
        if "mpi-communicators" in given:
            self.errors += sections.communicator_mistakes(
                given["mpi-communicators"], f"{place}.mpi-communicators"
            )
        return self._sides(given, place)

    def _sides(self, given: Mapping[str, Any], place: str) -> Document:
        server = client = None
        on_error = OnError.PROPAGATE
        matchers = list(self._matchers(given, place))
        if "plans" in given:
            server = self._plans(given, place, Side.SERVER, OnError.PROPAGATE)
        if "server" in given:
            server, _ = self._section(given["server"], f"{place}.server", Side.SERVER)
        if "client" in given:
            client, on_error = self._section(given["client"], f"{place}.client", Side.CLIENT)
            if isinstance(given["client"], Mapping):
                matchers += self._matchers(given["client"], f"{place}.client")
        if self._is_whole:
            self._targets(given, place, client or ())
        if not self.errors:
            self.errors += [*shared_paths(server or ()), *shared_paths(client or ())]
        return Document(
            plans=server or (),
            client=client,
            client_on_error=on_error,
            active_matchers=tuple(matchers),
            notes=(*sections.notes(given), *_off(server or ()), *_off(client or ())),
        )

    def _section(self, node: Any, place: str, side: Side) -> tuple[tuple[PlanConfig, ...], OnError]:
        try:
            section = as_mapping(place, node)
        except InvalidConfig as error:
            self.errors.append(error)
            return (), OnError.PROPAGATE
        before = len(self.errors)
        if side is Side.SERVER:
            self.errors += sections.server_mistakes(section, place)
        else:
            self.errors += [
                unknown_keyword(place, k, sections.CLIENT) for k in section if k not in sections.CLIENT
            ]
        choice, found = read_on_error(section, place, ON_A_SIDE)
        self.errors += found
        on_error = choice or OnError.PROPAGATE
        return self._plans(section, place, side, on_error, quiet=len(self.errors) > before), on_error

    def _matchers(self, section: Mapping[str, Any], place: str) -> Iterator[Mapping[str, Any]]:
        node = section.get("active-matchers", [])
        block = {"match": node}
        mistakes = list(matching.block_mistakes(f"{place}.active-matchers", block))
        self.errors += mistakes
        if not mistakes:
            yield from node if isinstance(node, list) else [node]

    def _plans(
        self, section: Mapping[str, Any], place: str, side: Side, on_error: OnError, *, quiet: bool = False
    ) -> tuple[PlanConfig, ...]:
        at = f"{place}.plans"
        try:
            nodes = as_list(at, section.get("plans"))
            if not nodes and not quiet and not self.errors:
                raise refuse(at, describe(nodes), "at least one plan")
        except InvalidConfig as error:
            self.errors.append(error)
            return ()
        plans: list[PlanConfig] = []
        names: dict[str, str] = {}
        for own_place, node, default in self._expanded(nodes, at):
            plan, found = read_plan(node, own_place, default, side=side, on_error=on_error)
            self.errors += found
            self._refuse_twin(node, own_place, default, names)
            plans += [plan] if plan else []
        return tuple(plans)

    def _refuse_twin(self, node: Any, place: str, default: str, names: dict[str, str]) -> None:
        name = str(node.get("name", default)) if isinstance(node, Mapping) else place
        if name in names:
            found = f"{name!r}, which {names[name]} is called"
            self.errors.append(refuse(f"{place}.name", found, "a name of its own"))
        names.setdefault(name, place)

    def _expanded(self, nodes: Sequence[Any], place: str) -> Iterator[tuple[str, Any, str]]:
        """Yield place, node and default name of each plan, with those of other files put in."""
        n_nameless = 0
        for index, node in enumerate(nodes):
            at = f"{place}[{index}]"
            default = f"anonymous-{n_nameless + 1}" if n_nameless else "anonymous"
            n_nameless += isinstance(node, Mapping) and not {"name", "file"} & set(node)
            try:
                if isinstance(node, Mapping) and "file" in node:
                    default = f"file::{node['file']}"
                    node = self._included(node, at)
                if isinstance(node, Mapping) and "dissemination" in node:
                    yield from ((at, each, default) for each in dissemination.expand(node, at))
                else:
                    yield at, node, default
            except InvalidConfig as error:
                self.errors.append(error)

    def _included(self, node: Mapping[str, Any], place: str) -> Any:
        known = ("file", "name", "enable", "on-error")
        self.errors += [unknown_keyword(place, keyword, known) for keyword in node if keyword not in known]
        path = self._written.directory / str(node["file"])
        if not is_file(path):
            raise refuse(f"{place}.file", f"{str(node['file'])!r}, which is not there", f"the plan in {path}")
        included = read_written(path)
        self.lines |= moved(included.lines, place)
        plan = as_mapping(place, included.node)
        if "file" in plan or "plans" in plan:
            found = f"a file of {'plans' if 'plans' in plan else 'another file'}"
            raise refuse(f"{place}.file", found, "a file with one plan (name, actions): files nest once")
        return {**{k: v for k, v in node.items() if k != "file"}, **self.put_in(plan, place)}

    def _targets(self, given: Mapping[str, Any], place: str, plans: Sequence[PlanConfig]) -> None:
        known = {"server", *(keyword for keyword, value in given.items() if _is_target(value))}
        for keyword in sorted(known - {"server"}):
            if "plans" in given[keyword]:
                found = "plans of a section that only says how a server is reached"
                self.errors.append(refuse(f"{place}.{keyword}.plans", found, "them in the section 'server'"))
        for action in (each for plan in plans for each in _transports(plan.actions)):
            target = getattr(action.options, "target", None)
            if "server" not in given:
                found = "a transport, and no server in the document"
                self.errors.append(
                    refuse(f"{action.place}.type", found, "server plans that take what is sent")
                )
            elif target not in known:
                found = f"{target!r}, which the document does not have"
                self.errors.append(refuse(f"{action.place}.target", found, "the server section's name"))


def _transports(actions: Sequence[ActionConfig]) -> Iterator[ActionConfig]:
    for action in actions:
        if action.name == "transport":
            yield action
        for branch in branches_of(action.options):
            yield from _transports(branch)


def _is_target(node: Any) -> bool:
    """Whether a section says how a server is reached: one of any name may."""
    return isinstance(node, Mapping) and "transport" in node


def _off(plans: Sequence[PlanConfig]) -> Iterator[str]:
    return (
        f"plan {plan.name!r} is off: it is checked, and no field goes through it"
        for plan in plans
        if not plan.enable
    )
