"""Which pieces of work are compared?

One row of the table each. What a row does is in the modules ``AREA_ours``, ``AREA_theirs`` and, for the
floor, ``AREA_floor``, under one name.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row.

    Attributes
    ----------
    name : str
        For the command line.
    title : str
        What it does, for the table.
    peer : str
        Who does it on the other side.
    area, function : str
        Where the work is written.
    fill : str
        The function that fills the stores it reads; empty when it reads none.
    floor : bool
        Whether there is a least to measure.
    count : int
        What the time is divided by.
    per : str
        What one of those is.
    size : int
        How large the work is, where it comes in several sizes.
    tolerance : float
        Largest difference of numbers that is still the same answer.
    """

    name: str
    title: str
    peer: str
    area: str
    function: str
    fill: str = ""
    floor: bool = True
    count: int = 1
    per: str = ""
    size: int = 0
    tolerance: float = 0.0


FDB, JUMP, POLYTOPE, MULTIO = "pyfdb", "pygribjump", "polytope-python", "pymultio"
SAME_POINT = 1e-5  # degrees: Polytope rounds coordinates
PACKING_STEP = 4e-4  # K: 22 K in 16 bits; a mean summed in another order may fall on the next step

CASES = (
    Case(
        name="archive-grib", title="archive 200 x 1 MB, key from the header", peer=FDB,
        area="fdb", function="archive_grib", count=200, per="field",
    ),
    Case(
        name="archive-key", title="archive 200 x 1 MB, key given", peer=FDB,
        area="fdb", function="archive_identifier", count=200, per="field",
    ),
    Case(
        name="list-columns", title="list 100,000 fields: columns | keys()", peer=FDB,
        area="fdb", function="list_columns", fill="fill_small", floor=False,
    ),
    Case(
        name="list-objects", title="list 100,000 fields: a mapping a field", peer=FDB,
        area="fdb", function="list_objects", fill="fill_small", floor=False,
    ),
    Case(
        name="retrieve-many", title="retrieve 200 x 1 MB, one request", peer=FDB,
        area="fdb", function="retrieve_whole", fill="fill_1mb", count=200, per="field",
    ),
    Case(
        name="retrieve-single", title="retrieve 500 x 100 KB, a request each", peer=FDB,
        area="fdb", function="retrieve_single", fill="fill_100kb", count=500, per="request",
    ),
    Case(
        name="point-simple", title="1 point of 1 field, simple, O320", peer=JUMP,
        area="points", function="one_simple", fill="fill", count=100, per="query",
    ),
    Case(
        name="point-ccsds", title="1 point of 1 field, CCSDS, O320", peer=JUMP,
        area="points", function="one_ccsds", fill="fill", floor=False, count=100, per="query",
    ),
    Case(
        name="points-simple", title="100 points of 100 fields, simple, O320", peer=JUMP,
        area="points", function="many_simple", fill="fill",
    ),
    Case(
        name="points-ccsds", title="100 points of 100 fields, CCSDS, O320", peer=JUMP,
        area="points", function="many_ccsds", fill="fill", floor=False,
    ),
    Case(
        name="country", title="country of 150 vertices, 1 field, O1280", peer=POLYTOPE,
        area="points", function="country", fill="fill", floor=False, tolerance=SAME_POINT,
    ),
    Case(
        name="plan-encode", title="plan: encode simple, store; 48 x 8.3 MB", peer=MULTIO,
        area="plan", function="encode", count=48, per="field",
    ),
    Case(
        name="plan-average", title="plan: daily mean of hourly; 96 x 8.3 MB", peer=MULTIO,
        area="plan", function="average", floor=False, count=96, per="field", tolerance=PACKING_STEP,
    ),
)  # fmt: skip
