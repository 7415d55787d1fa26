"""How large may a request be?

The figures a site sets, so that one request cannot take all of a service's memory or time. Each is
checked before anything is read.
"""

from dataclasses import dataclass, fields

from dte_hpc.base.errors import InvalidConfig, InvalidRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most a request may ask for.

    Attributes
    ----------
    vertices : int
        Of all rings, points and path nodes a request writes down.
    points : int
        Grid points of one field that answer it.
    fields : int
        Fields that are touched.
    values : int
        Points times fields: 8 bytes each in the answer.
    request_bytes : int
        Of the JSON text.
    """

    vertices: int = 1_000_000
    points: int = 30_000_000
    fields: int = 1_000_000
    values: int = 200_000_000
    request_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        for f in fields(self):
            if getattr(self, f.name) < 1:
                raise InvalidConfig(
                    f"limit {f.name!r} is {getattr(self, f.name)}; expected at least 1", keyword=f.name
                )

    def refuse_over(self, what: str, found: int, place: str = "$.feature") -> None:
        """Raise InvalidRequest when a request has more of something than this limit allows."""
        allowed = getattr(self, what)
        if found > allowed:
            raise InvalidRequest(
                f"{place}: the request asks for {found} {what}; expected at most {allowed}",
                place=place,
                found=found,
                limit=allowed,
            )
