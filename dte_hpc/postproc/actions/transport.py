"""How does a plan of the model ranks send what it made to the IO ranks?

The last action of a client plan. Each part it is given is sent once, however many plans send the same;
a part that reaches no transport stays where it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import text_of
from dte_hpc.base.route import DISTRIBUTIONS, HASHED, Route
from dte_hpc.postproc.action import NOTHING, Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.options import near


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions(Options):
    """Options of `Transport`.

    Attributes
    ----------
    target : str
        The section of the document whose plans take over.
    hash_keys : tuple of str
        Fields that agree in these keywords, under any spelling, go to one IO rank. None: those that
        differ in time only do.
    distribution : str
        hashed_to_single: the key's hash says which IO rank; even: each new key goes to the one that has
        fewest. hashed_cyclic is the first one: the parts of a field must meet.
    """

    target: str = "server"
    hash_keys: tuple[str, ...] = ()
    distribution: str = DISTRIBUTIONS[0]

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield a distribution nobody knows, and keywords that are none."""
        if self.distribution not in DISTRIBUTIONS:
            hint = near(self.distribution, DISTRIBUTIONS)
            at = f"{place}.distribution"
            yield refuse(at, repr(self.distribution) + hint, f"one of {', '.join(DISTRIBUTIONS)}")
        if "" in self.hash_keys or len(set(self.hash_keys)) != len(self.hash_keys):
            yield refuse(f"{place}.hash-keys", str(list(self.hash_keys)), "keywords, each once")


class Transport(Passing):
    """Send each part on. Nothing follows it in a plan."""

    Options = TransportOptions
    emits = NOTHING
    works_on_parts = True

    def __init__(self, options: TransportOptions, context: Context) -> None:
        self._keywords = options.hash_keys
        self._is_even = options.distribution == "even"
        if context.sending is None:
            raise InvalidConfig(
                "a transport sends from a model rank to the IO ranks; here is none to send to"
            )
        self._send = context.sending.send

    @classmethod
    def explain(cls, options: TransportOptions, flow: Flow) -> Explained:
        """Say what decides the IO rank."""
        by = ", ".join(options.hash_keys) or "what a field is called, but for its time"
        how = "evenly" if options.distribution == "even" else "by hash"
        return Explained(does=f"to the IO ranks, {how}, of {by}", flow=replace(flow, n_out=0))

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Send it; InvalidPart when it lacks a keyword of ``hash-keys``."""
        self._send(item, self._route_of(item.metadata))
        return ()

    def _route_of(self, metadata: Metadata) -> Route:
        if not self._keywords and not self._is_even:
            return HASHED
        values = [value_of(metadata, keyword) for keyword in self._keywords]
        if None in values:
            lacking = self._keywords[values.index(None)]
            raise InvalidPart(
                f"field {metadata} has no {lacking!r}; expected every one of hash-keys "
                f"({', '.join(self._keywords)}) of the action transport",
                metadata=metadata,
                keyword=lacking,
            )
        key = "\0".join(text_of(value) for value in values if value is not None)
        return Route(key=key.encode(), even=self._is_even)
