"""What is one ecCodes key to be set to?"""

from typing import Any, NamedTuple


class Assignment(NamedTuple):
    """One ecCodes key and its value; None is "missing". `where_defined`: only if the message has the key."""

    key: str
    value: Any
    where_defined: bool = False
