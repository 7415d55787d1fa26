"""How are fields asked for?

A `Request` maps keywords to the values wanted, in MARS's way of writing them: ``500/850``,
``0/to/24/by/6``, ``20260101/to/20260105``, or a list; only ``grid=1/1`` names one grid. A keyword that
is absent, or ``all``, asks for every value. What the values mean is the schema's business; here they
are text.
"""

import datetime
import math
import re
from collections.abc import ItemsView, Iterable, Iterator, Mapping

from dte_hpc.base.errors import InvalidKey, InvalidRequest
from dte_hpc.base.key import Key, Scalar, checked_value

RequestValue = Scalar | Iterable[Scalar]
ALL = "all"
_WORDS = frozenset({ALL, "to"})
MAX_VALUES = 1_000_000
_UNSPLIT_KEYWORDS = frozenset({"grid"})  # 0.25/0.25 is the name of one grid
_DATE_KEYWORDS = frozenset({"date", "hdate", "refdate"})
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?$")


class Request(Mapping[str, tuple[str, ...]]):
    """An immutable mapping from keyword to the tuple of wanted values, in the order given.

    Parameters
    ----------
    wanted : Mapping[str, RequestValue]
        ``{"param": "130/131", "step": [0, 6], "levelist": "100/to/500/by/100"}``.

    Raises
    ------
    InvalidRequest
        Naming the keyword, for a value that is not one or more texts or numbers, or a range that is wrong.
    """

    __slots__ = ("_wanted",)

    def __init__(self, wanted: Mapping[str, RequestValue]) -> None:
        values = {keyword: expand(keyword, value) for keyword, value in wanted.items()}
        self._wanted = {keyword: value for keyword, value in values.items() if value != (ALL,)}

    def __getitem__(self, keyword: str) -> tuple[str, ...]:
        return self._wanted[keyword]

    def __iter__(self) -> Iterator[str]:
        return iter(self._wanted)

    def __len__(self) -> int:
        return len(self._wanted)

    def items(self) -> ItemsView[str, tuple[str, ...]]:
        """Return the keywords with their values."""
        return self._wanted.items()

    def __repr__(self) -> str:
        return ",".join(f"{keyword}={'/'.join(values)}" for keyword, values in self._wanted.items())

    @property
    def n_fields(self) -> int:
        """How many fields the request names, were every combination stored."""
        return math.prod(len(values) for values in self._wanted.values())

    def replace(self, **changes: RequestValue) -> "Request":
        """Return this request with some keywords asked for differently (``all`` drops one)."""
        changed = Request(changes)._wanted  # what stays was expanded when it was asked for
        merged = Request({})
        merged._wanted = {**self._wanted, **changed}
        for keyword in changes.keys() - changed.keys():
            merged._wanted.pop(keyword, None)
        return merged

    def matches(self, key: Mapping[str, str]) -> bool:
        """Whether a key has one of the wanted values for every keyword of the request."""
        return all(key.get(keyword) in values for keyword, values in self._wanted.items())

    @classmethod
    def of_expanded(cls, wanted: Mapping[str, tuple[str, ...]]) -> "Request":
        """Return the request for values that need no expanding any more; an ``all`` alone drops a keyword."""
        request = cls.__new__(cls)
        request._wanted = {keyword: values for keyword, values in wanted.items() if values != (ALL,)}
        return request

    @classmethod
    def of_key(cls, key: Key) -> "Request":
        """Return the request for exactly one field."""
        return cls({keyword: [value] for keyword, value in key.items()})


def expand(keyword: str, value: RequestValue) -> tuple[str, ...]:
    """Return the values that one request value stands for, without repeats, in order."""
    if isinstance(value, str) and "/" not in value and (text := value.strip()).lower() not in _WORDS:
        return (text,)
    try:
        if isinstance(value, str):
            texts = [value] if keyword in _UNSPLIT_KEYWORDS else [part.strip() for part in value.split("/")]
        elif isinstance(value, int | float):
            texts = [checked_value(keyword, value)]
        elif isinstance(value, Mapping):
            raise TypeError
        else:
            texts = [checked_value(keyword, item) for item in value]
    except (TypeError, InvalidKey) as error:
        raise _refused(keyword, value, "one or more texts or numbers") from error
    if not texts or (isinstance(value, str) and any(text == "" for text in texts) and len(texts) > 1):
        raise _refused(keyword, value, "at least one value, and none empty between '/'")
    if len(texts) == 1 and texts[0].lower() == ALL:
        return (ALL,)
    lowered = [text.lower() for text in texts]
    if "to" in lowered:
        texts = _range(keyword, texts, lowered)
    return tuple(dict.fromkeys(texts))


def _range(keyword: str, texts: list[str], lowered: list[str]) -> list[str]:
    if [lowered[1:2], lowered[3:4], len(texts)] not in ([["to"], [], 3], [["to"], ["by"], 5]):
        raise _refused(keyword, "/".join(texts), "first/to/last or first/to/last/by/stride")
    by = texts[4] if len(texts) == 5 else "1"
    if keyword in _DATE_KEYWORDS and len(texts[0]) == 8:
        return _date_range(keyword, texts[0], texts[2], by)
    return _number_range(keyword, texts[0], texts[2], by)


def _number_range(keyword: str, first: str, last: str, by: str) -> list[str]:
    if not all(_NUMBER.match(text) for text in (first, last, by)) or float(by) == 0:
        raise _refused(keyword, f"{first}/to/{last}/by/{by}", "numbers, and a stride that is not 0")
    start, stop, stride = float(first), float(last), abs(float(by))
    count = math.floor(abs(stop - start) / stride + 1e-9) + 1
    if count > MAX_VALUES:
        raise _refused(keyword, f"{first}/to/{last}/by/{by}", f"at most {MAX_VALUES} values")
    signed = stride if stop >= start else -stride
    return [checked_value(keyword, round(start + index * signed, 9)) for index in range(count)]


def _date_range(keyword: str, first: str, last: str, by: str) -> list[str]:
    try:
        start, stop = (datetime.datetime.strptime(text, "%Y%m%d") for text in (first, last))
        stride = datetime.timedelta(days=int(by))
    except ValueError as error:
        raise _refused(
            keyword, f"{first}/to/{last}/by/{by}", "dates as YYYYMMDD, a stride in days"
        ) from error
    if stride.days < 1 or stop < start or (stop - start) / stride > MAX_VALUES:
        raise _refused(keyword, f"{first}/to/{last}/by/{by}", "a later last date, a stride of at least 1 day")
    return [f"{start + index * stride:%Y%m%d}" for index in range((stop - start) // stride + 1)]


def _refused(keyword: str, value: object, expected: str) -> InvalidRequest:
    return InvalidRequest(
        f"the request asks for {keyword}={str(value)[:80]}; expected {expected}", keyword=keyword, value=value
    )
