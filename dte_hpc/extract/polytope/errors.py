"""What may be wrong with shapes and axes?

The names users of `polytope_feature` catch, each a child of `InvalidRequest` and of the builtin it is there.
"""

from dte_hpc.base.errors import InvalidRequest


class PolytopeError(InvalidRequest):
    """Root of what a request of shapes can have wrong."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show its sentence in quotes


class AxisOverdefinedError(PolytopeError, KeyError):
    """An axis is in two shapes of a request that are not one union."""


class AxisUnderdefinedError(PolytopeError, KeyError):
    """An axis with more than one value is in no shape of a request."""


class AxisNotFoundError(PolytopeError, KeyError):
    """A shape has an axis that the datacube does not have."""


class UnsliceableShapeError(PolytopeError, KeyError):
    """A shape with an extent meets an axis whose values have no order."""


class BadRequestError(PolytopeError):
    """Nothing is stored of what ``pre_path`` and the shapes select."""


class BadGridError(PolytopeError):
    """The grid of the data is not the one of the options, or none that points can be found on."""
