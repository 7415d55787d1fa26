"""Which database, index and datum does a key belong to?

A `Schema` holds the rules of `grammar`. On archive the first rule whose every predicate accepts the key
is taken, and every keyword of the key must be used by it (``grid`` alone may be left over, because what
can be read from a message's header is more than an older schema asks for). Values are made canonical on
the way, so a key is refused before a byte of its field is written.

The choice of a rule depends only on which keywords a key has and on the values of those that some rule
tests; it is remembered for each such combination, and canonical values are remembered for each keyword.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from dte_hpc.base.errors import InvalidConfig, InvalidKey
from dte_hpc.base.key import Key, checked_value
from dte_hpc.fdb.naming.grammar import Match, Predicate, Rule, parse_rules
from dte_hpc.fdb.naming.kinds import DEFAULT, TYPES, ValueType
from dte_hpc.fdb.places.paths import directory_name

MAY_BE_LEFT_OVER = frozenset({"grid"})
MAX_REMEMBERED = 100_000
_UNITS = {"s", "m", "h", "d"}


class CanonicalValues(dict[Any, str]):
    """The canonical form of each value seen of one predicate, made when first asked for."""

    def __init__(self, predicate: Predicate) -> None:
        super().__init__()
        self.predicate = predicate

    def __missing__(self, value: Any) -> str:
        text = canonical(self.predicate, value)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[value] = text
        return text


def canonical(predicate: Predicate, value: Any) -> str:
    """Return the stored form of a value; InvalidKey names the keyword and what it must be."""
    text = checked_value(predicate.keyword, value)
    if text == "":
        if predicate.match in (Match.ANY, Match.IN):
            raise InvalidKey(
                f"{predicate.keyword} is empty; expected {predicate.kind.expected}", keyword=predicate.keyword
            )
        return ""
    try:
        return predicate.kind.canonical(text)
    except ValueError as error:
        raise InvalidKey(
            f"{predicate.keyword}={text!r} is no {predicate.kind.name}; expected {predicate.kind.expected}",
            keyword=predicate.keyword,
            value=text,
        ) from error


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """How keys with the same keywords become stored keys.

    Attributes
    ----------
    rule : Rule
        That accepts them.
    names : tuple of str
        The stored keywords that have a value, in the rule's order.
    steps : tuple of (keyword, CanonicalValues)
        Where each value comes from.
    n_database : int
        How many of `names` belong to the database.
    database : tuple of str
        Those.
    slots : tuple of int
        For each predicate of the database: its place in `names`, or -1 when it has no value.
    """

    rule: Rule
    names: tuple[str, ...]
    steps: tuple[tuple[str, CanonicalValues], ...]
    n_database: int
    database: tuple[str, ...]
    slots: tuple[int, ...]

    def directory(self, values: tuple[str, ...]) -> str:
        """Return the directory name of the database that values in the order of `names` belong to."""
        return directory_name(["" if slot < 0 else values[slot] for slot in self.slots])


class Schema:
    """A schema in FDB's language.

    Parameters
    ----------
    text : str
        The schema itself.
    source : str
        Where it came from, for errors.

    Raises
    ------
    InvalidConfig
        Naming source, line, what was found and what was expected.
    """

    def __init__(self, text: str, source: str = "the schema") -> None:
        self._take(text, source, *parse_rules(text, source))

    def _take(self, text: str, source: str, rules: tuple[Rule, ...], types: Mapping[str, ValueType]) -> None:
        self.text = text
        self.source = source
        self.rules, self._types = rules, types
        predicates = [predicate for rule in self.rules for predicate in rule.predicates]
        tested = {p.keyword: None for p in predicates if p.match in (Match.IN, Match.NOT_IN)}
        self._tested = tuple(tested)
        self.deciding = frozenset(tested) | {p.keyword for rule in self.rules for p in rule.levels[0]}
        self._routes: dict[tuple[tuple[str, ...], tuple[Any, ...]], Route] = {}
        self._values: dict[Predicate, CanonicalValues] = {p: CanonicalValues(p) for p in predicates}
        self._kinds: dict[str, tuple[ValueType, ...]] = {}
        by_level = [p for level in range(3) for rule in self.rules for p in rule.levels[level]]
        levels = [p for rule in self.rules for p in rule.levels[0]]
        self.of_databases = tuple(dict.fromkeys(name for p in levels for name in (p.keyword, p.stored_as)))
        self.order = tuple(dict.fromkeys(p.stored_as for p in by_level))
        self._places = {keyword: place for place, keyword in enumerate(self.order)}
        self.known = frozenset(self.order) | {p.keyword for p in predicates}
        self.hidden = frozenset(p.keyword for p in predicates if p.match is Match.HIDDEN)
        self.defaults = {p.keyword: p.default for p in predicates if p.match is Match.OPTIONAL and p.default}
        self.stored_as: dict[str, tuple[str, ...]] = {
            p.keyword: tuple(dict.fromkeys(q.stored_as for q in predicates if q.keyword == p.keyword))
            for p in predicates
            if p.kind.stored_as
        }

    @classmethod
    def joined(cls, schemas: "Sequence[Schema]") -> "Schema":
        """Return what several stores' schemas know together, in their order; one of one is itself."""
        schemas = list({schema.text: schema for schema in schemas}.values())
        if len(schemas) == 1:
            return schemas[0]
        found = cls.__new__(cls)
        types = {k: kind for schema in reversed(schemas) for k, kind in schema._types.items()}
        text = "\n".join(f"# {schema.source}\n{schema.text}" for schema in schemas)
        source = " and ".join(dict.fromkeys(schema.source for schema in schemas))
        found._take(text, source, tuple(rule for schema in schemas for rule in schema.rules), types)
        return found

    def split(self, key: Mapping[str, Any]) -> tuple[Route, tuple[str, ...]]:
        """Return the route of a key and its canonical values, in the order of ``route.names``.

        Raises
        ------
        InvalidKey
            If no rule accepts the key, a keyword is not used, or a value has no canonical form.
        """
        if "stepunits" in key:
            key = _with_step_unit(key)
        get = key.get
        try:
            route = self._routes.get((tuple(key), tuple([get(keyword) for keyword in self._tested])))
            if route is None:
                route = self._find(key)
            return route, tuple([values[key[keyword]] for keyword, values in route.steps])
        except TypeError as error:
            for keyword, value in key.items():
                checked_value(keyword, value)
            raise InvalidKey(f"{dict(key)!r} is not a key: {error}") from error

    def same_text(self, other: "Schema") -> bool:
        """Whether another schema says the same, word for word."""
        return self is other or self.text.strip() == other.text.strip()

    def key_of(self, key: Mapping[str, Any]) -> Key:
        """Return a key as it is stored: canonical values, in the order of its rule."""
        route, values = self.split(key)
        return Key(dict(zip(route.names, values, strict=True)))

    def place(self, keyword: str) -> int:
        """Return where a keyword stands in `order`; one stored under several names, where the first does."""
        return min(
            self._places.get(name, len(self.order)) for name in self.stored_as.get(keyword, (keyword,))
        )

    def kinds_of(self, stored: str) -> tuple[ValueType, ...]:
        """Return the types under which a stored keyword's values may have been written."""
        found = self._kinds.get(stored)
        if found is None:
            kinds = {p.kind.name: p.kind for p in self._values if p.stored_as == stored}
            kinds.pop(TYPES["Ignore"].name, None)
            found = self._kinds[stored] = tuple(kinds.values()) or (self._types.get(stored, DEFAULT),)
        return found

    def _find(self, key: Mapping[str, Any]) -> Route:
        given = {keyword: checked_value(keyword, value) for keyword, value in key.items()}
        unmet: list[tuple[int, Rule, list[Predicate]]] = []
        for rule in self.rules:
            failed = [p for p in rule.predicates if not self._accepts(p, given)]
            if not failed:
                return self._remember(key, rule)
            unmet.append((len(failed), rule, failed))
        _, rule, failed = min(unmet, key=lambda entry: entry[0])
        lacks = ", ".join(_demand(predicate, given) for predicate in failed)
        raise InvalidKey(
            f"{Key(given)} fits no rule of {self.source}; "
            f"the nearest, {rule} on line {rule.line}, expected {lacks}",
            key=given,
            line=rule.line,
        )

    def _accepts(self, predicate: Predicate, given: dict[str, str]) -> bool:
        value = given.get(predicate.keyword) or None
        if value is not None and predicate.match in (Match.IN, Match.NOT_IN):
            try:
                value = canonical(predicate, value)
            except InvalidKey:
                return False
        return predicate.accepts(value)

    def _remember(self, key: Mapping[str, Any], rule: Rule) -> Route:
        used = {predicate.keyword for predicate in rule.predicates}
        if unused := set(key) - used - MAY_BE_LEFT_OVER - {"stepunits"}:
            taken = ", ".join(predicate.keyword for predicate in rule.predicates)
            raise InvalidKey(
                f"keywords not used: {', '.join(sorted(unused))}; "
                f"the rule on line {rule.line} of {self.source} takes {taken}",
                keywords=sorted(unused),
            )
        database, index, datum = (
            [p for p in level if p.keyword in key and p.match is not Match.HIDDEN] for level in rule.levels
        )
        present = database + index + datum
        names = tuple(predicate.stored_as for predicate in present)
        route = Route(
            rule,
            names,
            tuple((p.keyword, self._values[p]) for p in present),
            len(database),
            names[: len(database)],
            tuple(names.index(p.stored_as) if p in database else -1 for p in rule.levels[0]),
        )
        if len(self._routes) >= MAX_REMEMBERED:
            self._routes.clear()
        self._routes[tuple(key), tuple([key.get(keyword) for keyword in self._tested])] = route
        return route


def _demand(predicate: Predicate, given: Mapping[str, str]) -> str:
    found = f" (found {given[predicate.keyword]!r})" if predicate.keyword in given else ""
    if predicate.match is Match.ANY:
        return f"{predicate.keyword}{found}"
    sign = "=!" if predicate.match is Match.NOT_IN else "="
    return f"{predicate.keyword}{sign}{'/'.join(sorted(predicate.values))}{found}"


def _with_step_unit(key: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a key whose step carries its ``stepunits``, as FDB's Step type reads them."""
    unit, step = str(key["stepunits"]), str(key.get("step", ""))
    if unit not in _UNITS or not step or not step.replace("-", "").isdigit():
        return key
    return {**key, "step": "-".join(f"{point}{unit}" for point in step.split("-"))}


def read_schema(path: str | Path) -> Schema:
    """Return the schema in a file; InvalidConfig if it cannot be read or is none."""
    try:
        return Schema(Path(path).read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"the schema {path} cannot be read: {error}", path=str(path)) from error


@functools.lru_cache(maxsize=64)
def schema_of(text: str) -> Schema:
    """Return the schema of a text; one object for the same text."""
    return Schema(text)


@functools.cache
def default_schema() -> Schema:
    """Return the schema used when none is configured (``dte_hpc/fdb/data/schema``)."""
    text = resources.files("dte_hpc.fdb").joinpath("data/schema").read_text(encoding="utf-8")
    return Schema(text, "the default schema")
