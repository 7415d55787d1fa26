"""Which few requests name exactly some keys?

Keys that differ in one keyword only become one request that lists its values; this is done for one keyword
after the other, the last first. Every key is named by one request, and no request names a key that is
not there, however ragged the keys are.
"""

from collections.abc import Iterable, Mapping

Values = tuple[str, ...]


def requests_for(keys: Iterable[Mapping[str, str]]) -> list[dict[str, Values]]:
    """Return requests for keys, in the order in which their first keys came.

    Cost: a microsecond for each key and keyword.
    """
    orders: dict[frozenset[str], tuple[str, ...]] = {}
    points: dict[tuple[str, ...], dict[tuple[Values, ...], None]] = {}
    for key in keys:
        keywords = orders.setdefault(frozenset(key), tuple(key))
        points.setdefault(keywords, {})[tuple([(key[keyword],) for keyword in keywords])] = None
    return [
        {keyword: in_order(values) for keyword, values in zip(keywords, cube, strict=True)}
        for keywords, found in points.items()
        for cube in _merged(list(found), len(keywords))
    ]


def _merged(cubes: list[tuple[Values, ...]], n_keywords: int) -> list[tuple[Values, ...]]:
    for axis in reversed(range(n_keywords)):
        alike: dict[tuple[Values, ...], list[Values]] = {}
        for cube in cubes:
            alike.setdefault((*cube[:axis], *cube[axis + 1 :]), []).append(cube[axis])
        cubes = [
            (*rest[:axis], tuple(sorted({v for values in along for v in values})), *rest[axis:])
            for rest, along in alike.items()
        ]
    return cubes


def in_order(values: Iterable[str]) -> Values:
    """Return values sorted: as numbers when all are, else as text."""
    texts = list(values)
    try:
        return tuple(sorted(texts, key=float))
    except ValueError:
        return tuple(sorted(texts))
