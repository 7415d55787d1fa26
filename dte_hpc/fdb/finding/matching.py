"""Which rows answer a request?

A value that is asked for is compared with the different words of a column, never with its rows: each
word gets the numbers of the wanted values it answers, best answer first, and rows follow by fancy
indexing. Duplicates of a key are found by one integer a row, made of the codes of its keywords.
"""

import datetime
import itertools
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.config import unknown_keyword
from dte_hpc.base.errors import InvalidRequest
from dte_hpc.base.request import Request
from dte_hpc.fdb.files.table import Codes, Table, Words
from dte_hpc.fdb.naming.grammar import Predicate
from dte_hpc.fdb.naming.kinds import ValueType
from dte_hpc.fdb.naming.schema import Schema

Rows = NDArray[np.int64]
DENSE_KEYS = 1 << 22
NO_WORDS = Words()
JOINT = "\0"


@dataclass(frozen=True, slots=True, eq=False)
class WantedValue:
    """One value of a request: the texts that are it, and the forms that answer it second best.

    One object for the same value as long as it is remembered, so that its answers may be, too.

    A keyword that a schema stores under several names (a rule's ``date: Year`` as ``year``) has, for each
    of them, a part instead: what is asked of it, None when it cannot have the value. A field answers by
    those of them that it has.
    """

    text: str
    exact: tuple[str, ...]
    forms: tuple[tuple[ValueType, str], ...]
    parts: "tuple[tuple[str, WantedValue | None], ...]" = ()

    def means(self, text: str) -> bool:
        """Whether a stored text answers this value."""
        return text in self.exact or any(kind.form(text) == form for kind, form in self.forms)


Wanted = dict[str, tuple[WantedValue, ...]]


def wanted_of(request: Request, schema: Schema) -> Wanted:
    """Return what a request asks of each stored keyword (or keyword with parts).

    Several values of a keyword the schema does not have, one of them none, ask nothing of its fields.

    Raises
    ------
    InvalidRequest
        For a keyword the schema does not have, or a value that no keyword of that name can have.
    """
    wanted: Wanted = {}
    for keyword, values in request.items():
        if len(values) == 1:
            wanted |= _wanted_values(schema, keyword, values[0], _day(values[0]))
            continue
        if "" in values and keyword not in schema.known:
            continue
        found: dict[str, list[WantedValue]] = {}
        for value in values:
            for stored, one in _wanted_values(schema, keyword, value, _day(value)).items():
                found.setdefault(stored, []).extend(one)
        wanted |= {stored: _different(several) for stored, several in found.items()}
    return wanted


@lru_cache(maxsize=65536)  # requests name the same values again and again
def _wanted_values(schema: Schema, keyword: str, value: str, _day: int) -> Wanted:
    """Return for one keyword's value each stored keyword it is looked for in, and what is looked for."""
    if keyword not in schema.known:
        known = unknown_keyword("the request", keyword, schema.known)
        raise InvalidRequest(str(known), keyword=keyword)
    names = schema.stored_as.get(keyword, (keyword,))
    if len(names) == 1:
        return {names[0]: (_wanted_value(names[0], value, schema.kinds_of(names[0])),)}
    parts: list[tuple[str, WantedValue | None]] = []
    for name in names:
        try:
            parts.append((name, _wanted_value(name, value, schema.kinds_of(name))))
        except InvalidRequest as error:
            refused = error
            parts.append((name, None))
    if not any(part for _, part in parts):
        raise refused
    return {keyword: (WantedValue(value, (), (), tuple(parts)),)}


def _day(value: str) -> int:
    """Return today for a value that may be relative to it (``date=-1``): it is remembered for the day."""
    return datetime.datetime.now(datetime.UTC).toordinal() if value[:1] in ("-", "0") else 0


def _different(values: Iterable[WantedValue]) -> tuple[WantedValue, ...]:
    def meaning(value: WantedValue) -> tuple[object, ...]:
        return (value.exact, *(part and part.exact for _, part in value.parts))

    return tuple({meaning(value): value for value in values}.values())


def _wanted_value(keyword: str, value: str, kinds: tuple[ValueType, ...]) -> WantedValue:
    if value == "":
        return WantedValue("", ("",), ())
    exact, forms = [], []
    for kind in kinds:
        try:
            text = kind.wanted(value)
        except ValueError:
            continue
        exact.append(text)
        form = kind.wanted_form(text)
        if form is not None:
            forms.append((kind, form))
    if not exact:
        expected = " or ".join(kind.expected for kind in kinds)
        raise InvalidRequest(f"the request asks for {keyword}={value}; expected {expected}", keyword=keyword)
    return WantedValue(value, tuple(dict.fromkeys(exact)), tuple(forms))


def answers(values: Sequence[WantedValue], words: Words) -> list[list[int]]:
    """Return for each wanted value the numbers of the words that answer it, the best first."""
    found = []
    for value in values:
        if value.parts:
            found.append([n for n, word in enumerate(words.list) if _means_jointly(value, word)])
            continue
        hits = [words.numbers[text] for text in value.exact if text in words.numbers]
        for kind, form in value.forms:
            hits.extend(words.by_form(kind).get(form, ()))
        found.append(list(dict.fromkeys(hits)))
    return found


def _means_jointly(value: WantedValue, joint: str) -> bool:
    """Whether the word of a `joint_column` answers a value: all it has of its parts, and it has any."""
    texts = joint.split(JOINT)
    if not any(texts) or value.text == "":
        return value.text == "" and not any(texts)
    return all(
        text == "" or (part is not None and part.means(text))
        for text, (_, part) in zip(texts, value.parts, strict=True)
    )


def joint_column(columns: Sequence[tuple[Codes, Words] | None]) -> tuple[Codes, Words]:
    """Return several columns as one: its words are theirs, joined. None stands for one without values."""
    present = [column for column in columns if column is not None]
    ids = np.zeros(len(present[0][0]) if present else 0, np.int64)
    for codes, words in present:
        ids = ids * len(words.list) + codes
    different, codes_of = np.unique(ids, return_inverse=True)
    joint = []
    for number in different.tolist():
        texts: list[str] = []
        for column in columns[::-1]:
            number, code = divmod(number, len(column[1].list)) if column else (number, 0)
            texts.append(column[1].list[code] if column else "")
        joint.append(JOINT.join(texts[::-1]))
    return codes_of.astype(np.int32).ravel(), Words(joint)


def narrowed(wanted: Wanted, keywords: Container[str]) -> Wanted:
    """Return what is wanted of a table: of a keyword with parts the one part that it has, if it has one."""
    several = [keyword for keyword, values in wanted.items() if values and values[0].parts]
    if not several:
        return wanted
    own = {keyword: values for keyword, values in wanted.items() if keyword not in several}
    for keyword in several:
        values = wanted[keyword]
        present = [n for n, (stored, _) in enumerate(values[0].parts) if stored in keywords]
        if len(present) == 1:
            parts = (value.parts[present[0]] for value in values)
            own[values[0].parts[present[0]][0]] = tuple(part for _, part in parts if part is not None)
        else:
            own[keyword] = values
    return own


def matching_rows(table: Table, wanted: Wanted, hidden: Iterable[str]) -> Rows:
    """Return the rows that have one of the wanted values for every keyword, in table order.

    Cost: one pass over a column for the most selective keyword, the others over what it left.
    """
    tests = []
    joint: dict[str, tuple[Codes, Words]] = {}
    for keyword, values in narrowed(wanted, table.keywords).items():
        if values and values[0].parts:
            joint[keyword] = joint_column(
                [
                    (table.codes(k), table.words_of(k)) if k in table.keywords else None
                    for k, _ in values[0].parts
                ]
            )
        present = keyword in table.keywords or keyword in joint
        words = joint[keyword][1] if keyword in joint else table.words_of(keyword) if present else NO_WORDS
        hits = {number for found in answers(values, words) for number in found}
        if keyword in hidden:
            hits.add(0)
        if not hits:
            return np.empty(0, np.int64)
        if present and len(hits) < len(words.list):
            tests.append((len(hits) / len(words.list), keyword, hits))
    rows: Rows | None = None
    for _, keyword, hits in sorted(tests, key=lambda test: test[0]):
        codes, words = joint.get(keyword) or (table.codes(keyword), table.words[keyword])
        passed = _passed(codes if rows is None else codes[rows], hits, len(words.list))
        rows = np.flatnonzero(passed) if rows is None else rows[passed]
    return np.arange(table.n_rows, dtype=np.int64) if rows is None else rows


def _passed(codes: Codes, hits: set[int], n_words: int) -> NDArray[np.bool_]:
    """Return which codes are among some."""
    if len(hits) == 1:
        found: NDArray[np.bool_] = codes == next(iter(hits))
        return found
    allowed = np.zeros(n_words, np.bool_)
    allowed[list(hits)] = True
    return allowed[codes]


def newest_rows(table: Table, rows: Rows) -> Rows:
    """Return of rows with equal keys only the last, in table order, and none where that is a deletion.

    Cost: linear when the keys fill their ranges, else a sort.
    """
    if len(rows) < 2:
        return table.fields(rows)
    ids, n_ids = key_numbers([table.codes(keyword) for keyword in table.keywords], rows)
    if n_ids <= max(DENSE_KEYS, 8 * len(rows)):
        last = np.full(n_ids, -1, np.int64)
        last[ids] = np.arange(len(rows))
        kept = last[ids] == np.arange(len(rows))
        dense: Rows = rows[kept]
        return table.fields(dense)
    _, first = np.unique(ids[::-1], return_index=True)
    return table.fields(rows[np.sort(len(rows) - 1 - first)])


def key_numbers(columns: Iterable[Codes], rows: Rows) -> tuple[NDArray[np.int64], int]:
    """Return one number a row, equal for equal codes in all columns, and a bound of the numbers."""
    ids, n_ids = np.zeros(len(rows), np.int64), 1
    for codes in columns:
        column = codes[rows]
        if len(column) == 0:
            break
        low, high = int(column.min()), int(column.max())
        if low == high:
            continue
        size = high - low + 1
        if n_ids * size >= 1 << 62:
            found, inverse = np.unique(ids, return_inverse=True)
            ids, n_ids = inverse.astype(np.int64), len(found)
        ids = ids * size + (column - low)
        n_ids *= size
    return ids, n_ids


@dataclass(frozen=True, slots=True)
class Order:
    """Rows in the order in which a request names them.

    Attributes
    ----------
    rows : ndarray of int64
        Into what was matched; a row may answer twice.
    missing : tuple of dict
        The first combinations of wanted values that no row answers.
    n_missing : int
        How many there are.
    """

    rows: Rows
    missing: tuple[dict[str, str], ...]
    n_missing: int


MAX_NAMED = 10


def request_order(
    wanted: Mapping[str, tuple[WantedValue, ...]],
    columns: Mapping[str, tuple[Codes, Words]],
    n_rows: int,
    limit: int = MAX_NAMED,
) -> Order:
    """Return rows in request order: the first keyword varies slowest.

    Of rows that differ only in how well they answer (``167`` and ``167.128``, ``24`` and ``0-24``) the
    best is taken.

    Parameters
    ----------
    wanted : mapping of keyword to its wanted values
        In the order in which they shall vary.
    columns : mapping of keyword to (codes, words)
        Of all keywords the rows have, and of all that are wanted.
    n_rows : int
        Rows of the columns.
    limit : int
        How many of the missing combinations are named.
    """
    n_wanted = math.prod(len(values) for values in wanted.values())
    if n_rows and n_wanted == 1 and all(_answered_once(wanted[k][0], columns[k][1]) for k in wanted):
        return Order(np.arange(n_rows), (), 0)
    rows, combination, rank = np.arange(n_rows), np.zeros(n_rows, np.int64), np.zeros(n_rows, np.int64)
    if n_wanted >= 1 << 62:
        raise InvalidRequest(f"the request names {n_wanted} fields; expected fewer than 2**62")
    for keyword, values in wanted.items():
        codes, words = columns[keyword]
        if len(values) == 1 and _answered_once(values[0], words):
            continue
        first, count, which, best = _answers_by_word(values, words)
        of_row = codes[rows]
        repeats = count[of_row]
        ends = np.cumsum(repeats)
        pick = np.repeat(first[of_row] - ends + repeats, repeats) + np.arange(int(repeats.sum()))
        rows = np.repeat(rows, repeats)
        combination = np.repeat(combination, repeats) * len(values) + which[pick]
        rank = np.repeat(rank, repeats) + best[pick]
    if rank.any():
        others, _ = key_numbers(
            [codes for keyword, (codes, _) in columns.items() if keyword not in wanted], rows
        )
        _, group = np.unique(np.stack((combination, others), axis=1), axis=0, return_inverse=True)
        best = np.full(len(rows), np.iinfo(np.int64).max)
        np.minimum.at(best, group.ravel(), rank)
        keep = rank == best[group.ravel()]
        rows, combination = rows[keep], combination[keep]
    order = np.lexsort((rows, combination))
    present = np.unique(combination)
    return Order(rows[order], _first_missing(wanted, present, limit), n_wanted - len(present))


def _answered_once(value: WantedValue, words: Words) -> bool:
    """Whether exactly one word answers a wanted value."""
    return len(answers((value,), words)[0]) == 1


def _answers_by_word(values: Sequence[WantedValue], words: Words) -> tuple[Rows, Rows, Rows, Rows]:
    """Return for each word where its answers begin and how many there are; of each, which and how good."""
    triples = sorted(
        (word, number, rank)
        for number, hits in enumerate(answers(values, words))
        for rank, word in enumerate(hits)
    )
    table = np.array(triples, np.int64).reshape(-1, 3)
    count = np.bincount(table[:, 0], minlength=len(words.list)).astype(np.int64)
    return np.concatenate(([0], np.cumsum(count)[:-1])), count, table[:, 1], table[:, 2]


def _first_missing(
    wanted: Mapping[str, tuple[WantedValue, ...]], present: Rows, limit: int
) -> tuple[dict[str, str], ...]:
    """Return the first combinations that are not among the sorted numbers of those present."""
    n_wanted = math.prod(len(values) for values in wanted.values())
    edges = np.concatenate(([-1], present, [n_wanted]))
    holes = np.flatnonzero(np.diff(edges) > 1)[:limit]
    missing = (number for hole in holes for number in range(int(edges[hole]) + 1, int(edges[hole + 1])))
    return tuple(_combination(wanted, number) for number in itertools.islice(missing, limit))


def _combination(wanted: Mapping[str, tuple[WantedValue, ...]], number: int) -> dict[str, str]:
    """Return the values that a combination's number stands for."""
    texts = {}
    for keyword, values in reversed(list(wanted.items())):
        number, which = divmod(number, len(values))
        texts[keyword] = values[which].text
    return dict(reversed(texts.items()))


class Holding:
    """Which databases can hold what is wanted, as far as their names tell?

    Parameters
    ----------
    wanted : Wanted
        What a request asks.
    schema : Schema
        By whose rules the names are read; a name that none could have made may hold anything.
    """

    def __init__(self, wanted: Wanted, schema: Schema) -> None:
        self._answered: dict[tuple[tuple[WantedValue, ...], str], bool] = {}
        self._levels: dict[int, set[tuple[tuple[WantedValue, ...] | None, ...]]] = {}
        for level in dict.fromkeys(rule.levels[0] for rule in schema.rules):
            asked = tuple(None if p.keyword in schema.hidden else part_of(wanted, p) for p in level)
            self._levels.setdefault(len(level), set()).add(asked)

    def __call__(self, values: Sequence[str]) -> bool:
        """Whether a database of those values can."""
        levels = self._levels.get(len(values))
        return levels is None or any(
            all(
                asked is None or self._answers(asked, value)
                for asked, value in zip(level, values, strict=True)
            )
            for level in levels
        )

    def _answers(self, asked: tuple[WantedValue, ...], value: str) -> bool:
        place = (asked, value)
        found = self._answered.get(place)
        if found is None:
            found = self._answered[place] = any(answers(asked, Words((value,))))
        return found


def part_of(wanted: Wanted, predicate: Predicate) -> tuple[WantedValue, ...] | None:
    """Return what is wanted of a predicate's stored keyword, None when anything."""
    values = wanted.get(predicate.keyword, ())
    if values and values[0].parts:
        return tuple(part for value in values if (part := dict(value.parts)[predicate.stored_as]) is not None)
    return wanted.get(predicate.stored_as)
