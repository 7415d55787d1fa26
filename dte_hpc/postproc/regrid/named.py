"""What is a field called once it lies on another grid? As before, and MultIO's words for the new grid.

Keywords: ecmwf/multio ``action/interpolate/Interpolate.cc``. ``grid`` is ours and says all.
"""

from dte_hpc.base.field import PACKING_FACTS, Metadata
from dte_hpc.base.key import Scalar
from dte_hpc.grids import Grid
from dte_hpc.postproc.naming import spellings

OLD = (
    *("domain", "atlas-grid-kind", "Ni", "Nj", "north", "west", "south", "east", "Nside"),
    *("west_east_increment", "south_north_increment", "orderingConvention", "gridName"),
    *("sphericalHarmonics", "complexPacking", "pentagonalResolutionParameterJ"),
    *("pentagonalResolutionParameterK", "pentagonalResolutionParameterM", "subSetJ", "subSetK", "subSetM"),
)
_TYPES = {
    "octahedral": "reduced_gg",
    "reduced_gaussian": "reduced_gg",
    "regular_gaussian": "regular_gg",
    "unstructured": "unstructured_grid",
}


def words_of(target: Grid) -> dict[str, Scalar]:
    """Return MultIO's keywords for a grid."""
    words: dict[str, Scalar] = {"gridType": _TYPES.get(target.kind, target.kind)}
    if target.name[0] == "H" and target.name[1:].rstrip("n").isdecimal():
        nested = target.name.endswith("n")
        words |= {"gridType": "HEALPix", "Nside": int(target.name[1:].rstrip("n"))}
        words["orderingConvention"] = "nested" if nested else "ring"
    elif target.kind == "regular_ll":
        latitude, longitude = target.coordinates_of([0, target.n_points - 1])
        dx, dy = map(float, target.name.split("/")[:2])
        n_rows = round(float(latitude[0] - latitude[1]) / dy) + 1
        words |= {"Ni": target.n_points // n_rows, "Nj": n_rows}
        words |= {"west_east_increment": dx, "south_north_increment": dy}
        words |= {"north": float(latitude[0]), "south": float(latitude[1])}
        words |= {"west": float(longitude[0]), "east": float(longitude[1])}
    return words


def renamed(metadata: Metadata, target: Grid, words: dict[str, Scalar], missing: bool) -> Metadata:
    """Return a field's metadata on its new grid; words are those of `words_of`."""
    kept = {k: v for k, v in metadata.items() if k not in OLD and k not in PACKING_FACTS}
    for keyword in ("globalSize", "precision", "bitmapPresent"):
        if any(kept.pop(each, None) is not None for each in (keyword, *spellings(keyword))):
            facts: dict[str, Scalar] = {
                "globalSize": target.n_points,
                "precision": "double",
                "bitmapPresent": missing,
            }
            kept[f"misc-{keyword}" if keyword != "bitmapPresent" else keyword] = facts[keyword]
    return Metadata({**kept, **words, "grid": target.name})
