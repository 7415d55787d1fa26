"""How fast is a store, as fdb-hammer measures it? (hammer)

One process, several on this node (``--processes``), or the ranks of a job that mpiexec or srun started:
each takes its share of the fields of every step. All begin together, and the bandwidth is all bytes by the
time between the first's begin and the last's end.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import IO, TYPE_CHECKING, Any

from dte_hpc.base.errors import InvalidRequest, StorageFailed
from dte_hpc.cli.counts import MAX_RANKS, refuse_outside
from dte_hpc.cli.fdb.show import MIB, bar, print_facts, rate_text, size_text
from dte_hpc.cli.fdb.verb import Verb, store_of, store_options

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB
    from dte_hpc.fdb.upkeep.hammer import Load, Measured


def _arguments(parser: argparse.ArgumentParser) -> None:
    store_options(parser)
    parser.add_argument(
        "grib", nargs="?", metavar="GRIB", help="a message whose header and grid all fields have"
    )
    parser.add_argument("--expver", default="xxxx", dest="of_expver", help="(default xxxx)")
    parser.add_argument("--class", default="rd", dest="of_class", help="(default rd)")
    for name, default, what in (
        ("nsteps", 1, "steps"),
        ("nensembles", 1, "members"),
        ("nlevels", 1, "levels"),
        ("nparams", 1, "parameters"),
        ("step", 0, "the first step"),
        ("number", 1, "the first member"),
        ("level", 1, "the first level"),
        ("start-at", 0, "first field of this process's share of levels x parameters"),
        ("stop-at", -1, "its last field, included"),
        ("processes", 1, "processes on this node, each with a share"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{what} (default {default})"
        )
    parser.add_argument("--levels", metavar="A,B", help="these levels")
    parser.add_argument(
        "--size", type=int, default=MIB, metavar="BYTES", help="of a field, without GRIB (1 MiB)"
    )
    parser.add_argument("--read", action="store_true", help="retrieve instead of writing")
    parser.add_argument("--list", action="store_true", help="list each step instead of writing")
    parser.add_argument(
        "--md-check", action="store_true", help="reading: compare what each message is called"
    )
    parser.add_argument("--full-check", action="store_true", help="reading: compare every byte")
    parser.add_argument("--no-randomise-data", action="store_true", help="the same values in every field")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)


def _hammer(arguments: argparse.Namespace) -> int:
    from dte_hpc.job.launch import is_rank

    if is_rank():
        return _as_ranks(arguments)
    refuse_outside("--processes", arguments.processes, 1, MAX_RANKS, " processes")
    load = _load(arguments)
    _store(arguments).close()
    if arguments.processes > 1:
        _show(_as_processes(load, arguments), arguments)
    elif arguments.part:
        print(json.dumps(asdict(_work(load, arguments))))
    else:
        _show([_work(load, arguments)], arguments)
    return 0


def _load(arguments: argparse.Namespace) -> "Load":
    from dte_hpc.codecs.stream import open_messages
    from dte_hpc.fdb.upkeep.hammer import Load, template_of

    words = {"class": arguments.of_class, "expver": arguments.of_expver}
    words |= {"stream": "enfo", "type": "pf"} if arguments.nensembles > 1 else {}
    if arguments.grib:
        with open_messages(arguments.grib) as messages:
            template, n_values = template_of(bytes(next(messages)), **words)
    else:
        template, n_values = template_of(None, **words)
    return Load(
        template=template,
        n_values=n_values or arguments.size // 2,
        n_steps=arguments.nsteps,
        n_params=arguments.nparams,
        n_levels=arguments.nlevels,
        n_members=arguments.nensembles,
        first_step=arguments.step,
        first_member=arguments.number,
        first_level=arguments.level,
        levels=_numbers(arguments.levels),
        start_at=arguments.start_at,
        stop_at=arguments.stop_at,
        random=not arguments.no_randomise_data,
    )


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in (text or "").split(",") if word)
    except ValueError as error:
        raise InvalidRequest(f"--levels is {text!r}; expected whole numbers with commas between") from error


def _kind(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return what is done to fields, and how that is called."""
    if arguments.read:
        return "read", "reading"
    return ("listed", "listing") if arguments.list else ("written", "writing")


def _work(load: "Load", arguments: argparse.Namespace, *, comm: Any = None) -> "Measured":
    """Do one process's share, beginning together with the others."""
    from dte_hpc.fdb.upkeep import hammer

    progress = bar("fields" if not arguments.list else "steps") if not arguments.part else _quiet
    with _store(arguments) as store:
        reads = arguments.read or arguments.list
        maker = hammer.Maker(load) if not reads or arguments.full_check else None
        _begin_together(arguments, comm)
        if arguments.list:
            return hammer.list_steps(store, load, progress)
        if arguments.read:
            return hammer.read(store, load, maker, progress, md_check=arguments.md_check)
        return hammer.write(store, load, maker or hammer.Maker(load), progress)


def _store(arguments: argparse.Namespace) -> "FDB":
    """Return the store; it must be there when nothing is written."""
    from dte_hpc.base.log import log_trouble
    from dte_hpc.fdb import FDB

    if arguments.read or arguments.list:
        return store_of(arguments)
    return FDB(arguments.config, schema=arguments.schema, listener=log_trouble)


def _quiet(_done: int, _total: int) -> None:
    return


def _begin_together(arguments: argparse.Namespace, comm: Any) -> None:
    if comm is not None:
        comm.Barrier()
    elif arguments.part:
        print("ready", flush=True)
        sys.stdin.readline()


def _as_processes(load: "Load", arguments: argparse.Namespace) -> "list[Measured]":
    """Start processes of this very command, each with its share, and let them begin together."""
    from dte_hpc.fdb.upkeep.hammer import Measured

    shares = [load.share(number, arguments.processes) for number in range(arguments.processes)]
    started = [_start(arguments, *share) for share in shares]
    try:
        for process in started:
            if _pipe(process.stdout).readline() != "ready\n":
                _ended(process)
        for process in started:
            _pipe(process.stdin).write("\n")
            _pipe(process.stdin).flush()
        return [Measured(**json.loads(_ended(process))) for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _pipe(pipe: "IO[str] | None") -> "IO[str]":
    if pipe is None:
        raise ValueError("the process was started without pipes")
    return pipe


def _ended(process: "subprocess.Popen[str]") -> str:
    """Return what a process printed; StorageFailed with its last words if it failed."""
    out, err = process.communicate()
    if process.returncode:
        words = err.strip().splitlines() or [f"status {process.returncode}"]
        raise StorageFailed(f"a process of the hammer failed: {words[-1]}")
    return out


def _start(arguments: argparse.Namespace, start_at: int, stop_at: int) -> "subprocess.Popen[str]":
    words = _words(arguments, start_at, stop_at)
    command = [sys.executable, "-m", "dte_hpc.cli", "fdb", "hammer", *words]
    return subprocess.Popen(  # noqa: S603 - our own words
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _words(arguments: argparse.Namespace, start_at: int, stop_at: int) -> list[str]:
    """Return the words of this command line for one process of several."""
    words = [f"--start-at={start_at}", f"--stop-at={stop_at}", "--part"]
    for name, value in vars(arguments).items():
        option = "--" + name.removeprefix("of_").replace("_", "-")
        if name in _NOT_PASSED_ON or value in (None, False):
            continue
        words.append(option if value is True else f"{option}={value}")
    return words + ([arguments.grib] if arguments.grib else [])


_NOT_PASSED_ON = frozenset(
    "verb fdb_verb fdb_action run grib processes start_at stop_at part json".split(" ")  # noqa: SIM905
)


def _as_ranks(arguments: argparse.Namespace) -> int:
    """Collective over the job: each rank takes a share, rank 0 prints."""
    from dte_hpc.parallel import guard
    from dte_hpc.parallel.mpi import job

    with guard():
        comm = job()
        load = _load(arguments)
        start_at, stop_at = load.share(comm.rank, comm.size)
        arguments.part = comm.rank > 0
        measured = _work(replace(load, start_at=start_at, stop_at=stop_at), arguments, comm=comm)
        together = _gathered(measured, comm)
        if comm.rank == 0:
            _show(together, arguments)
    return 0


def _gathered(measured: "Measured", comm: Any) -> "list[Measured]":
    """Collective: return what every rank measured."""
    import numpy as np

    from dte_hpc.fdb.upkeep.hammer import Measured

    own = np.array(list(asdict(measured).values()), np.float64)
    every = np.empty((comm.size, own.size))
    comm.Allgather(own, every)
    names = list(asdict(measured))
    return [
        Measured(
            **{
                name: int(value) if name.startswith("n_") else value
                for name, value in zip(names, row, strict=True)
            }
        )
        for row in every.tolist()
    ]


def _show(every: "Sequence[Measured]", arguments: argparse.Namespace) -> None:
    n_bytes = sum(one.n_bytes for one in every)
    first, last = min(one.first for one in every), max(one.last for one in every)
    working, making = max(one.seconds for one in every), max(one.making_seconds for one in every)
    kind, doing = _kind(arguments)
    if arguments.json:
        facts = {
            "kind": doing,
            "processes": len(every),
            "fields": sum(one.n_fields for one in every),
            "bytes": n_bytes,
            "seconds": last - first,
            "grib-seconds": making,
            f"{doing}-seconds": working,
            "bytes-per-second": n_bytes / max(last - first, 1e-9),
            "first-io": first,
            "last-io": last,
        }
        print_facts(facts, as_json=True)
        return
    print_facts(
        {
            "Processes": len(every),
            f"Fields {kind}": sum(one.n_fields for one in every),
            f"Bytes {kind}": size_text(n_bytes),
            "Total duration": f"{last - first:.6f} s",
            "GRIB duration": f"{making:.6f} s",
            f"{doing.capitalize()} duration": f"{working:.6f} s",
            "Total rate": rate_text(n_bytes, last - first),
            f"{doing.capitalize()} rate": rate_text(n_bytes, working),
            "Timestamp before first IO": f"{first:.6f}",
            "Timestamp after last IO": f"{last:.6f}",
        }
    )


VERBS = (
    Verb(
        name="hammer",
        summary="measure how fast a store takes, lists or gives back fields, as fdb-hammer does",
        example="--config STORE --nsteps 10 --nlevels 10 --nparams 10 --processes 2",
        arguments=_arguments,
        action=_hammer,
    ),
)
