"""How do ECMWF's packages, and SciPy, post-process?"""

import json
import os
from collections.abc import Callable

import numpy as np
import postproc_work as pw
import work
from plan_theirs import _metadata as metadata
from sample import Sample

NULL = {"type": "null"}
COARSE = {
    "type": "interpolate", "input": [0.25, 0.25], "grid": [1.0, 1.0], "interpolation": "linear",
    "options": {"caching": True},
}  # fmt: skip
PACKINGS = {"simple": "grid_simple", "ccsds": "grid_ccsds"}


def four(sample: Sample) -> None:
    """Four daily statistics of hourly fields."""
    _statistics(sample, "four", pw.FOUR)


def average(sample: Sample) -> None:
    """Daily means of hourly fields."""
    _statistics(sample, "average", ("average",))


def coarse(sample: Sample) -> None:
    """Every field to one degree."""
    _timed(sample, "coarse", [COARSE], n_compared=2)


def plan_simple(sample: Sample) -> None:
    """Fields encoded with simple packing and stored; flush included."""
    _stored(sample, "plan-simple", str(sample.work / "moment.grib"))


def plan_ccsds(sample: Sample) -> None:
    """The same with CCSDS."""
    template = sample.scratch / "ccsds.grib"
    template.write_bytes(_packed((sample.work / "moment.grib").read_bytes(), "ccsds"))
    _stored(sample, "plan-ccsds", str(template))


def weights(sample: Sample) -> None:
    """Make the weights, which `fine` finds again."""
    _regrid(sample, pw.octahedral_fields(1)[0])


def fine(sample: Sample) -> None:
    """O320 to 0.25 degrees by earthkit-geo."""
    fields = pw.octahedral_fields(2)
    _regrid(sample, fields[0])
    with sample.clock():
        for number in range(pw.COUNTS["fine"]):
            out = _regrid(sample, fields[number % 2])
    sample.result = out


def levels(sample: Sample) -> None:
    """O320 to 0.25 degrees, eight levels at once, by SciPy's CSR matrix (32-bit indices)."""
    from scipy.sparse import csr_matrix

    found = np.load(sample.work / "weights.npz")
    matrix = csr_matrix(
        (found["weights"], found["indices"].astype(np.int32), found["indptr"].astype(np.int32)),
        shape=(pw.N_POINTS, 421_120),
    )
    columns = np.ascontiguousarray(np.stack(pw.octahedral_fields(pw.N_LEVELS), axis=1))
    out = matrix @ columns
    with sample.clock():
        for _ in range(pw.COUNTS["levels"] // pw.N_LEVELS):
            out = matrix @ columns
    sample.result = np.ascontiguousarray(out.T).ravel()


def simple(sample: Sample) -> None:
    """Encode by ecCodes, simple packing."""
    _encode(sample, "simple")


def ccsds(sample: Sample) -> None:
    """Encode by ecCodes, CCSDS."""
    _encode(sample, "ccsds")


def header(sample: Sample) -> None:
    """Clone a template and set what differs, and take the message; values are constant."""
    import eccodes

    template = eccodes.codes_new_from_message(_template())
    eccodes.codes_set_array(template, "values", np.zeros(pw.N_POINTS))
    keys = pw.further_keys(pw.COUNTS["header"])
    with sample.clock():
        for key in keys:
            handle = eccodes.codes_clone(template)
            for keyword, value in key.items():
                eccodes.codes_set(handle, "level" if keyword == "levelist" else keyword, value)
            eccodes.codes_get_message(handle)
            eccodes.codes_release(handle)
    sample.result = np.array([len(keys)])


def _statistics(sample: Sample, row: str, operations: tuple[str, ...]) -> None:
    action = {"type": "statistics", "output-frequency": "1d", "operations": list(operations)}
    _timed(sample, row, [action], n_compared=24)


def _timed(sample: Sample, row: str, actions: list[dict], n_compared: int) -> None:
    path = sample.scratch / "compared"
    fields = pw.fields()
    _run([*actions, {"type": "sink", "sinks": [{"type": "file", "path": str(path)}]}], fields, n_compared)
    sample.result = np.fromfile(path)
    _run([*actions, NULL], fields, pw.COUNTS[row], sample.clock)


def _stored(sample: Sample, row: str, template: str) -> None:
    import fdb_theirs

    fields = pw.fields()
    encode = {"type": "encode", "format": "grib", "template": template}
    warm = [encode, {"type": "sink", "sinks": [{"type": "file", "path": str(sample.scratch / "w")}]}]
    _run(warm, fields, 1)
    root = sample.scratch / "store"
    sink = {"type": "fdb5", "config": work.config_of(sample.work, root)}
    _run([encode, {"type": "sink", "sinks": [sink]}], fields, pw.COUNTS[row], sample.clock)
    sample.result = work.decoded(fdb_theirs.read(fdb_theirs.store_at(sample, root), work.encoded_request()))


def _run(actions: list[dict], fields: list[np.ndarray], count: int, clock: Callable | None = None) -> None:
    import contextlib

    import multio
    from mpi4py import MPI  # noqa: F401  # MultIO crashes when it has to initialise MPI itself

    os.environ["MULTIO_PLANS"] = json.dumps({"plans": [{"name": "plan", "actions": actions}]})
    with clock() if clock else contextlib.nullcontext():
        client = multio.Multio()
        client.open_connections()
        for n in range(count):
            client.write_field(metadata(n), fields[n % len(fields)])
        client.flush()
        client.close_connections()


def _regrid(sample: Sample, values: np.ndarray) -> np.ndarray:
    os.environ["MIR_CACHE_PATH"] = str(sample.own)
    from earthkit.geo.grids.array import regrid

    out, _ = regrid(values, in_grid={"grid": "O320"}, out_grid={"grid": [0.25, 0.25]}, interpolation="linear")
    return np.asarray(out).ravel()


def _template() -> bytes:
    """Return a message of an ensemble member on 0.25 degrees."""
    import eccodes

    handle = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
    facts = {
        "tablesVersion": 30, "setLocalDefinition": 1, "Ni": work.COLUMNS, "Nj": work.ROWS,
        "iDirectionIncrementInDegrees": 0.25, "jDirectionIncrementInDegrees": 0.25,
        "latitudeOfFirstGridPointInDegrees": 90.0, "latitudeOfLastGridPointInDegrees": -90.0,
        "longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 359.75,
        "class": "od", "stream": "enfo", "type": "pf", "productDefinitionTemplateNumber": 1,
        "numberOfForecastsInEnsemble": 50, "dataDate": 20260101, "dataTime": 0, "paramId": 130,
        "bitsPerValue": 16,
    }  # fmt: skip
    for keyword, value in facts.items():
        eccodes.codes_set(handle, keyword, value)
    message = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return message


def _packed(message: bytes, packing: str) -> bytes:
    import eccodes

    handle = eccodes.codes_new_from_message(message)
    values = work.model_field(0)
    eccodes.codes_set(handle, "packingType", PACKINGS[packing])
    eccodes.codes_set(handle, "bitsPerValue", 16)
    eccodes.codes_set_array(handle, "values", values)
    message = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return message


def _encode(sample: Sample, packing: str) -> None:
    import eccodes

    handle = eccodes.codes_new_from_message(_packed((sample.work / "moment.grib").read_bytes(), packing))
    fields = pw.fields()
    with sample.clock():
        for n in range(pw.COUNTS[packing]):
            eccodes.codes_set_values(handle, fields[n % len(fields)])
            message = eccodes.codes_get_message(handle)
    sample.result = work.decoded(message)
