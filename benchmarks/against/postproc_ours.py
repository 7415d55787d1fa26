"""How does dte_hpc post-process, in one process?"""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import postproc_work as pw
import work
from postproc_rows import GRIDS, N_OPERATIONS
from sample import Sample

from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs import GribEncoder, Packing
from dte_hpc.grids import grid
from dte_hpc.ioserver import LocalClient
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.plugs import ACTIONS, find

AGGREGATE, NULL, RAW = {"type": "aggregate"}, {"type": "null"}, {"type": "encode", "format": "raw"}
DAILY = {"type": "statistics", "output-frequency": "1d"}


def four(sample: Sample) -> None:
    """Four daily statistics of hourly fields."""
    _timed(sample, "four", [{**DAILY, "operations": list(pw.FOUR)}], n_compared=24)


def average(sample: Sample) -> None:
    """Daily means of hourly fields."""
    _timed(sample, "average", [{**DAILY, "operations": ["average"]}], n_compared=24)


def coarse(sample: Sample) -> None:
    """Every field to one degree."""
    action = {"type": "interpolate", "grid": "1/1", "weights": str(sample.own)}
    _timed(sample, "coarse", [action], n_compared=2)


def plan_simple(sample: Sample) -> None:
    """Fields encoded with simple packing and stored; flush included."""
    _stored(sample, "plan-simple", "simple")


def plan_ccsds(sample: Sample) -> None:
    """The same with CCSDS."""
    _stored(sample, "plan-ccsds", "ccsds")


def weights(sample: Sample) -> None:
    """Make the weights that `fine` and `levels` use on both sides."""
    from dte_hpc.postproc.regrid.weights import load_weights

    found = load_weights("O320", "0.25/0.25", "linear", sample.own)
    np.savez(sample.work / "weights.npz", indptr=found.indptr, indices=found.indices, weights=found.weights)


def fine(sample: Sample) -> None:
    """O320 to 0.25 degrees, a field at a time."""
    _interpolated(sample, "fine", pw.octahedral_fields(2), n_kept=1)


def levels(sample: Sample) -> None:
    """O320 to 0.25 degrees, fields of eight levels given one after the other, brought over together."""
    _interpolated(
        sample, "levels", pw.octahedral_fields(pw.N_LEVELS), n_kept=pw.N_LEVELS, at_once=pw.N_LEVELS
    )


def simple(sample: Sample) -> None:
    """Encode, simple packing."""
    _encode(sample, "simple")


def ccsds(sample: Sample) -> None:
    """Encode, CCSDS."""
    _encode(sample, "ccsds")


def header(sample: Sample) -> None:
    """Make the headers of further fields of one kind, all keys given."""
    from dte_hpc.codecs.headers import HeaderMaker

    maker, points = HeaderMaker(ccsds=False), grid("0.25/0.25")
    kind = {**work.key(1, 500), "class": "od", "stream": "enfo", "type": "pf", "grid": "0.25/0.25"}
    named = [Metadata({**kind, **key}) for key in pw.further_keys(pw.COUNTS["header"])]
    for metadata in named[:100]:
        maker.header(metadata, pw.N_POINTS, points)
    with sample.clock():
        for metadata in named:
            maker.header(metadata, pw.N_POINTS, points)
    sample.result = np.array([len(named)])


def grids_growth(sample: Sample) -> None:
    """Note nanoseconds a value of four statistics and of both packings, on grids of growing size."""
    for name in GRIDS:
        n_points = grid(name).n_points
        values = 270 + 20 * np.sin(np.linspace(0, 400, n_points)) + np.random.default_rng(1).random(n_points)
        count = max(2, 20_000_000 // n_points)
        taken = _action({**DAILY, "operations": list(pw.FOUR)}, values, name)
        sample.figures[f"{name} four"] = _each(taken, count) / n_points * 1e9
        for packing in ("simple", "ccsds"):
            encoder = GribEncoder(Packing(packing=packing))
            field = Field(metadata=Metadata({**work.key(1, 500), "grid": name}), values=values)
            sample.figures[f"{name} {packing}"] = (
                _each(lambda _n, e=encoder, f=field: e.encode(f), count) / n_points * 1e9
            )
    sample.result = np.array([len(GRIDS)])


def operations_growth(sample: Sample) -> None:
    """Note milliseconds a field of 0.25 degrees for so many operations in one pass."""
    values = work.model_field(0)
    for count in N_OPERATIONS:
        chosen = [*pw.FOUR, *({"operation": "probability", "above": 260 + 0.2 * n} for n in range(100))]
        taken = _action({**DAILY, "operations": chosen[:count]}, values, "0.25/0.25")
        sample.figures[str(count)] = _each(taken, 20) * 1e3
    sample.result = np.array([len(N_OPERATIONS)])


def threads_growth(sample: Sample) -> None:
    """Note by how much two threads with a plan each are faster than one."""
    values = work.model_field(0)
    encoders = [GribEncoder(Packing(packing="ccsds")) for _ in range(2)]
    field = Field(metadata=Metadata({**work.key(1, 500), "grid": "0.25/0.25"}), values=values)
    taken = [_action({**DAILY, "operations": list(pw.FOUR)}, values, "0.25/0.25") for _ in range(2)]
    for name, work_of in (
        ("ccsds", [lambda n, e=encoder: e.encode(field) for encoder in encoders]),
        ("four", taken),
    ):
        alone = _each(work_of[0], 20)
        _each(work_of[1], 20)
        with ThreadPoolExecutor(2) as pool:
            start = time.perf_counter()
            list(pool.map(lambda each: [each(n) for n in range(23, 43)], work_of))
            together = (time.perf_counter() - start) / 20
        sample.figures[name] = 2 * alone / together
    sample.result = np.array([2])


def _timed(sample: Sample, row: str, actions: list[dict], n_compared: int) -> None:
    path = sample.scratch / "compared"
    fields = pw.fields()
    sink = {"type": "sink", "sinks": [{"type": "file", "path": str(path)}]}
    _run([AGGREGATE, *actions, RAW, sink], fields, n_compared)
    sample.result = np.fromfile(path)
    _run([AGGREGATE, *actions, NULL], fields, pw.COUNTS[row], sample.clock)


def _stored(sample: Sample, row: str, packing: str) -> None:
    from dte_hpc.fdb import FDB

    fields = pw.fields()
    encode = {"type": "encode", "format": "grib", "packing": packing, "bits-per-value": 16}
    warm = {"type": "sink", "sinks": [{"type": "file", "path": str(sample.scratch / "w")}]}
    _run([AGGREGATE, encode, warm], fields, 3)
    config = {
        "type": "local",
        "schema": str(sample.work / "schema"),
        "spaces": [{"roots": [{"path": str(sample.scratch / "store")}]}],
    }
    sink = {"type": "sink", "sinks": [{"type": "fdb5", "config": config}]}
    _run([AGGREGATE, encode, sink], fields, pw.COUNTS[row], sample.clock)
    sample.result = work.decoded(FDB(config).retrieve(work.encoded_request()).read())


def _run(actions: list[dict], fields: list[np.ndarray], count: int, clock: Callable | None = None) -> None:
    indices = np.arange(pw.N_POINTS)
    pipeline = Pipeline(load_plans([{"name": "plan", "actions": actions}]))
    pipeline.warm()
    with LocalClient(pipeline) as client:
        client.write_domain("atm", indices, global_size=indices.size, grid="0.25/0.25")
        with clock() if clock else contextlib.nullcontext():
            for n in range(count):
                metadata = {**work.key(n + 1, 500), "step": n + 1, "domain": "atm"}
                client.write_field(metadata, fields[n % len(fields)])
            client.flush()


def _interpolated(sample: Sample, row: str, fields: list[np.ndarray], n_kept: int, at_once: int = 1) -> None:
    action = {
        "type": "interpolate",
        "grid": "0.25/0.25",
        "weights": str(sample.own),
        "fields-at-once": at_once,
    }
    made = _built(action)
    kept: list[np.ndarray] = []

    def give(n: int) -> list[np.ndarray]:
        metadata = Metadata({**work.key(n // len(fields), 1 + n % len(fields)), "grid": "O320"})
        item = MaskedField(field=Field(metadata=metadata, values=fields[n % len(fields)]))
        return [out.field.values for out in made.process(item)]

    for n in range(len(fields)):
        give(n)
    made.flush()
    with sample.clock():
        for n in range(pw.COUNTS[row]):
            kept = [*kept, *give(n)][-n_kept:]
    sample.result = np.concatenate(kept)


def _encode(sample: Sample, packing: str) -> None:
    encoder = GribEncoder(Packing(packing=packing))
    fields = pw.fields()
    named = [
        Metadata({**work.key(n, 500), "step": n, "grid": "0.25/0.25"}) for n in range(pw.COUNTS[packing])
    ]
    for n in range(3):
        encoder.encode(Field(metadata=named[n], values=fields[n]))
    with sample.clock():
        for n, metadata in enumerate(named):
            encoded = encoder.encode(Field(metadata=metadata, values=fields[n % len(fields)]))
    sample.result = work.decoded(bytes(encoded.message))


def _built(action: dict) -> object:
    (plan,) = load_plans([{"name": "plan", "actions": [AGGREGATE, action, NULL]}])
    config = plan.actions[1]
    built = find(ACTIONS, action["type"])(config.options, Context())
    built.warm()
    return built


def _action(action: dict, values: np.ndarray, grid_name: str) -> Callable[[int], object]:
    """Return what gives an action the field of step n + 1."""
    built = _built(action)

    def give(n: int) -> object:
        metadata = Metadata({**work.key(n + 1, 500), "step": n + 1, "grid": grid_name})
        return list(built.process(MaskedField(field=Field(metadata=metadata, values=values))))

    return give


def _each(give: Callable[[int], object], count: int) -> float:
    """Return seconds a call, after three that are not counted."""
    for n in range(3):
        give(n)
    start = time.perf_counter()
    for n in range(3, 3 + count):
        give(n)
    return (time.perf_counter() - start) / count
