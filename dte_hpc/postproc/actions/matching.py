"""Does a field's metadata fit what a select asks for?

``match`` and ``ignore`` are a mapping, or a list of mappings of which one must fit. In a mapping every
keyword must fit; a list of values means one of them, and an empty list fits nothing. A field without the
keyword, under any of its spellings, does not fit. ``any`` and ``all`` are lists of such blocks, ``not`` is
one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from dte_hpc.base.config import describe, refuse
from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.options import near

Test: TypeAlias = Callable[[Metadata], bool]
TYPES = "enforce-same-key-types"
BLOCKS = ("match", "ignore", "any", "all", "not")
MAX_DEPTH = 32


def plain(value: Scalar) -> str:
    """Return the text by which values are compared: '0000', 0 and 0.0 are the same."""
    text = text_of(value)
    return text.lstrip("0") or "0" if text.isdecimal() else text


def is_number(value: Scalar) -> bool:
    """Whether a value is a number, or a text that is one."""
    if isinstance(value, str):
        return value.removeprefix("-").replace(".", "", 1).isdecimal()
    return True


def block_mistakes(place: str, node: Any, depth: int = 0) -> Iterator[InvalidConfig]:
    """Yield what is wrong with one block: the action's own options, or one nested in it."""
    if not isinstance(node, Mapping) or depth > MAX_DEPTH:
        yield refuse(place, describe(node), f"a mapping with {', '.join(BLOCKS)}, {MAX_DEPTH} deep at most")
        return
    for keyword in node:
        if keyword not in (*BLOCKS, TYPES):
            hint = near(str(keyword), BLOCKS)
            yield refuse(f"{place}.{keyword}", f"{keyword!r}{hint}", f"one of {', '.join((*BLOCKS, TYPES))}")
    given = [keyword for keyword in BLOCKS if keyword in node]
    if len({"match" if keyword == "ignore" else keyword for keyword in given}) != 1:
        found = " and ".join(map(repr, given)) or "neither 'match' nor 'ignore', nor 'any', 'all' or 'not'"
        yield refuse(place, found, "one of 'any', 'all', 'not', or 'match' and 'ignore', or one of these")
    if not isinstance(node.get(TYPES, True), bool):
        yield refuse(f"{place}.{TYPES}", describe(node[TYPES]), "true or false")
    for keyword in given:
        yield from _content_mistakes(f"{place}.{keyword}", keyword, node[keyword], depth)


def _content_mistakes(place: str, keyword: str, node: Any, depth: int) -> Iterator[InvalidConfig]:
    if keyword == "not":
        yield from block_mistakes(place, node, depth + 1)
    elif keyword in ("any", "all"):
        if not isinstance(node, list | tuple):
            yield refuse(place, describe(node), "a list of mappings")
            return
        for index, block in enumerate(node):
            yield from block_mistakes(f"{place}[{index}]", block, depth + 1)
    elif isinstance(node, list | tuple):
        for index, clause in enumerate(node):
            yield from _clause_mistakes(f"{place}[{index}]", clause)
    else:
        yield from _clause_mistakes(place, node)


def _clause_mistakes(place: str, node: Any) -> Iterator[InvalidConfig]:
    if not isinstance(node, Mapping):
        yield refuse(place, describe(node), "a mapping of keywords to values")
        return
    for keyword, values in node.items():
        if not isinstance(keyword, str):
            yield refuse(place, f"the keyword {keyword!r}", "text")
        for value in _listed(values):
            if not isinstance(value, str | int | float):
                yield refuse(f"{place}.{keyword}", describe(value), "a text, a number, or a list of them")


def compile_block(node: Mapping[str, Any], same_types: bool = True) -> Test:
    """Return what a checked block asks of metadata.

    Parameters
    ----------
    node : mapping
        In which `block_mistakes` found nothing.
    same_types : bool
        What holds where the block does not say ``enforce-same-key-types``.
    """
    same_types = node.get(TYPES, same_types)
    if "not" in node:
        inverse = compile_block(node["not"], same_types)
        return lambda metadata: not inverse(metadata)
    for keyword, decide in (("any", any), ("all", all)):
        if keyword in node:
            return _several([compile_block(block, same_types) for block in node[keyword]], decide)
    match = _clauses(node["match"], same_types) if "match" in node else None
    ignore = _clauses(node["ignore"], same_types) if "ignore" in node else None
    return lambda m: (match is None or match(m)) and not (ignore is not None and ignore(m))


def _several(tests: Sequence[Test], decide: Callable[[Iterator[bool]], bool]) -> Test:
    return lambda metadata: decide(test(metadata) for test in tests)


def _clauses(node: Any, same_types: bool) -> Test:
    tests = [_clause(clause, same_types) for clause in _listed(node)]
    return _several(tests, any)


def _clause(clause: Mapping[str, Any], same_types: bool) -> Test:
    wanted = [
        (keyword, frozenset(map(plain, _listed(values))), _listed(values))
        for keyword, values in clause.items()
    ]

    def test(metadata: Metadata) -> bool:
        for keyword, texts, values in wanted:
            found = value_of(metadata, keyword)
            if found is None or plain(found) not in texts:
                if same_types and found is not None:
                    _refuse_other_type(keyword, values, found, metadata)
                return False
        return True

    return test


def _listed(node: Any) -> Sequence[Any]:
    return node if isinstance(node, list | tuple) else [node]


def _refuse_other_type(keyword: str, values: Sequence[Scalar], found: Scalar, metadata: Metadata) -> None:
    """A plan that asks for names where the model sends numbers would select nothing, and never say so."""
    comparable = any(isinstance(value, str) == isinstance(found, str) for value in values)
    if comparable or not values or (any(is_number(value) for value in values) and is_number(found)):
        return
    kinds = ["a text" if isinstance(value, str) else "a number" for value in (values[0], found)]
    raise InvalidPart(
        f"select asks for {keyword}={values[0]!r}, {kinds[0]}, and field {metadata} has {keyword}={found!r}, "
        f"{kinds[1]}; expected the same type, or '{TYPES}: false' in the plan",
        keyword=keyword,
        metadata=metadata,
    )


def in_words(node: Mapping[str, Any]) -> str:
    """Return a checked block as a person would say it."""
    if "not" in node:
        return f"not ({in_words(node['not'])})"
    for keyword, word in (("any", " or "), ("all", " and ")):
        if keyword in node:
            return word.join(f"({in_words(block)})" for block in node[keyword]) or "nothing"
    return ", ".join(
        f"{verb} {' or '.join(map(_clause_text, _listed(node[keyword]))) or 'nothing'}"
        for keyword, verb in (("match", "only"), ("ignore", "without"))
        if keyword in node
    )


def _clause_text(clause: Mapping[str, Any]) -> str:
    words = (f"{k}={'/'.join(sorted(set(map(plain, _listed(v)))))}" for k, v in clause.items())
    return " and ".join(words) or "everything"
