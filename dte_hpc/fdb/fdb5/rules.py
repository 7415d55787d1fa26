"""In which order do the values of a fingerprint stand?

An index names its keywords, but not in the order of its fingerprints: that is the schema's. The rule is
found by the keywords of database, index and axes; of several the first is taken that accepts their
values, and the first of all when none does (a schema that FDB read otherwise: ``k=!a`` with one value).
"""

from collections.abc import Collection, Mapping, Sequence

from dte_hpc.fdb.naming.grammar import Predicate, Rule
from dte_hpc.fdb.naming.schema import Schema


def rule_of(
    schema: Schema, database: Mapping[str, str], index: Mapping[str, str], axes: Collection[str]
) -> Rule | None:
    """Return the rule by which the fields of an index were stored, None when the schema has none."""
    candidates = [
        rule
        for rule in schema.rules
        if names(rule.levels[0]) == tuple(database)
        and names(rule.levels[1]) == tuple(index)
        and set(names(rule.levels[2])) == set(axes)
    ]
    accepting = (r for r in candidates if _accepts(r.levels[0], database) and _accepts(r.levels[1], index))
    return next(accepting, candidates[0] if candidates else None)


def key_of_name(schema: Schema, name: str) -> dict[str, str] | None:
    """Return a database's key as far as its directory's name tells, for a toc that has lost its beginning."""
    values = name.split(":")
    for rule in schema.rules:
        level = rule.levels[0]
        key = dict(zip(names(level), values, strict=False))
        if len(level) == len(values) and _accepts(level, key):
            return key
    return None


def names(level: Sequence[Predicate]) -> tuple[str, ...]:
    """Return the stored keywords of a level, in order."""
    return tuple(dict.fromkeys(predicate.stored_as for predicate in level))


def _accepts(level: Sequence[Predicate], key: Mapping[str, str]) -> bool:
    return all(predicate.accepts(key[predicate.stored_as] or None) for predicate in level)
