"""What is a field called?

A `Key` maps keywords to canonical strings, in an order that means something (a schema's). It says
nothing of types: whoever knows the schema makes values canonical.
"""

from collections.abc import Mapping

from dte_hpc.base.errors import InvalidKey
from dte_hpc.base.pairs import Pairs

Scalar = str | int | float | bool
MAX_VALUE_LENGTH = 256


class Key(Pairs[str]):
    """The name of a field: an immutable, hashable, ordered mapping from keyword to text.

    Parameters
    ----------
    pairs : Mapping[str, Scalar]
        Values become strings as `text_of` says.

    Raises
    ------
    InvalidKey
        For a keyword or value that is empty-named, not text, too long, or holds a control character.
    """

    __slots__ = ()

    def __init__(self, pairs: Mapping[str, Scalar]) -> None:
        super().__init__({keyword: checked_value(keyword, value) for keyword, value in pairs.items()})

    @classmethod
    def of_checked(cls, pairs: dict[str, str]) -> "Key":
        """Return a key of values that a key had before, unchecked: for listings, where each costs."""
        key = cls.__new__(cls)
        Pairs.__init__(key, pairs)
        return key

    def __repr__(self) -> str:
        return "{" + super().__repr__() + "}"

    def replace(self, **changes: Scalar) -> "Key":
        """Return this key with some values changed or added."""
        return Key({**self._pairs, **changes})


def text_of(value: Scalar) -> str:
    """Return the text of a scalar as MARS writes it: 1.0 is '1', True is '1'."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def checked_value(keyword: str, value: Scalar) -> str:
    """Return the text of a key's value; InvalidKey names what is wrong with it."""
    if not keyword or not keyword.isprintable():
        raise InvalidKey(f"a key has the keyword {keyword!r}; expected printable text", keyword=keyword)
    if not isinstance(value, str | int | float):
        raise InvalidKey(
            f"{keyword} is a {type(value).__name__}; expected one text or number", keyword=keyword
        )
    text = text_of(value)
    if text != text.strip():
        raise InvalidKey(
            f"{keyword}={text[:40]!r} begins or ends with a space; expected none", keyword=keyword
        )
    if len(text) > MAX_VALUE_LENGTH or not (text.isprintable() or text == ""):
        raise InvalidKey(
            f"{keyword}={text[:40]!r} is {len(text)} characters long or holds control characters; "
            f"expected at most {MAX_VALUE_LENGTH} printable ones",
            keyword=keyword,
            value=text,
        )
    return text
