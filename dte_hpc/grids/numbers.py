"""How are the numbers of a grid's name written and read?

Degrees to a millionth, which is what GRIB2 can say; metres to a thousandth. Written once, so that a name is
the same whoever makes it.
"""

import re

from dte_hpc.base.errors import InvalidGrid

NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d{0,12})?|\.\d{1,12})"


def degrees_text(number: float) -> str:
    """Return degrees as a name has them: at most six decimals, none that is not needed."""
    return f"{round(number, 6) + 0.0:.6f}".rstrip("0").rstrip(".")


def metres_text(number: float) -> str:
    """Return metres as a name has them: at most three decimals, none that is not needed."""
    return f"{round(number, 3) + 0.0:.3f}".rstrip("0").rstrip(".")


def numbers_of(text: str) -> list[float]:
    """Return the numbers between slashes."""
    return [float(number) for number in text.split("/")]


def pattern_of(*words: str) -> re.Pattern[str]:
    """Return what matches words with a number for each `#`, a whole number for each `@`, with slashes."""
    parts = {"#": f"({NUMBER})", "@": r"(\d{1,9})"}
    return re.compile("/".join(parts.get(word, word) for word in words), re.IGNORECASE)


def refuse_off_sphere(name: str, *, latitudes: tuple[float, ...], longitudes: tuple[float, ...]) -> None:
    """Raise InvalidGrid unless latitudes lie within 90 degrees and longitudes within 720."""
    for what, most, values in (("latitude", 90, latitudes), ("longitude", 720, longitudes)):
        for value in values:
            if not abs(value) <= most:
                raise InvalidGrid(
                    f"grid {name!r} has the {what} {value:g}; expected at most {most} degrees", name=name
                )
