"""What does a request ask for?

A JSON object: MARS keywords that name fields (see `mars_words`), and a ``feature`` that says which of their
points are wanted (see `feature`). ``reduce`` says what becomes of the values (see `reduce`). ``format`` may
be given and must be CoverageJSON, as polytope-mars has it. Everything is checked here, before a store is
looked into.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from dte_hpc.base.errors import DteError, InvalidRequest
from dte_hpc.base.request import Request
from dte_hpc.extract.as_feature import plain_feature
from dte_hpc.extract.feature import Feature, parse_feature
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.mars_words import Wanted, keyword_of, wanted_of
from dte_hpc.extract.reduce import Reduction, parse_reduction
from dte_hpc.extract.times import Span
from dte_hpc.extract.written import refused

FORMATS = ("covjson", "application/json+covjson", "application/prs.coverage+json")
_OWN = ("feature", "format", "reduce")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointRequest:
    """Fields, and the points wanted of them.

    Attributes
    ----------
    fields : Request
        In MARS's words; without the keywords of `spans`.
    feature : Feature
        The points.
    spans : Mapping[str, Span]
        Keywords whose stored values between two bounds are wanted, by the words or by the feature.
    names : tuple of tuple of str
        Of each parameter name that several parameters share, their numbers: any of them will do.
    reduction : Reduction or None
        What becomes of the values.
    """

    fields: Request
    feature: Feature
    spans: Mapping[str, Span] = field(default_factory=dict)
    names: tuple[tuple[str, ...], ...] = ()
    reduction: Reduction | None = None


def parse_request(given: Mapping[str, Any], limits: Limits | None = None) -> PointRequest:
    """Return a request that was checked as far as it can be without a store.

    Raises
    ------
    InvalidRequest
        Whose sentence begins with the place of the mistake (``$.feature.points[1]``).
    """
    if not isinstance(given, Mapping):
        raise refused("$", given, "a mapping of MARS keywords and a feature")
    if "feature" not in given:
        raise refused("$", given, "a keyword 'feature' among the MARS keywords")
    form = given.get("format", FORMATS[0])
    if form not in FORMATS:
        raise refused("$.format", form, " or ".join(FORMATS))
    feature = parse_feature(plain_feature(given["feature"]), limits or Limits())
    words = {word: value for word, value in given.items() if word not in _OWN}
    _refuse_contradictions(words, feature)
    wanted = wanted_of({**words, **feature.wanted})
    _refuse_too_little(wanted, words, feature)
    return PointRequest(
        fields=wanted.fields,
        spans={**wanted.spans, **feature.spans},
        names=wanted.names,
        feature=feature,
        reduction=parse_reduction(given["reduce"]) if "reduce" in given else None,
    )


def read_request(source: str | Path, limits: Limits | None = None) -> dict[str, Any]:
    """Return the JSON object in a file; InvalidRequest names the line of a mistake."""
    path, allowed = Path(source), (limits or Limits()).request_bytes
    try:
        if path.stat().st_size > allowed:
            raise InvalidRequest(f"{path} is larger than {allowed} bytes", path=str(path))
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, DteError):
            raise
        raise InvalidRequest(f"{path} cannot be read: {error}", path=str(path)) from error
    return request_of_text(text, str(path))


def request_of_text(text: str, source: str = "the request") -> dict[str, Any]:
    """Return the JSON object that text is."""
    given = json_of_text(text, source)
    if not isinstance(given, dict):
        raise refused("$", given, "a mapping of MARS keywords and a feature")
    return given


def json_of_text(text: str, source: str) -> Any:
    """Return what JSON says; InvalidRequest names the line of a mistake, or a keyword given twice."""

    def refuse(word: str) -> NoReturn:
        raise InvalidRequest(f"{source}: found {word}; expected finite numbers", path=source)

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=_once_each)
    except InvalidRequest:
        raise
    except json.JSONDecodeError as error:
        where = f"{source}, line {error.lineno}, column {error.colno}"
        raise InvalidRequest(f"{where} is not JSON: {error.msg}", path=source) from error
    except RecursionError as error:
        raise InvalidRequest(f"{source}: found lists nested without end", path=source) from error
    except ValueError as error:
        raise InvalidRequest(f"{source} has a number that is none: {error}", path=source) from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; a keyword given twice is a mistake, where the last would win unseen."""
    given = dict(pairs)
    if len(given) < len(pairs):
        words = [word for word, _ in pairs]
        twice = next(word for word in given if words.count(word) > 1)
        raise InvalidRequest(f"the request has the keyword {twice!r} twice; expected it once", keyword=twice)
    return given


def _refuse_contradictions(words: Mapping[str, Any], feature: Feature) -> None:
    given = {keyword_of(str(word)): word for word in words}
    for keyword in (*feature.spans, *feature.wanted):
        for said in ("date", "time") if keyword == "datetime" else (keyword,):
            if said in given:
                raise InvalidRequest(
                    f"$.{given[said]}: overspecified: {said} is given both here and in the feature; "
                    "expected one",
                    place=f"$.{given[said]}",
                )
    if feature.kind == "verticalprofile" and words.get("levtype") == "sfc":
        raise refused("$.levtype", "sfc", "a levtype with levels for a vertical profile (pl, ml)")


def _refuse_too_little(wanted: Wanted, words: Mapping[str, Any], feature: Feature) -> None:
    """Raise InvalidRequest when a series or profile is not said along what."""
    axis = feature.axis
    known = {*map(keyword_of, map(str, words)), *wanted.spans, *feature.spans, *feature.wanted}
    if axis and not known & ({"date", "datetime"} if axis == "datetime" else {axis}):
        kind = "time series" if feature.kind == "timeseries" else "profile"
        raise InvalidRequest(
            f"$.feature: underspecified: the {kind} runs along {axis}, which neither the request nor "
            f"feature.range gives; expected one of them",
            place="$.feature",
        )
