"""Which keys and which databases belong to one of the stores behind a handle?

By the conditions of its configuration (``select``, ``excludes``), and by its schema: from what a request
asks of a schema's database level follow the names of all databases that it can be about.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from dte_hpc.base.errors import InvalidKey
from dte_hpc.fdb.finding.matching import Wanted, part_of
from dte_hpc.fdb.naming.grammar import Match, Predicate
from dte_hpc.fdb.naming.schema import MAX_REMEMBERED, Schema
from dte_hpc.fdb.places.engines import Engine
from dte_hpc.fdb.places.lustre import Layouts
from dte_hpc.fdb.places.spaces import FDBConfig, Use

MAX_ADDRESSED = 64
Conditions = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One of the stores behind a handle.

    Attributes
    ----------
    config : FDBConfig
        Of the store; local.
    schema : Schema
        That its keys follow.
    engine : Engine
        How its databases are stored.
    selects, excludes : tuple of conditions
        All of the first must match a key, none of the others may.
    uses : tuple of FDBConfig
        The configurations that say what the lane as a whole may be used for: its own, and those around it.
    layouts : Layouts, optional
        How new databases are striped on Lustre.
    """

    config: FDBConfig
    schema: Schema
    engine: Engine
    selects: tuple[Conditions, ...] = ()
    excludes: tuple[Conditions, ...] = ()
    uses: tuple[FDBConfig, ...] = ()
    layouts: Layouts | None = None
    _names: dict[tuple[Any, ...], list[str] | None] = field(default_factory=dict)

    def allows(self, use: Use) -> bool:
        """Whether the lane as a whole may be used so."""
        return all(config.allows(use) for config in self.uses)

    def roots(self, use: Use) -> tuple[Path, ...]:
        """Return the roots that may be used so."""
        return self.config.roots(use) if self.allows(use) else ()

    def takes(self, key: Mapping[str, Any]) -> bool:
        """Whether a key meets the conditions, which need all of their keywords."""
        given = {k: [str(value)] for k, value in key.items()}
        return self._meets(given, missing=False)

    def may_have(self, request: Mapping[str, Iterable[str]]) -> bool:
        """Whether some key of a request may meet the conditions; absent keywords may have any value."""
        return self._meets(request, missing=True)

    def _meets(self, given: Mapping[str, Iterable[str]], *, missing: bool) -> bool:
        def matches(keyword: str, regex: Any, every: Any) -> bool:
            return bool(every(any(map(regex.search, self._spellings(keyword, v))) for v in given[keyword]))

        return all(
            matches(k, regex, any) if k in given else missing
            for conditions in self.selects
            for k, regex in conditions.items()
        ) and not any(
            all(k in given and matches(k, regex, all) for k, regex in conditions.items())
            for conditions in self.excludes
        )

    def _spellings(self, keyword: str, value: str) -> list[str]:
        """Return a value as it was given and as it is stored."""
        spellings = [value]
        for kind in self.schema.kinds_of(keyword):
            try:
                spellings.append(kind.wanted(value))
            except ValueError:
                continue
        return spellings

    def names(self, wanted: Wanted) -> list[str] | None:
        """Return the names of all databases that a request can be about, None when they may be too many."""
        asked = tuple([wanted.get(keyword) for keyword in self.schema.of_databases])
        if asked not in self._names:
            if len(self._names) >= MAX_REMEMBERED:
                self._names.clear()
            self._names[asked] = self._addressed(wanted)
        return self._names[asked]

    def _addressed(self, wanted: Wanted) -> list[str] | None:
        names: dict[str, None] = {}
        for level in dict.fromkeys(rule.levels[0] for rule in self.schema.rules):
            choices = [self._choices(predicate, wanted) for predicate in level]
            known = [choice for choice in choices if choice is not None]
            n_names = 1
            for choice in known:
                n_names *= len(choice)
            if len(names) + n_names > MAX_ADDRESSED or (len(known) < len(choices) and n_names):
                return None
            names.update(dict.fromkeys(self._named(product(*known))))
        return list(names)

    def _named(self, keys: Iterable[tuple[str, ...]]) -> Iterator[str]:
        for values in keys:
            with suppress(InvalidKey):  # no directory has a name that long
                if self.owns(values):
                    yield self.engine.name_of(values)

    def _choices(self, predicate: Predicate, wanted: Wanted) -> list[str] | None:
        """Return the values a predicate's place in a database's name can have, None when any."""
        if predicate.match is Match.HIDDEN:
            return [""]
        values = part_of(wanted, predicate)
        if values is None:
            return sorted(predicate.values) if predicate.match is Match.IN else None
        if any(value.forms for value in values):
            return None
        texts = dict.fromkeys(text for value in values for text in value.exact)
        if predicate.keyword in self.schema.hidden:
            texts[""] = None
        return [text for text in texts if _fits(predicate, text)]

    def owns(self, values: tuple[str, ...]) -> bool:
        """Whether a database of those values is this lane's, as far as its name tells."""
        if not (self.selects or self.excludes):
            return True
        levels = [rule.levels[0] for rule in self.schema.rules if len(rule.levels[0]) == len(values)]
        keys = ({p.stored_as: (v,) for p, v in zip(level, values, strict=True)} for level in levels)
        return not levels or any(map(self.may_have, keys))

    def is_native(self, values: tuple[str, ...]) -> bool:
        """Whether a rule of the schema names databases so."""
        return any(
            len(rule.levels[0]) == len(values) and all(map(_fits, rule.levels[0], values))
            for rule in self.schema.rules
        )


def _fits(predicate: Predicate, value: str) -> bool:
    if predicate.match is Match.HIDDEN or not value:
        return not value and predicate.accepts(None)
    try:
        return predicate.kind.canonical(value) == value and predicate.accepts(value)
    except ValueError:
        return False
