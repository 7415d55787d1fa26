"""How are the rows of an answer written as text: CSV and GeoJSON?

Rows are made and written some ten thousand at a time (`Records.parts`). What is missing is empty in CSV and
null in GeoJSON; times are ISO 8601 in UTC, steps hours.
"""

import csv
import json
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.answer import Answer
from dte_hpc.extract.records import Records


def write_csv(answer: Answer, file: TextIO) -> None:
    """Write one line a point of each member, level and time: coordinates, then a column a parameter."""
    records = Records(answer)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*records.coordinates, *records.variables])
    for columns in records.parts():
        writer.writerows(zip(*(listed(name, values) for name, values in columns.items()), strict=True))


def write_geojson(answer: Answer, file: TextIO) -> None:
    """Write a FeatureCollection (RFC 7946): a point feature a row, coordinates and values its properties.

    Longitudes are between -180 and 180, as the RFC has them.
    """
    records = Records(answer)
    file.write('{"type":"FeatureCollection","features":[')
    between = ""
    for columns in records.parts():
        west = (columns.pop("longitude") + 180.0) % 360.0 - 180.0
        north = columns.pop("latitude").tolist()
        names = list(columns)
        rows = zip(*(listed(name, values) for name, values in columns.items()), strict=True)
        for place, row in zip(zip(west.tolist(), north, strict=True), rows, strict=True):
            feature = {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": place},
                "properties": dict(zip(names, row, strict=True)),
            }
            file.write(between + json.dumps(feature, separators=(",", ":"), allow_nan=False))
            between = ",\n"
    file.write("]}\n")


def listed(name: str, values: NDArray[Any]) -> list[Any]:
    """Return a column as plain values: None for missing, text for times, hours for steps."""
    if values.dtype.kind == "M":
        return [
            f"{text}Z" if text != "NaT" else None for text in np.datetime_as_string(values, unit="s").tolist()
        ]
    if values.dtype.kind == "m":
        return _numbers(values / np.timedelta64(3_600_000_000_000, "ns"))
    return _numbers(values)


def _numbers(values: NDArray[Any]) -> list[Any]:
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return values.tolist()  # type: ignore[no-any-return]
    return [None if value != value else value for value in values.tolist()]
