"""Read only the points inside a shape."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dte_hpc.cli.progress import ProgressBar
from dte_hpc.cli.roots import open_store

if TYPE_CHECKING:
    from dte_hpc.extract import Account, Answer, Options
    from dte_hpc.extract.explain import Explanation
    from dte_hpc.fdb import FDB

SUMMARY = "read only the points inside a shape (a series, profile, box, polygon, circle, country, path)"
EXAMPLE = "dte extract flight.json --store /scratch/store --output flight.covjson --plot flight.png"
MAX_ROWS = 24
BAR_AFTER_SECONDS = 1.0
LIMITS = {
    "points": (int, "asks for more points of a field"),
    "fields": (int, "touches more fields"),
    "values": (int, "asks for more values: points times fields"),
    "bytes": (int, "would read more bytes of field data"),
    "seconds": (float, "takes longer, and say how far it came"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("request", metavar="REQUEST.json", help="MARS keywords and a feature")
    parser.add_argument(
        "--shape", metavar="FILE", type=Path, help="the feature: polygons in a .shp, .geojson or .json file"
    )
    parser.add_argument("--store", metavar="ROOT", help="the store: a root, or FDB's configuration (YAML)")
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="write the answer, as the suffix says: .covjson, .nc, .zarr, .geojson, .csv, .parquet, .npz; "
        "may be given several times",
    )
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw the answer: .png, .pdf or .svg")
    parser.add_argument("--explain", action="store_true", help="say what would be read, and read nothing")
    parser.add_argument("--gap-bytes", type=int, default=None, help="read pieces this near as one")
    for name, (kind, told) in LIMITS.items():
        parser.add_argument(f"--max-{name}", type=kind, metavar="N", help=f"refuse a request that {told}")
    parser.add_argument("--json", action="store_true", help="print the account as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Answer one request, with all ranks when a launcher started several; return the exit status."""
    from dte_hpc.job.launch import is_rank

    options = _options(arguments)
    if is_rank() and not arguments.explain:
        return _together(arguments, options)
    store = _store_to_read(arguments)
    request = _request(arguments, options)
    return (
        _explain(arguments, store, request, options)
        if arguments.explain
        else _alone(arguments, store, request, options)
    )


def _request(arguments: argparse.Namespace, options: "Options") -> dict[str, Any]:
    """Return the request, with the shape of a file as its feature when one is given."""
    from dte_hpc.base.errors import InvalidRequest
    from dte_hpc.extract.as_feature import as_feature
    from dte_hpc.extract.request import read_request
    from dte_hpc.extract.shape_file import read_shape

    request = read_request(arguments.request, options.limits)
    if arguments.shape is None:
        return request
    feature = request.get("feature", {})
    if not isinstance(feature, dict) or feature.get("type", "shapefile") not in ("shapefile", "geojson"):
        raise InvalidRequest(
            "$.feature: found a feature and --shape; expected one of them", place="$.feature"
        )
    kept = {word: feature[word] for word in ("thin",) if word in feature}
    return {**request, "feature": {**as_feature(read_shape(arguments.shape, options.limits)), **kept}}


def _options(arguments: argparse.Namespace) -> "Options":
    from dte_hpc.extract import Limits, Options, ReadPolicy

    given = {name: getattr(arguments, f"max_{name}") for name in LIMITS}
    policy = ReadPolicy() if arguments.gap_bytes is None else ReadPolicy(gap_bytes=arguments.gap_bytes)
    return Options(
        limits=Limits(**{name: limit for name, limit in given.items() if limit is not None}),
        policy=policy,
        progress=ProgressBar("values", shown=sys.stderr.isatty(), after_seconds=BAR_AFTER_SECONDS),
    )


def _alone(arguments: argparse.Namespace, store: "FDB", request: dict[str, Any], options: "Options") -> int:
    from dte_hpc.extract import extract

    _show(arguments, extract(store, request, options=options))
    return 0


def _together(arguments: argparse.Namespace, options: "Options") -> int:
    """Collective over the job: rank 0 reads the request and prints."""
    from dte_hpc.extract import extract
    from dte_hpc.parallel import guard
    from dte_hpc.parallel.agree import all_or_none
    from dte_hpc.parallel.mpi import job

    with guard():
        comm = job()
        store, request = all_or_none(
            comm,
            lambda: (
                _store_to_read(arguments),
                _request(arguments, options) if comm.rank == 0 else {},
            ),
        )
        answer = extract(store, request, comm=comm, options=options)
        if comm.rank == 0:
            _show(arguments, answer)
    return 0


def _explain(arguments: argparse.Namespace, store: "FDB", request: dict[str, Any], options: "Options") -> int:
    from dte_hpc.extract.cost import measured
    from dte_hpc.extract.explain import explain
    from dte_hpc.extract.run import plan

    query, account = plan(store, request, options)
    found = explain(query, account, options.policy, measured())
    if arguments.json:
        print(json.dumps(found.as_dict(), indent=1))
        return 0
    print(f"{found.fields} fields, {found.values} values on {', '.join(found.grids)}; nothing was read")
    for line in (*_explained(found), *_figures(account)):
        print(line)
    return 0


def _explained(found: "Explanation") -> list[str]:
    ranges, points = sum(found.ranges), sum(found.points)
    sets = f" in {len(found.points):,} sets" if len(found.points) > 1 else ""
    rows = [
        ("fields by packing", ", ".join(f"{n:,} {name}" for name, n in found.packings.items())),
        ("points of a grid", f"{points:,} in {ranges:,} index ranges{sets}"),
        ("bytes of the answer", f"{found.answer_bytes:,}"),
        ("seconds to read", f"{found.read_seconds:.4f} on one rank, from memory"),
    ]
    return [f"{name:<30} {value}" for name, value in rows]


def _show(arguments: argparse.Namespace, answer: "Answer") -> None:
    written = _write(arguments, answer)
    if arguments.json:
        print(json.dumps({"feature": answer.kind, "account": answer.account.as_dict()}, indent=1))
        return
    for line in (*_figures(answer.account), "", *_summary(answer)):
        print(line)
    if written:
        print(f"\nwritten: {', '.join(map(str, written))}", file=sys.stderr)


def _write(arguments: argparse.Namespace, answer: "Answer") -> list[Path]:
    """Write the files and the picture that were asked for; return their names."""
    from dte_hpc.extract.files import draw_answer, write_answer

    for path in arguments.output:
        write_answer(answer, path)
    if arguments.plot is not None:
        draw_answer(answer, arguments.plot)
    return [*arguments.output, *([arguments.plot] if arguments.plot is not None else [])]


def _store_to_read(arguments: argparse.Namespace) -> "FDB":
    """Return the store; InvalidRequest for a file that could not be written, before anything is read."""
    from dte_hpc.base.errors import InvalidRequest
    from dte_hpc.extract.files import check_picture, writer_of

    if arguments.explain and (arguments.output or arguments.plot):
        raise InvalidRequest("found --explain and a file to write; expected one of them")
    for path in arguments.output:
        writer_of(path)
    if arguments.plot is not None:
        check_picture(arguments.plot)
    return open_store(arguments.store)


def _figures(account: "Account") -> list[str]:
    rows = [
        ("fields", f"{account.fields:,}"),
        ("points", f"{account.points:,}"),
        ("points in the box around them", f"{account.points_bounding_box:,}"),
        ("bytes requested", f"{account.bytes_requested:,}"),
        ("bytes read", f"{account.bytes_read:,} in {account.reads:,} reads"),
        ("bytes of block offsets read", f"{account.bytes_index:,}"),
        ("bytes decoded", f"{account.bytes_decoded:,}"),
        ("bytes of the whole fields", f"{account.bytes_whole_fields:,}"),
        ("bytes of the fields in the box", f"{account.bytes_bounding_box:,}"),
        ("not read", f"{100 * account.reduction:.5f} % of the whole fields"),
        ("ranks", f"{account.ranks}"),
        ("seconds", " + ".join(f"{name} {value:.4f}" for name, value in account.seconds.items())),
    ]
    return [f"{name:<30} {value}" for name, value in rows]


def _summary(answer: "Answer") -> list[str]:
    """Return a line for each parameter: how many values, the least, the mean, the greatest."""
    import numpy as np

    from dte_hpc.codecs.parameters import parameter
    from dte_hpc.extract.groups import variables

    lines = [f"{'parameter':<14}{'values':>10}{'missing':>9}{'least':>14}{'mean':>14}{'greatest':>14}  unit"]
    for name, rows in list(variables(answer).items())[:MAX_ROWS]:
        values = np.concatenate([answer.values_of(row) for row in rows.tolist()])
        known = values[~np.isnan(values)]
        figures = [known.min(), known.mean(), known.max()] if known.size else [np.nan] * 3
        unit = parameter(str(answer.column("param")[rows[0]])).units
        numbers = "".join(f"{figure:>14.6g}" for figure in figures)
        lines.append(f"{name:<14}{values.size:>10,}{values.size - known.size:>9,}{numbers}  {unit}")
    return lines
