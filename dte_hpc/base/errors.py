"""Which errors may a user meet, and what do they carry?

One root, `DteError`; every child is also the builtin it resembles, so that ``except ValueError``
works. The message is one sentence: what was found, what was expected, where. The facts in it are
attributes too (``error.facts["place"]``, or ``error.place``), and errors survive pickling.
"""

from typing import Any


class DteError(Exception):
    """Root of all errors a user can cause or must know of.

    Parameters
    ----------
    sentence : str
        What was found, what was expected, and where.
    **facts
        The same facts, by name; readable as attributes.
    """

    def __init__(self, sentence: str, /, **facts: object) -> None:
        super().__init__(sentence)
        self.facts = facts

    def __getattr__(self, name: str) -> Any:
        facts: dict[str, object] = self.__dict__.get("facts", {})
        if name in facts:
            return facts[name]
        raise AttributeError(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self.args[0]), self.facts)


def _rebuild(kind: type[DteError], sentence: str, facts: dict[str, object]) -> DteError:
    return kind(sentence, **facts)


class InvalidConfig(DteError, ValueError):
    """A configuration or plan is wrong; the sentence begins with its place (``$.plans[0].name``)."""


class InvalidKey(DteError, ValueError):
    """A key does not fit the schema it was offered to."""


class InvalidRequest(DteError, ValueError):
    """A request cannot be understood, or asks for what does not exist."""


class InvalidPart(DteError, ValueError):
    """A model rank sent a part that does not fit its domain; names the rank and the field."""


class InvalidGrid(DteError, ValueError):
    """A grid name is unknown, or a field's size does not match its grid."""


class InvalidMessage(DteError, ValueError):
    """Bytes that were offered as a message are not one we can read."""


class UnsupportedPacking(DteError, NotImplementedError):
    """A message is packed in a way this operation does not read."""


class FieldNotFound(DteError, LookupError):
    """No stored field answers a request; names the keyword values that were missing."""


class CorruptData(DteError, OSError):
    """Stored bytes do not match their checksum or end too early."""


class StorageFailed(DteError, OSError):
    """The file system refused a write or a sync; nothing unflushed was promised."""


class StorageLocked(DteError, PermissionError):
    """A database is locked for what was asked, or somebody is at work in it."""


class RankFailed(DteError, RuntimeError):
    """Another rank of the job failed, or broke the protocol between ranks."""


class MissingDependency(DteError, ImportError):
    """An optional package is needed; the sentence names the extra that brings it."""
