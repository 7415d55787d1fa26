"""How large may a request be?

The figures a site sets, so that one request cannot take all of a service's memory or time. Each is
checked before anything is read; seconds, which nobody knows before, while it is read.
"""

from dataclasses import dataclass, fields, replace

from dte_hpc.base.errors import InvalidConfig, InvalidRequest

_NO_LIMIT = 2**62
_FOUND = {"bytes": "asks for {} bytes of field data", "request_bytes": "is {} bytes of JSON"}


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
        Points times fields: 8 bytes each in an answer that is held whole. An answer in parts has no such
        limit.
    bytes : int
        Of field data to be read, as `explain.estimate` finds them.
    seconds : float
        Of work: looking up, geometry and reading, over all ranks.
    request_bytes : int
        Of the JSON text.
    """

    vertices: int = 1_000_000
    points: int = 30_000_000
    fields: int = 1_000_000
    values: int = 200_000_000
    bytes: int = 1 << 40
    seconds: float = 3600.0
    request_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        for f in fields(self):
            least, found = (0 if f.name == "seconds" else 1), getattr(self, f.name)
            if not found >= least:
                raise InvalidConfig(f"limit {f.name!r} is {found}; expected at least {least}", keyword=f.name)

    def of_parts(self) -> "Limits":
        """Return the limits of an answer that is never held whole."""
        return replace(self, values=_NO_LIMIT)

    def refuse_over(self, what: str, found: int, place: str = "$.feature") -> None:
        """Raise InvalidRequest when a request has more of something than this limit allows."""
        allowed = getattr(self, what)
        if found > allowed:
            told = _FOUND.get(what, f"asks for {{}} {what}").format(found)
            raise InvalidRequest(
                f"{place}: the request {told}; expected at most {allowed}",
                place=place,
                found=found,
                limit=allowed,
            )

    def refuse_slow(self, seconds: float, done: int, total: int, what: str = "values") -> None:
        """Raise InvalidRequest when a request has taken more time than this allows and is not done."""
        if seconds > self.seconds and done < total:
            raise InvalidRequest(
                f"$: the request was stopped after {seconds:.3g} seconds of work, with {done} of {total} "
                f"{what} read; expected at most {self.seconds:g} seconds",
                place="$",
                found=seconds,
                limit=self.seconds,
                done=done,
                total=total,
            )
