"""What is post-processing promised to be, beside MultIO, MIR, SciPy and ecCodes?

A `Promise` is a row of the table; `GROWTH` are the pieces of work that grow.
"""

from cases import Case
from fdb_rows import Promise

MULTIO, EARTHKIT, SCIPY, ECCODES = "pymultio 2.12", "earthkit-geo 1.2", "SciPy CSR", "ecCodes"
SAME_STEP = 4e-4  # K: 22 K in 16 bits
SAME_SUM = 1e-9  # K: sums in another order
PROMISES = (
    ("four", "average, minimum, maximum, accumulate", MULTIO, 96, 2.5, {"tolerance": 1e-6}),
    ("average", "average alone", MULTIO, 192, 1.0, {"tolerance": SAME_SUM}),
    ("coarse", "interpolate 0.25° to 1°, weights cached", MULTIO, 200, 1.0, {"tolerance": SAME_SUM}),
    ("fine", "O320 to 0.25°, linear", EARTHKIT, 20, 10.0, {"fill": "weights", "tolerance": SAME_SUM}),
    ("levels", "the same, 8 levels at once", SCIPY, 40, 1.2, {"fill": "weights", "tolerance": SAME_SUM}),
    ("simple", "encode simple, 16 bits: set_values + get_message", ECCODES, 32, 5.0, {}),
    ("ccsds", "encode CCSDS, 16 bits: set_values + get_message", ECCODES, 32, 1.5, {}),
    ("header", "header of a further field of a kind", ECCODES, 2000, 0.0, {"floor": False}),
    ("plan-simple", "plan, simple packing, to the store", MULTIO, 48, 3.0, {"tolerance": SAME_STEP}),
    ("plan-ccsds", "plan, CCSDS, to the store", MULTIO, 48, 1.5, {"tolerance": SAME_STEP}),
)
HEADER_UNDER_SECONDS = 50e-6
GRIDS = ("O96", "O320", "O640", "O1280", "O2560")
N_OPERATIONS = (1, 2, 5, 10, 20, 50, 100)


def promises() -> tuple[Promise, ...]:
    """Return all rows."""
    return tuple(
        Promise(
            case=Case(
                name=name,
                title=title,
                peer=peer,
                area="postproc",
                function=name.replace("-", "_"),
                count=count,
                **more,
            ),
            at_least=at_least,
            under=HEADER_UNDER_SECONDS if name == "header" else 0.0,
        )
        for name, title, peer, count, at_least, more in PROMISES
    )
