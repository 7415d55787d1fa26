"""How does an action change which parameter a field is of?"""

import functools
from importlib.resources import files

import numpy as np

from dte_hpc.base.field import PACKING_FACTS, Metadata, Values
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.postproc.naming import spellings, value_of


def param_of(metadata: Metadata) -> str | None:
    """Return the parameter as text, under any of its spellings."""
    found = value_of(metadata, "param")
    return None if found is None else text_of(found)


def with_param(metadata: Metadata, param: Scalar) -> Metadata:
    """Return metadata of another parameter: under each spelling it has, and without what is no longer so."""
    there = [keyword for keyword in ("param", *spellings("param")) if keyword in metadata] or ["param"]
    kept = metadata.without("shortName", "units", *PACKING_FACTS)
    return kept.replace(**dict.fromkeys(there, param))


def times(values: Values, factor: float) -> Values:
    """Return values multiplied in double precision, in their own precision; NaN stays."""
    out = np.empty_like(values)
    np.multiply(values, factor, out=out, dtype=np.float64, casting="same_kind")
    return out


@functools.cache
def table(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a data file of this package: words, without comments."""
    text = (files("dte_hpc.postproc") / "data" / name).read_text(encoding="ascii")
    return tuple(tuple(line.split()) for line in text.splitlines() if line and not line.startswith("#"))
