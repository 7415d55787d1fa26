"""Which keywords of a stored key belong to its database, which to its index, and which to its datum?

As FDB shows keys: ``{class=od,...}{type=fc,levtype=pl}{step=0,...}``. The rule that a key was stored by is
found from the key as it is stored: which keywords it has, and the values of those that rules test.
"""

from collections.abc import Mapping

from dte_hpc.base.key import Key
from dte_hpc.fdb.naming.grammar import Match, Predicate, Rule
from dte_hpc.fdb.naming.schema import MAX_REMEMBERED, Schema

Names = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
SplitKey = tuple[Key, Key, Key]
_TESTING = (Match.IN, Match.NOT_IN)


class Levels:
    """The levels of the keys of one schema.

    Parameters
    ----------
    schema : Schema
        That the keys were stored by.

    Attributes
    ----------
    tested : tuple of str
        The stored keywords whose values some rule tests; with which keywords a key has, they decide.
    """

    def __init__(self, schema: Schema) -> None:
        self._rules = schema.rules
        tested = (p.stored_as for rule in schema.rules for p in rule.predicates if p.match in _TESTING)
        self.tested = tuple(dict.fromkeys(tested))
        self._known: dict[tuple[tuple[str, ...], tuple[str | None, ...]], Names] = {}

    def names(self, key: Mapping[str, str]) -> Names:
        """Return the keywords of a stored key on each of the three levels, in its rule's order.

        A key that no rule could have stored (the schema was changed by hand) is all database.
        """
        place = (tuple(key), tuple([key.get(keyword) for keyword in self.tested]))
        found = self._known.get(place)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._known[place] = self._find(key)
        return found

    def split(self, key: Mapping[str, str]) -> SplitKey:
        """Return a stored key as three, one a level."""
        database, index, datum = self.names(key)
        return (
            Key.of_checked({k: key[k] for k in database}),
            Key.of_checked({k: key[k] for k in index}),
            Key.of_checked({k: key[k] for k in datum}),
        )

    def rule(self, key: Mapping[str, str]) -> Rule | None:
        """Return the rule that a key was stored by, None for a key that no rule could have stored."""
        return next((rule for rule in self._rules if _stores(rule, key)), None)

    def _find(self, key: Mapping[str, str]) -> Names:
        rule = self.rule(key)
        if rule is None:
            return tuple(key), (), ()
        database, index, datum = (
            tuple(dict.fromkeys(p.stored_as for p in level if p.stored_as in key)) for level in rule.levels
        )
        return database, index, datum


def _stores(rule: Rule, key: Mapping[str, str]) -> bool:
    """Whether a rule could have stored a key."""
    stored = {p.stored_as for p in rule.predicates if p.match is not Match.HIDDEN}
    return stored.issuperset(key) and all(_accepts(p, key.get(p.stored_as)) for p in rule.predicates)


def _accepts(predicate: Predicate, value: str | None) -> bool:
    if predicate.match is Match.HIDDEN:
        return True
    if predicate.match is Match.ANY or predicate.stored_as == predicate.keyword:
        return predicate.accepts(value or None)
    return True
