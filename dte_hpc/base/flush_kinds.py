"""Which kinds of flush are there, and which of them keep the state of a run?

MultIO's ``flushKind`` names (ecmwf/multio 2.11, ``src/multio/action/statistics``): four of them write a
checkpoint where a plan asks for one.
"""

import difflib

from dte_hpc.base.errors import InvalidConfig

DEFAULT, CLOSE = "default", "close-connection"
RESTARTS = ("step-and-restart", "last-step", "end-of-simulation", CLOSE)
KINDS = (DEFAULT, "first-step", *RESTARTS)


def check_kind(kind: str) -> str:
    """Return a kind of flush; InvalidConfig when there is none of this name."""
    if kind in KINDS:
        return kind
    near = difflib.get_close_matches(str(kind), KINDS, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise InvalidConfig(f"flush of kind {str(kind)[:80]!r}{hint}; expected one of {', '.join(KINDS)}")
