"""By which key is a message stored, without decoding it again?

The key is what ecCodes says of the message (`codecs.decode.mars_key`): its param is not always the
field's (the mean of a parameter has a number of its own). Messages of one kind, that differ in date,
time, step, level and member only, differ in their keys in the same way; so the first of a kind is
decoded, and the others' keys are filled in.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from dte_hpc.base.field import Metadata
from dte_hpc.base.key import Key, Scalar, text_of
from dte_hpc.codecs.layout import EncodedField

VARYING = ("date", "time", "step", "levelist", "number")
_FOLLOWING = ("startStep", "endStep", "domain")
MAX_KINDS = 10_000
Kind: TypeAlias = tuple[Metadata, tuple[str, ...]]


class Keys:
    """Keys of messages.

    Parameters
    ----------
    decode_key : callable
        From a message to its MARS keywords.
    """

    def __init__(self, decode_key: Callable[..., Mapping[str, Scalar]]) -> None:
        self._decode_key = decode_key
        self._kinds: dict[Kind, Key | None] = {}

    def key_of(self, encoded: EncodedField) -> Key:
        """Return a message's key. Cost: a decoded header for the first of a kind, then microseconds."""
        given = {k: as_mars(k, encoded.metadata[k]) for k in VARYING if k in encoded.metadata}
        kind = (encoded.metadata.without(*VARYING, *_FOLLOWING), tuple(given))
        pattern = self._kinds.get(kind)
        if pattern is not None:
            return pattern.replace(**given)
        key = Key(self._decode_key(encoded.message))
        if kind not in self._kinds:
            self._learn(kind, key, given)
        return key

    def _learn(self, kind: Kind, key: Key, given: Mapping[str, str]) -> None:
        """Remember a kind; None when its key is not its metadata's, so that each message is decoded."""
        if len(self._kinds) >= MAX_KINDS:
            self._kinds.clear()
        alike = all(key.get(keyword) == value for keyword, value in given.items())
        whole = all(keyword in given for keyword in VARYING if keyword in key)
        self._kinds[kind] = key if alike and whole else None


def as_mars(keyword: str, value: Scalar) -> str:
    """Return a value as ecCodes' MARS keys write it: time as HHMM, the rest as text."""
    return text_of(value).zfill(4) if keyword == "time" else text_of(value)
