"""Shapes from JSON, and the running numbers of the points in them: for ECMWF's package and for ours.

Run by the Python that has polytope-python: reads cases from standard input, writes the numbers of each.
"""

import json
import sys
import warnings

import numpy as np
import xarray

CYCLIC = {
    "axis_config": [{"axis_name": "d", "transformations": [{"name": "cyclic", "range": [0, 9]}]}],
    "compressed_axes_config": [],
}
PLAIN = {"compressed_axes_config": []}


def array_of(name):
    """Return the cube of a name, and its options."""
    axes = {"a": np.arange(4), "b": np.arange(5) * 10.0, "c": np.arange(6) / 10, "d": np.arange(9)}
    numbers = np.arange(4.0 * 5 * 6 * 9).reshape(4, 5, 6, 9)
    return xarray.DataArray(
        numbers, dims=tuple(axes), coords=axes, name="n"
    ), CYCLIC if name == "cyclic" else PLAIN


def shape_of(shapes, node):
    """Return a shape from [class, arguments], whose arguments may be shapes."""
    kind, *arguments = node
    made = [shape_of(shapes, a) if isinstance(a, list) and a and a[0] in NAMES else a for a in arguments]
    return getattr(shapes, kind)(*made)


NAMES = [
    "Select",
    "Span",
    "All",
    "Box",
    "Disk",
    "Ellipsoid",
    "Polygon",
    "Path",
    "PathSegment",
    "Segment",
    "Union",
    "ConvexPolytope",
    "Point",
]


def numbers(polytope, request, shapes, cases):
    """Return for each case [cube, shapes] the sorted numbers of its points."""
    apis = {name: polytope(*array_of(name)) for name in {name for name, _ in cases}}
    found = []
    for name, nodes in cases:
        if polytope.__module__.startswith("polytope_feature"):  # one of theirs answers a single request
            apis[name] = polytope(*array_of(name))
        result = apis[name].retrieve(request(*(shape_of(shapes, node) for node in nodes)))
        values = [np.ravel(leaf.result[1]) for leaf in result.leaves if len(leaf.result) == 2]
        found.append(sorted(set(np.concatenate([np.empty(0), *values]).astype(int).tolist())))
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    from polytope_feature import shapes
    from polytope_feature.polytope import Polytope, Request

    print(json.dumps(numbers(Polytope, Request, shapes, json.load(sys.stdin))))
