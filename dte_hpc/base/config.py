"""How does text become a configuration?

YAML with keywords in kebab-case becomes frozen dataclasses. Unknown keywords, wrong types and missing
values are `InvalidConfig`, whose sentence begins with the place: ``$.plans[0].actions[1].type``.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dte_hpc.base.errors import InvalidConfig

Struct = TypeVar("Struct")
MAX_CONFIG_BYTES = 16 * 1024 * 1024
MAX_PLACES = 100_000
MAX_PLACE_LENGTH = 2000


def read_yaml(path: str | Path) -> Any:
    """Return what a YAML file says; InvalidConfig names the file and line of a mistake."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise InvalidConfig(f"{path} is larger than {MAX_CONFIG_BYTES} bytes", path=str(path))
        return parse_yaml(path.read_text(encoding="utf-8"), source=str(path))
    except InvalidConfig:
        raise
    except (OSError, ValueError) as error:
        raise InvalidConfig(f"{path} cannot be read: {error}", path=str(path)) from error


def parse_yaml(text: str, *, source: str = "the text") -> Any:
    """Return what YAML text says."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except RecursionError as error:
        raise InvalidConfig(f"{source}: found lists or mappings nested too deep", path=source) from error
    except ValueError as error:
        raise InvalidConfig(f"{source} has a number or date that is none: {error}", path=source) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source}, line {mark.line + 1}, column {mark.column + 1}" if mark else source
        problem = getattr(error, "problem", None) or str(error)
        raise InvalidConfig(f"{where} is not YAML: {problem}", path=source) from error


def lines_of(text: str) -> dict[str, int]:
    """Return the line of each place of YAML text that `parse_yaml` read, counted from 1.

    Places are written as errors write them: ``$.plans[0].name``. At most `MAX_PLACES` are kept.
    """
    lines: dict[str, int] = {}
    waiting = [("$", yaml.compose(text, _Loader))]
    for _ in range(MAX_PLACES):  # an anchor may hold itself
        if not waiting or len(lines) >= MAX_PLACES:
            break
        place, node = waiting.pop()
        if node is not None:
            lines.setdefault(place, node.start_mark.line + 1)
            if len(place) <= MAX_PLACE_LENGTH and len(waiting) < MAX_PLACES:
                waiting += reversed(list(_inside(place, node, lines)))
    return lines


def _inside(place: str, node: Any, lines: dict[str, int]) -> Iterator[tuple[str, Any]]:
    if isinstance(node, yaml.SequenceNode):
        yield from ((f"{place}[{index}]", each) for index, each in enumerate(node.value))
    elif isinstance(node, yaml.MappingNode):
        for keyword, value in node.value:
            merged = keyword.value == "<<"
            if not merged:
                lines.setdefault(f"{place}.{keyword.value}", keyword.start_mark.line + 1)
            yield place if merged else f"{place}.{keyword.value}", value


class FromEnvironment(str):
    """Text that a variable of the environment gave: where a number or a switch is expected, it is one."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """YAML as it is, but a keyword given twice in one mapping is a mistake: the last would win unseen."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for keyword, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(keyword, yaml.ScalarNode) and keyword.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"found the keyword {keyword.value!r} twice", keyword.start_mark
                )
            seen |= {keyword.value} if isinstance(keyword, yaml.ScalarNode) else set()
        return super().construct_mapping(node, deep)


def refuse(place: str, found: str, expected: str) -> InvalidConfig:
    """Return the error that says what stands at a place and what was expected there."""
    return InvalidConfig(f"{place}: found {found}; expected {expected}", place=place)


def unknown_keyword(place: str, found: str, known: Iterable[str]) -> InvalidConfig:
    """Return the error for a keyword nobody reads, with the nearest one that is read."""
    names = sorted(known)
    near = difflib.get_close_matches(found, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return InvalidConfig(
        f"{place}.{found}: unknown keyword {found!r}{hint}; expected one of {', '.join(names) or 'none'}",
        place=f"{place}.{found}",
    )


def as_mapping(place: str, node: Any) -> Mapping[str, Any]:
    """Return a node that must be a mapping with text keywords."""
    if not isinstance(node, Mapping) or not all(isinstance(keyword, str) for keyword in node):
        raise refuse(place, describe(node), "a mapping of keywords to values")
    return node


def as_list(place: str, node: Any) -> Sequence[Any]:
    """Return a node that must be a list."""
    if not isinstance(node, list | tuple):
        raise refuse(place, describe(node), "a list")
    return node


def struct(kind: type[Struct], node: Any, place: str = "$", *, ignore: Iterable[str] = ()) -> Struct:
    """Return a frozen dataclass filled from a mapping.

    Field ``bits_per_value`` is read from ``bits-per-value``, ``not_`` from ``not``. Nested dataclasses,
    tuples of them, optional fields and scalars are understood; keywords in `ignore` are left alone.
    """
    given = as_mapping(place, node)
    hints = typing.get_type_hints(kind)
    fields = {f.name.rstrip("_").replace("_", "-"): f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for keyword in given:
        if keyword not in fields and keyword not in ignore:
            raise unknown_keyword(place, keyword, fields)
    values: dict[str, Any] = {}
    for keyword, f in fields.items():
        if keyword in given:
            values[f.name] = _convert(hints[f.name], given[keyword], f"{place}.{keyword}")
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise refuse(place, f"no {keyword!r}", f"a value for it in {sorted(fields)}")
    try:
        return kind(**values)
    except InvalidConfig as error:
        raise _placed(error, place) from error
    except ValueError as error:
        raise InvalidConfig(f"{place}: {error}", place=place) from error


def _placed(error: InvalidConfig, place: str) -> InvalidConfig:
    """Return the mistake a dataclass found in itself (``$.type: ...``) with the place it was read from."""
    if not str(error).startswith("$"):
        return InvalidConfig(f"{place}: {error}", **{"place": place, **error.facts})
    own = str(error.facts.get("place", "$"))
    return InvalidConfig(f"{place}{str(error)[1:]}", **{**error.facts, "place": place + own[1:]})


def _convert(hint: Any, node: Any, place: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, node, place)
    if origin is tuple:
        return tuple(_convert(arguments[0], n, f"{place}[{i}]") for i, n in enumerate(as_list(place, node)))
    if origin in (dict, Mapping) or hint in (dict, Mapping):
        return as_mapping(place, node)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return struct(hint, node, place)
    if isinstance(node, FromEnvironment) and hint in (bool, int, float):
        return _parsed(hint, node, place)
    if hint is float and isinstance(node, int) and not isinstance(node, bool):
        return float(node)
    if hint is Any or (isinstance(node, hint) and (hint is bool or not isinstance(node, bool))):
        return node
    raise refuse(place, describe(node), _name_of(hint))


def _parsed(hint: Any, text: str, place: str) -> Any:
    try:
        if hint is not bool:
            return hint(text)
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
    except (KeyError, ValueError) as error:
        raise refuse(place, describe(text), _name_of(hint)) from error


def _convert_union(choices: tuple[Any, ...], node: Any, place: str) -> Any:
    if node is None and type(None) in choices:
        return None
    real = [choice for choice in choices if choice is not type(None)]
    if len(real) == 1:
        return _convert(real[0], node, place)
    for choice in real:
        try:
            return _convert(choice, node, place)
        except InvalidConfig:
            continue
    raise refuse(place, describe(node), " or ".join(_name_of(choice) for choice in real))


def _name_of(hint: Any) -> str:
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(hint, getattr(hint, "__name__", str(hint)))


def describe(node: Any) -> str:
    """Return a node in a few words, for an error."""
    if node is None:
        return "nothing"
    if isinstance(node, Mapping):
        return f"a mapping of {', '.join(map(str, list(node)[:6])) or 'nothing'}"
    if isinstance(node, list | tuple):
        return f"a list of {len(node)}"
    return f"{type(node).__name__} {str(node)[:60]!r}"
