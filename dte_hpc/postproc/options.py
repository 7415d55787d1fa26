"""How are an action's or sink's options read so that every mistake is reported, not the first only?"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from dte_hpc.base.config import struct
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.action import Options

Kind = TypeVar("Kind", bound=Options)


def read_options(
    kind: type[Kind], node: Mapping[str, Any], place: str
) -> tuple[Kind | None, list[InvalidConfig]]:
    """Return the options a mapping holds (None when unreadable), and all that is wrong with it.

    A keyword that is refused is set aside and the rest is read again, so that each of several bad
    keywords is named. Keyword ``type`` says which options these are, and is left alone.
    Where MultIO writes a keyword with underscores, the class says so in ``OTHER_WORDS``.
    """
    errors: list[InvalidConfig] = []
    others: Mapping[str, str] = getattr(kind, "OTHER_WORDS", {})
    left = {others.get(keyword, keyword): value for keyword, value in node.items() if keyword != "type"}
    while True:
        try:
            options = struct(kind, left, place)
            break
        except InvalidConfig as error:
            bad = _keyword_at(str(error.facts.get("place", place)), place, left)
            if not (errors and bad is None):
                errors.append(error)
            if bad is None:
                return None, errors
            del left[bad]
    own = options.mistakes(place)  # of what is left; what the whole lacks may be what was set aside
    errors += [error for error in own if not (errors and error.facts.get("place") == place)]
    return (None if errors else options), errors


def _keyword_at(error_place: str, place: str, node: Mapping[str, Any]) -> str | None:
    inside = error_place.removeprefix(place + ".")
    fitting = [
        keyword for keyword in node if inside == keyword or inside.startswith((f"{keyword}.", f"{keyword}["))
    ]
    return max(fitting, key=len, default=None)


def near(found: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` when something known is near, else nothing."""
    close = difflib.get_close_matches(found, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
