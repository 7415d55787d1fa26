"""Which entries of an index can answer a request?

The axes of an index list all values of each keyword, so what a request wants of them makes the few
fingerprints that can be there; of an index whose axes lack a wanted value, nothing is read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from math import prod

from dte_hpc.fdb.finding.matching import Wanted, WantedValue

MAX_FINGERPRINTS = 32


class Narrowing:
    """A request, as it narrows down what is read.

    Parameters
    ----------
    wanted : Wanted
        The request.
    hidden : collection of str
        Keywords that may be empty whatever is wanted.
    """

    def __init__(self, wanted: Wanted, hidden: Collection[str]) -> None:
        plain = {k: values for k, values in wanted.items() if not any(value.parts for value in values)}
        self._words = {k: _Answering(values, k in hidden) for k, values in plain.items()}

    def may_hold(self, key: Mapping[str, str]) -> bool:
        """Whether fields with such a key can answer."""
        return all(k not in self._words or self._words[k][value] for k, value in key.items())

    def fingerprints(self, axes: Mapping[str, Sequence[str]], order: Iterable[str]) -> list[bytes] | None:
        """Return the fingerprints of an index that can answer, None when they are too many."""
        choices = []
        for keyword in order:
            answering = self._words.get(keyword)
            axis = axes[keyword]
            choices.append(axis if answering is None else [word for word in axis if answering[word]])
        if prod(map(len, choices)) > MAX_FINGERPRINTS:
            return None
        return [":".join(words).encode("utf-8") for words in product(*choices)]


class _Answering(dict[str, bool]):
    """Whether words answer one of some values; looked at once for each word."""

    def __init__(self, values: Sequence[WantedValue], may_be_empty: bool) -> None:
        super().__init__()
        self._values = values
        self._may_be_empty = may_be_empty

    def __missing__(self, word: str) -> bool:
        found = (self._may_be_empty and word == "") or any(value.means(word) for value in self._values)
        self[word] = found
        return found
