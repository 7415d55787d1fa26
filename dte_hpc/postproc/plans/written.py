"""Where does each line of a plan document come from?

A document is read with the line of each place, so that a mistake is told with file and line, also of a
plan that stands in a file of its own (``file:``). ``{VAR}`` in any text is the environment's variable,
``{~}`` the directory of the configuration. A relative name of a file to read is looked for there first,
and then, as MultIO does, where the job was started.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from dte_hpc.base.config import FromEnvironment, lines_of, parse_yaml, read_yaml, refuse
from dte_hpc.base.errors import InvalidConfig

Line: TypeAlias = tuple[str, int]
MAX_NODES = 200_000
MAX_DEPTH = 64
FILES = ("template", "mapping", "grid-downloader-template", "dissemination")
"""Options that name a file which must be there before anything runs."""
_OF_A_SINK = re.compile(r"\.sinks\[\d+\](\..*)?\.path$")
"""Where ``{param}`` may also be the field's (`sinks.patterns`)."""
_VARIABLE = re.compile(r"\{(~|[A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Written:
    """A document as it is written.

    Attributes
    ----------
    node : Any
        What the YAML says.
    file : Path or None
        Where it stands; None for a document that a program made.
    lines : mapping of str to (str, int)
        File and line of each place.
    """

    node: Any
    file: Path | None = None
    lines: Mapping[str, Line] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """What ``{~}`` stands for: the file's directory, or the current one."""
        return (self.file.parent if self.file is not None else Path()).absolute()

    def line_of(self, place: str) -> Line | None:
        """Return file and line of a place, or of the nearest one around it."""
        while place not in self.lines and place.rstrip("]") not in ("", "$"):
            place = place[: max(place.rfind("."), place.rfind("["))] if "." in place or "[" in place else ""
        return self.lines.get(place)

    def within(self, node: Any, lines: Mapping[str, Line]) -> "Written":
        """Return this document with another node, and some more lines known."""
        return replace(self, node=node, lines={**self.lines, **lines})


def read_written(path: str | Path) -> Written:
    """Return a YAML file; InvalidConfig names file and line of what is no YAML."""
    path = Path(path)
    node = read_yaml(path)
    found = lines_of(path.read_text(encoding="utf-8"))
    return Written(node=node, file=path, lines={at: (str(path), line) for at, line in found.items()})


def of_text(text: str, source: str) -> Written:
    """Return YAML that stands in no file, such as a variable of the environment."""
    found = lines_of(text) if text.strip() else {}
    return Written(node=parse_yaml(text, source=source), lines={k: (source, v) for k, v in found.items()})


def is_file(path: Path) -> bool:
    """Whether a file stands at a path; a name too long for any is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def moved(lines: Mapping[str, Line], place: str) -> dict[str, Line]:
    """Return the lines of an included file, whose ``$`` is a place of the including one."""
    return {place + at[1:]: line for at, line in lines.items()}


def substituted(node: Any, place: str, directory: Path) -> tuple[Any, list[InvalidConfig]]:
    """Return a node with the variables of all its texts put in, and a mistake for each unset one."""
    budget = _Budget(directory)
    return budget.put_in(node, place, 0), budget.errors


class _Budget:
    """A walk through a document that ends, whatever its aliases expand to."""

    def __init__(self, directory: Path) -> None:
        self.errors: list[InvalidConfig] = []
        self._directory = directory
        self._left = MAX_NODES

    def put_in(self, node: Any, place: str, depth: int) -> Any:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            if self._left >= 0 or self._left == -1:
                found = "a document that is nested too deep or too large"
                self.errors.append(refuse(place, found, f"{MAX_NODES} values, {MAX_DEPTH} deep, at most"))
            self._left = min(self._left, -1)
            return None
        if isinstance(node, Mapping):
            put = {k: self.put_in(value, f"{place}.{k}", depth + 1) for k, value in node.items()}
            return {**put, **self._beside(put)}
        if isinstance(node, list | tuple):
            return [self.put_in(value, f"{place}[{i}]", depth + 1) for i, value in enumerate(node)]
        return self._text(node, place) if isinstance(node, str) and "{" in node else node

    def _beside(self, node: Mapping[Any, Any]) -> dict[str, str]:
        """Return the files an action names that stand beside the document, by their whole paths.

        So that what was checked is what is read, wherever the job is started.
        """
        if "type" not in node and "dissemination" not in node:
            return {}
        named = {k: self._directory / node[k] for k in FILES if isinstance(node.get(k), str) and node[k]}
        return {k: str(path) for k, path in named.items() if is_file(path)}

    def _text(self, text: str, place: str) -> str:
        unset = sorted(set(self._unset(text)))
        if unset and _OF_A_SINK.search(place):
            return _VARIABLE.sub(lambda found: found[0] if found[1] in unset else self._value(found[1]), text)
        for name in unset:
            error = refuse(place, f"the variable {{{name}}}, which is not set", "one of the environment")
            error.facts["variable"] = name
            self.errors.append(error)
        if unset:
            return text
        put = _VARIABLE.sub(lambda found: self._value(found.group(1)), text)
        return FromEnvironment(put) if _VARIABLE.fullmatch(text) else put

    def _unset(self, text: str) -> Iterator[str]:
        names = (found.group(1) for found in _VARIABLE.finditer(text))
        return (name for name in names if name != "~" and name not in os.environ)

    def _value(self, name: str) -> str:
        return str(self._directory) if name == "~" else os.environ[name]
