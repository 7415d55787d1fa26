"""What does the text of a schema say?

FDB 5's language (`src/fdb5/rules/SchemaParser.cc`, 5.22), comments from ``#`` to the end of a line::

    schema    = { ident ":" type ";" } { database }
    database  = "[" predicates { index } "]"
    index     = "[" predicates [ datum ] "]"
    datum     = "[" predicates "]"
    predicate = ident [ ":" type ] [ "?" [default] | "-" [default] | "=" [ "!" ] value { "/" value } ]

Predicates and child rules may interleave. Two readings are better than theirs: ``k=!a`` with one value
excludes it (there it demands it), and white space inside a value is a mistake that is reported.
"""

import enum
from dataclasses import dataclass

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.fdb.naming.kinds import DEFAULT, TYPES, ValueType

MAX_SCHEMA_BYTES = 4 * 1024 * 1024
_MARKS = "[]:;,=?/!"
_LEVELS = ("database", "index", "datum")


class Match(enum.Enum):
    """What a predicate asks of a keyword."""

    ANY = "a value"
    IN = "one of its values"
    NOT_IN = "none of its values"
    OPTIONAL = "perhaps a value"
    HIDDEN = "a value that is not stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """One keyword of a rule.

    Attributes
    ----------
    keyword : str
        As keys and requests write it.
    match : Match
        What it asks of the value.
    values : frozenset of str
        For IN and NOT_IN, in canonical form.
    default : str
        For OPTIONAL and HIDDEN; empty for none.
    kind : ValueType
        How the value is written.
    """

    keyword: str
    match: Match
    values: frozenset[str]
    default: str
    kind: ValueType

    @property
    def stored_as(self) -> str:
        """The keyword under which the value is stored."""
        return self.kind.stored_as or self.keyword

    def accepts(self, value: str | None) -> bool:
        """Whether a canonical value (None for an absent one) satisfies this predicate."""
        if value is None:
            return self.match not in (Match.ANY, Match.IN)
        if self.match is Match.IN:
            return value in self.values
        return self.match is not Match.NOT_IN or value not in self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One path through the schema: the predicates of a database, an index and a datum."""

    number: int
    line: int
    levels: tuple[tuple[Predicate, ...], ...]

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """All predicates, outermost first."""
        return tuple(predicate for level in self.levels for predicate in level)

    def __str__(self) -> str:
        return " ".join(f"[{', '.join(predicate.keyword for predicate in level)}]" for level in self.levels)


@dataclass(slots=True)
class _Node:
    line: int
    predicates: list[tuple[str, str, Match, tuple[str, ...], str]]
    types: dict[str, str]
    children: list["_Node"]


def parse_rules(text: str, source: str = "the schema") -> tuple[tuple[Rule, ...], dict[str, ValueType]]:
    """Return every rule of a schema in file order, and the types declared for the whole file.

    Raises
    ------
    InvalidConfig
        Naming the line, what was found there and what was expected.
    """
    return _Parser(text, source).rules()


class _Parser:
    def __init__(self, text: str, source: str) -> None:
        if len(text) > MAX_SCHEMA_BYTES:
            raise InvalidConfig(f"{source} is larger than {MAX_SCHEMA_BYTES} bytes", path=source)
        self.source = source
        self.words = _words(text)
        self.at = 0

    def rules(self) -> tuple[tuple[Rule, ...], dict[str, ValueType]]:
        types = self._types()
        databases = []
        while self._peek() == "[":
            databases.append(self._node(0))
        if self._peek():
            raise self._refuse("a rule that begins with '['")
        kinds = {keyword: self._kind(name, line) for keyword, (name, line) in types.items()}
        rules: list[Rule] = []
        for database in databases:
            for path in _paths(database):
                levels = self._levels(path, kinds)
                rules.append(Rule(number=len(rules), line=path[0].line, levels=levels))
        if not rules:
            raise self._refuse("at least one rule with a database, an index and a datum")
        return tuple(rules), kinds

    def _peek(self) -> str:
        return self.words[self.at][0] if self.at < len(self.words) else ""

    def _line(self) -> int:
        return self.words[min(self.at, len(self.words) - 1)][1] if self.words else 1

    def _refuse(self, expected: str) -> InvalidConfig:
        line = self._line()
        found = repr(self._peek()) if self._peek() else "its end"
        return InvalidConfig(f"{self.source}, line {line}: found {found}; expected {expected}", line=line)

    def _take(self, mark: str, where: str) -> None:
        if self._peek() != mark:
            raise self._refuse(f"{mark!r} {where}")
        self.at += 1

    def _ident(self, what: str) -> str:
        word = self._peek()
        if not word or word in _MARKS or word == "-":
            raise self._refuse(what)
        self.at += 1
        return word

    def _types(self) -> dict[str, tuple[str, int]]:
        types: dict[str, tuple[str, int]] = {}
        while self._peek() and self._peek() != "[":
            line, keyword = self._line(), self._ident("a keyword")
            self._take(":", f"after {keyword!r}")
            if keyword in types:
                raise self._refuse(f"one type for {keyword!r}, which has one already")
            types[keyword] = (self._ident("a type"), line)
            self._take(";", f"after the type of {keyword!r}")
        return types

    def _node(self, level: int) -> _Node:
        node = _Node(self._line(), [], {}, [])
        self._take("[", "at the start of a rule")
        while self._peek() != "]":
            if self._peek() == "[":
                if level == 2:
                    raise self._refuse("no rule inside a datum's")
                node.children.append(self._node(level + 1))
                continue
            node.predicates.append(self._predicate(node))
            if self._peek() == ",":
                self.at += 1
                if self._peek() in ("]", "[", ","):
                    raise self._refuse("a keyword after ','")
            elif self._peek() not in ("[", "]"):
                raise self._refuse(f"',', '[' or ']' in the rule of a {_LEVELS[level]}")
        self.at += 1
        return node

    def _predicate(self, node: _Node) -> tuple[str, str, Match, tuple[str, ...], str]:
        keyword, kind = self._ident("a keyword"), ""
        if self._peek() == ":":
            self.at += 1
            kind = self._ident("a type")
            if node.types.get(keyword, kind) != kind:
                raise self._refuse(f"one type for {keyword!r} in one rule")
            node.types[keyword] = kind
        mark = self._peek()
        if mark in ("?", "-"):
            self.at += 1
            default = self._peek() if self._peek() not in (*_MARKS, "-", "") else ""
            self.at += bool(default)
            return keyword, kind, Match.OPTIONAL if mark == "?" else Match.HIDDEN, (), default
        if mark != "=":
            return keyword, kind, Match.ANY, (), ""
        self.at += 1
        match = Match.IN
        if self._peek() == "!":
            self.at, match = self.at + 1, Match.NOT_IN
        values = [self._ident("a value")]
        while self._peek() == "/":
            self.at += 1
            values.append(self._ident("a value after '/'"))
        return keyword, kind, match, tuple(values), ""

    def _kind(self, name: str, line: int) -> ValueType:
        if name not in TYPES:
            raise InvalidConfig(
                f"{self.source}, line {line}: found the type {name!r}; expected one of {', '.join(TYPES)}",
                line=line,
            )
        return TYPES[name]

    def _levels(self, path: list[_Node], kinds: dict[str, ValueType]) -> tuple[tuple[Predicate, ...], ...]:
        levels = []
        named: dict[str, int] = {}
        for depth, node in enumerate(path):
            level = []
            for keyword, own, match, values, default in node.predicates:
                outer = [name.types[keyword] for name in path[: depth + 1][::-1] if keyword in name.types]
                name = own or (outer[0] if outer else "")
                hidden = match is Match.HIDDEN and not name
                kind = self._kind(name, node.line) if name else kinds.get(keyword, DEFAULT)
                if hidden:
                    kind = TYPES["Ignore"]
                level.append(self._checked(keyword, match, values, default, kind, node.line))
                stored = level[-1].stored_as
                if stored in named:
                    raise InvalidConfig(
                        f"{self.source}, line {node.line}: found {stored!r} twice in one rule; expected once",
                        line=node.line,
                    )
                named[stored] = depth
            levels.append(tuple(level))
        return tuple(levels)

    def _checked(
        self, keyword: str, match: Match, values: tuple[str, ...], default: str, kind: ValueType, line: int
    ) -> Predicate:
        try:
            canonical = frozenset(kind.canonical(value) for value in values)
            default = kind.canonical(default) if default else ""
        except ValueError as error:
            found = "/".join(values) or default
            raise InvalidConfig(
                f"{self.source}, line {line}: found {keyword}={found}; expected {kind.expected}", line=line
            ) from error
        return Predicate(keyword=keyword, match=match, values=canonical, default=default, kind=kind)


def _paths(database: _Node) -> list[list[_Node]]:
    """Return database, index and datum of each complete path; an index keeps its last datum only."""
    return [[database, index, index.children[-1]] for index in database.children if index.children]


def _words(text: str) -> list[tuple[str, int]]:
    """Return the words and marks of a schema with their lines.

    A ``-`` ends a keyword or type, and belongs to a value: it is a mark of its own only after a word
    that begins a predicate.
    """
    words: list[tuple[str, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        word = ""
        for character in line.partition("#")[0] + " ":
            value = bool(words) and words[-1][0] in ("=", "/", "?", "!", "-")
            if character in _MARKS or character.isspace() or (character == "-" and not value):
                if word:
                    words.append((word, number))
                    word = ""
                if not character.isspace():
                    words.append((character, number))
            else:
                word += character
    return words
