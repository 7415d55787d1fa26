"""Which region does a file hold?

GeoJSON (``.geojson``, ``.json``) or an ESRI shapefile (``.shp``) in degrees: the union of its polygons. A
file is read where a person names it, on the command line or in a program; no request opens one.
"""

from pathlib import Path

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.esri import polygons_of
from dte_hpc.extract.geojson import polygon_of_geojson
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.shapes import Polygon

_PROJECTED = ("PROJCS", "PROJCRS")


def read_shape(source: str | Path, limits: Limits | None = None) -> Polygon:
    """Return the polygons in a file.

    Raises
    ------
    InvalidRequest
        When the file cannot be read, is too large, or holds what is no polygon in degrees.
    """
    path, limits = Path(source), limits or Limits()
    if path.suffix.lower() == ".shp":
        _refuse_projected(path.with_suffix(".prj"))
        parts = polygons_of(_bytes_of(path, limits), str(path), limits)
        if not parts:
            raise InvalidRequest(f"{path} has no polygon; expected at least one", path=str(path))
        try:
            return Polygon(polygons=parts)
        except InvalidRequest as error:
            raise InvalidRequest(f"{path}: {error}", path=str(path)) from error
    if path.suffix.lower() in (".geojson", ".json"):
        from dte_hpc.extract.request import json_of_text

        text = _bytes_of(path, limits).decode(errors="replace")
        return polygon_of_geojson(json_of_text(text, str(path)), limits, str(path))
    raise InvalidRequest(f"{path} is no file of shapes; expected .shp, .geojson or .json", path=str(path))


def _bytes_of(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limits.request_bytes + 1)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error}", path=str(path)) from error
    if len(data) > limits.request_bytes:
        raise InvalidRequest(f"{path} is larger than {limits.request_bytes} bytes", path=str(path))
    return data


def _refuse_projected(path: Path) -> None:
    """Raise InvalidRequest when the file beside a shapefile says that its numbers are no degrees."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            system = file.read(256).lstrip().upper()
    except OSError:
        return
    if system.startswith(_PROJECTED):
        raise InvalidRequest(
            f"{path} says that the shapes are projected ({system[:40]}); expected longitudes and latitudes",
            path=str(path),
        )
