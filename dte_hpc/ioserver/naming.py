"""How is a field named on the wire, and which server does it go to?

Metadata is cut in two texts: the *template*, which stays the same from step to step, and the little
that varies with time. The template is sent once and referred to by a slot afterwards; it alone decides
the server, so that all steps of a field meet at the same one, and statistics see them all.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import InvalidPart, RankFailed
from dte_hpc.base.field import PACKING_FACTS, Metadata
from dte_hpc.base.key import Scalar
from dte_hpc.base.route import Route
from dte_hpc.ioserver.protocol import MAX_TEXT_BYTES

TIME_KEYWORDS = frozenset(
    {
        "date",
        "time",
        "step",
        "stepRange",
        "startStep",
        "endStep",
        "hdate",
        "startDate",
        "startTime",
        "endDate",
        "endTime",
        "validityDate",
        "validityTime",
        "fcmonth",
        "year",
        "month",
        "day",
        "hour",
        *PACKING_FACTS,
    }
)
"""Keywords that change from step to step of what is the same field."""

N_SLOTS = 4096
"""Templates a client and a server remember: a model with 20 parameters on 137 levels has 2740."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def text_of_metadata(metadata: Mapping[str, Scalar]) -> bytes:
    """Return metadata as JSON with sorted keywords; InvalidPart when it is too long or holds NaN."""
    try:
        text = _encode(dict(metadata)).encode()
    except ValueError as error:
        raise InvalidPart(
            f"metadata {metadata} cannot be sent ({error}); expected texts and finite numbers"
        ) from error
    if len(text) > MAX_TEXT_BYTES:
        raise InvalidPart(
            f"metadata of {len(text)} bytes ({str(metadata)[:80]}...); expected at most {MAX_TEXT_BYTES}"
        )
    return text


def cut(metadata: Metadata) -> tuple[bytes, bytes]:
    """Return the texts of what stays from step to step (the template), and of what varies with time."""
    varying = {k: v for k, v in metadata.items() if k in TIME_KEYWORDS}
    template = {k: v for k, v in metadata.items() if k not in TIME_KEYWORDS}
    return text_of_metadata(template), text_of_metadata(varying)


def pairs_of(text: bytes) -> dict[str, Scalar]:
    """Return the pairs of a text `cut` made; RankFailed when it is not one."""
    try:
        pairs = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RankFailed(f"metadata {text[:80]!r} received from another rank is not JSON") from error
    if not isinstance(pairs, dict):
        raise RankFailed(f"metadata {text[:80]!r} received from another rank is not a mapping")
    return pairs


def server_of(template: bytes, n_servers: int) -> int:
    """Return which server takes all steps of a field: xxh3-64 of its template modulo the servers.

    The same on every rank, machine and Python, and whatever order fields are written in.
    """
    return checksum(template) % n_servers


class Placement:
    """Which server takes a field whose plan may have a say; the same on every model rank."""

    def __init__(self, n_servers: int) -> None:
        self._n_servers = n_servers
        self._chosen: dict[str, dict[bytes, int]] = {}

    def server_of(self, template: bytes, domain: str, route: Route) -> int:
        """Return the server of a field; see `Route`.

        Keys are dealt out domain by domain: a rank that holds no point of one does not hear of its fields.
        """
        key = route.key or template
        if not route.even:
            return server_of(key, self._n_servers)
        chosen = self._chosen.setdefault(domain, {})
        return chosen.setdefault(key, len(chosen) % self._n_servers)


class Slots:
    """What a client remembers of the templates one server knows, in a bounded number of slots.

    The least recently used template loses its slot to a new one; the server overwrites it on arrival,
    which is in order.
    """

    def __init__(self, n_slots: int = N_SLOTS) -> None:
        self._n_slots = n_slots
        self._slot_of: OrderedDict[bytes, int] = OrderedDict()

    def place(self, template: bytes) -> tuple[int, bool]:
        """Return a template's slot, and whether the server has to be told the text."""
        slot = self._slot_of.get(template)
        if slot is not None:
            self._slot_of.move_to_end(template)
            return slot, False
        full = len(self._slot_of) == self._n_slots
        slot = self._slot_of.popitem(last=False)[1] if full else len(self._slot_of)
        self._slot_of[template] = slot
        return slot, True
