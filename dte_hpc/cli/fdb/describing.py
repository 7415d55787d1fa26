"""What is a store, and is it whole? (info, schema, dump, check)"""

import argparse
import datetime
from typing import TYPE_CHECKING, Any

import dte_hpc
from dte_hpc.cli.fdb.requests import OF_A_LIST, answers, error_options, refuse_no_data, request_options
from dte_hpc.cli.fdb.show import print_facts, print_json, print_json_array, size_text
from dte_hpc.cli.fdb.verb import Verb, store_of, store_options

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB
    from dte_hpc.fdb.files.database import Database
    from dte_hpc.fdb.upkeep.dump import DumpedRecord
    from dte_hpc.fdb.upkeep.summary import DatabaseStats


def databases_of(store: "FDB", arguments: argparse.Namespace) -> "list[Database]":
    """Return the databases that requests are about; FieldNotFound if there is none."""
    found = answers(arguments, store, lambda request: [status.where for status in store.status(request)])
    wanted = {where for each in found for where in each}
    databases = [database for database in store.databases() if database.where in wanted]
    refuse_no_data(bool(databases), arguments)
    return databases


def _info(arguments: argparse.Namespace) -> int:
    store = store_of(arguments)
    listing, everything = store.list(), store.list(masked=True)
    facts = {
        "version": dte_hpc.__version__,
        "roots": [str(root) for root in store.config.readable_roots()],
        "striping": [f"{root}: {how}" for root, how in store.striping().items()],
        "schema": store.schema.source,
        "databases": len(store.databases()),
        "fields": len(listing),
        "bytes": int(listing.length.sum()),
        "masked-fields": len(everything) - len(listing),
        "masked-bytes": int(everything.length.sum()) - int(listing.length.sum()),
    }
    print_facts(facts, as_json=arguments.json)
    return 0


def _schema_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser)
    error_options(parser)


def _schema(arguments: argparse.Namespace) -> int:
    """Print the configured schema, or those of the databases that requests name."""
    store = store_of(arguments)
    schemas = {store.schema.source: store.schema}
    if arguments.requests:
        schemas = {d.where: d.schema() or store.schema for d in databases_of(store, arguments)}
    if arguments.json:
        print_json([{"source": source, "text": schema.text} for source, schema in schemas.items()])
        return 0
    for source, schema in schemas.items():
        heading = f"# {source}\n" if arguments.requests else ""
        print(heading + schema.text.rstrip("\n"))
    return 0


def _dump_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_LIST)
    error_options(parser)
    parser.add_argument("--simple", action="store_true", help="one line a record")


def _dump(arguments: argparse.Namespace) -> int:
    from dte_hpc.fdb.upkeep.dump import dump

    store = store_of(arguments)
    databases = databases_of(store, arguments)
    if arguments.json:
        print_json_array(
            {"location": d.where, "records": [_record_facts(entry) for entry in dump(d)]} for d in databases
        )
        return 0
    for database in databases:
        print(f"{database.where}/toc")
        for entry in dump(database):
            print(_record_text(entry, simple=arguments.simple))
    return 0


def _record_facts(entry: "DumpedRecord") -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kind": entry.kind,
        "toc-offset": entry.start,
        "toc-length": entry.stop - entry.start,
    }
    record = entry.record
    if record is None:
        return facts
    return {
        **facts,
        "counts": entry.counts,
        "stands-for": [record.start, record.stop],
        "timestamp-ns": record.time_ns,
        "sequence": record.sequence,
        "fields": record.n_fields,
        "path": record.index,
        "offset": record.offset,
        "length": record.length,
        "checksum": f"{record.checksum:016x}",
        "files": list(entry.files),
        "axes": {keyword: list(values) for keyword, values in entry.axes.items()},
        "damage": entry.damage,
    }


def _record_text(entry: "DumpedRecord", *, simple: bool) -> str:
    record = entry.record
    if record is None:
        return f"GAP  bytes {entry.start} to {entry.stop} of the toc hold no record"
    moment = datetime.datetime.fromtimestamp(record.time_ns / 1e9, datetime.UTC)
    state = entry.damage or ("counts" if entry.counts else "others stand for it")
    what = f"flush {record.sequence}, {record.n_fields} fields, {state}"
    lines = [
        f"{entry.kind}  {moment:%Y-%m-%d %H:%M:%S.%f}, {what}",
        f"path: {record.index}, offset: {record.offset}, length: {record.length}",
    ]
    if simple:
        return "  ".join(lines)
    lines += ["Files:", *(f"  {file}" for file in entry.files), "Axes:"]
    lines += [f"  {keyword}: {'/'.join(values)}" for keyword, values in entry.axes.items()]
    return "\n  ".join(lines) + "\n"


def _stats_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_LIST)
    error_options(parser)
    parser.add_argument("--details", action="store_true", help="a report for each database too")


def _stats(arguments: argparse.Namespace) -> int:
    store = store_of(arguments)
    found = [stats for each in answers(arguments, store, store.stats) for stats in each]
    refuse_no_data(bool(found), arguments)
    if arguments.json:
        details = [{"location": s.where, **_summed([s])} for s in found]
        print_json({**_summed(found), **({"details": details} if arguments.details else {})})
        return 0
    for stats in found if arguments.details else ():
        print(f"\n{stats.where}")
        _print_stats([stats])
    print("\nSummary:\n========\n")
    _print_stats(found)
    return 0


def _summed(found: "list[DatabaseStats]") -> dict[str, int]:
    """Return figures of databases together, by fdb-stats' names."""

    def total(name: str) -> int:
        return sum(getattr(stats, name) for stats in found)

    reachable, duplicates = total("n_bytes"), total("n_masked_bytes")
    return {
        "fields": total("n_fields") + total("n_masked"),
        "fieldsSize": reachable + duplicates,
        "duplicates": total("n_masked"),
        "duplicatesSize": duplicates,
        "reachable": total("n_fields"),
        "reachableSize": reachable,
        "databases": len(found),
        "tocRecords": total("n_flushes"),
        "tocSize": total("toc_bytes"),
        "ownedDataFiles": total("n_data_files"),
        "ownedDataSize": reachable + duplicates,
        "indexFiles": total("n_index_files"),
        "indexSize": total("index_bytes"),
        "totalSize": reachable + duplicates + total("index_bytes") + total("toc_bytes"),
    }


_STATS = {
    "Fields": "fields",
    "Size of fields": "fieldsSize",
    "Duplicated fields": "duplicates",
    "Size of duplicates": "duplicatesSize",
    "Reachable fields": "reachable",
    "Reachable size": "reachableSize",
    "Databases": "databases",
    "TOC records": "tocRecords",
    "Size of TOC files": "tocSize",
    "Owned data files": "ownedDataFiles",
    "Size of owned data files": "ownedDataSize",
    "Index files": "indexFiles",
    "Size of index files": "indexSize",
    "Total size": "totalSize",
}


def _print_stats(found: "list[DatabaseStats]") -> None:
    figures = _summed(found)
    for name, figure in _STATS.items():
        value = figures[figure]
        print(f"{name:<32}: {size_text(value) if 'ize' in name else f'{value:,}'}")


def _axes_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    request_options(parser, OF_A_LIST)
    error_options(parser)
    parser.add_argument("--level", type=int, choices=(1, 2, 3), default=3, help="levels of the keys to show")


def _axes(arguments: argparse.Namespace) -> int:
    from dte_hpc.fdb.naming.cubes import in_order

    store = store_of(arguments)
    together: dict[str, dict[str, None]] = {}
    for axes in answers(arguments, store, lambda request: store.axes(request, level=arguments.level)):
        for keyword, values in axes.items():
            together.setdefault(keyword, {}).update(dict.fromkeys(values))
    refuse_no_data(bool(together), arguments)
    shown = {keyword: list(in_order(values)) for keyword, values in together.items()}
    if arguments.json:
        print_json(shown)
        return 0
    for keyword, texts in shown.items():
        print(f"{keyword}={'/'.join(texts)}")
    return 0


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    parser.add_argument("--no-data", action="store_true", help="do not read the messages themselves")


def _check(arguments: argparse.Namespace) -> int:
    from dte_hpc.fdb.upkeep.check import check

    report = check(store_of(arguments), data=not arguments.no_data)
    findings = [{"where": f.where, "what": f.what, "damage": f.damage} for f in report.findings]
    facts: dict[str, Any] = {
        "databases": report.n_databases,
        "fields": report.n_fields,
        "bytes": report.n_bytes,
        "damaged": report.is_damaged,
    }
    if arguments.json:
        print_facts({**facts, "findings": findings}, as_json=True)
        return int(report.is_damaged)
    for finding in report.findings:
        print(f"{'damage' if finding.damage else 'leftover'}: {finding.where}: {finding.what}")
    print_facts({**facts, "bytes": size_text(report.n_bytes)})
    return int(report.is_damaged)


VERBS = (
    Verb(
        name="info",
        summary="say where a store is and count its databases, fields and bytes",
        example="--config STORE",
        arguments=store_options,
        action=_info,
    ),
    Verb(
        name="schema",
        summary="print the schema of a store, or of the databases that requests name",
        example="--config STORE class=od,expver=0001,date=20260101",
        arguments=_schema_arguments,
        action=_schema,
    ),
    Verb(
        name="dump",
        summary="print every record of the databases' tocs, and what its segment holds",
        example="--config STORE class=od,expver=0001,date=20260101 --simple",
        arguments=_dump_arguments,
        action=_dump,
    ),
    Verb(
        name="stats",
        summary="count fields, bytes and files of the databases that requests are about",
        example="--config STORE class=od,expver=0001 --details",
        arguments=_stats_arguments,
        action=_stats,
    ),
    Verb(
        name="axes",
        summary="print the values that the keywords of fields which answer requests have",
        example="--config STORE class=od,expver=0001,date=20260101 --level 2",
        arguments=_axes_arguments,
        action=_axes,
    ),
    Verb(
        name="check",
        summary="verify toc, indexes and every message; the status is 1 if something is damaged",
        example="--config STORE --no-data",
        arguments=_check_arguments,
        action=_check,
    ),
)
