"""What is the figure of the Earth that a projected grid is drawn on?

A sphere of a radius in metres (``6371229``), or an ellipsoid of two half axes (``6378137x6356752.314``).
"""

import math
import re
from dataclasses import dataclass

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.numbers import metres_text

FIGURE = r"\d{6,9}(?:\.\d{1,6})?(?:x\d{6,9}(?:\.\d{1,6})?)?"
_SHAPE = re.compile(FIGURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earth:
    """A sphere or an ellipsoid of revolution.

    Attributes
    ----------
    major_metres, minor_metres : float
        Half axes: to the equator and to the pole.
    """

    major_metres: float
    minor_metres: float

    def __post_init__(self) -> None:
        if not 1e5 <= self.minor_metres <= self.major_metres <= 1e9:
            raise InvalidGrid(
                f"the half axes of the Earth are {self.major_metres:g} and {self.minor_metres:g} metres; "
                "expected 100 km to 1,000,000 km, the polar one not the longer"
            )

    @classmethod
    def of_text(cls, text: str) -> "Earth":
        """Return the figure that a name has."""
        if not _SHAPE.fullmatch(text):
            raise InvalidGrid(f"the figure of the Earth is {text[:40]!r}; expected metres: R, or AxB")
        major, _, minor = text.partition("x")
        return cls(major_metres=float(major), minor_metres=float(minor or major))

    @property
    def text(self) -> str:
        """How a name has it."""
        major, minor = metres_text(self.major_metres), metres_text(self.minor_metres)
        return major if major == minor else f"{major}x{minor}"

    @property
    def eccentricity(self) -> float:
        """0 for a sphere."""
        return math.sqrt(1 - (self.minor_metres / self.major_metres) ** 2)
