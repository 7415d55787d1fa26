"""Do 64 clients of mixed queries get right answers from 3 extraction ranks, for two minutes, and soon?

    python benchmarks/clients.py                       # 4 model ranks with 16 clients each
    python benchmarks/clients.py --seconds 20 --json
    python benchmarks/clients.py --big                 # one client asks for a point, 48 for everything

A client asks, waits, checks every value against the closed form of its field, and asks again. Those of the
first model rank ask small things alone, every second of them for nothing but one point: what they wait for is
the extraction ranks, and not a neighbour's large answer being checked. Two clients of each other model rank
do nothing but take all fields everywhere, in parts. Printed are how long a one-point query
takes when nothing else is asked and under that load (median and 99th percentile), how many queries of each
kind were answered, wrong values, and how much memory each rank has in the middle and in the end. The exit
status is 1 when a value was wrong, a rank grew, or a client waited longer than `LONGEST_SECONDS`.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid as grid_of_name
from dte_hpc.job.launch import environment, is_rank, mpiexec

KEY = {"class": "od", "stream": "oper", "expver": "0001", "date": 20260101, "time": 0, "type": "fc"}
SIMPLE, CCSDS = 130, 131
LEVELS, STEPS = (500, 700, 850), tuple(range(0, 24, 3))
N_MODEL, N_EXTRACT, N_CLIENTS = 4, 3, 16
IDLE_QUERIES = 300
LONGEST_SECONDS = 30.0
GROWN_BYTES = 24 * 1024 * 1024
ERROR_OF_PACKING = 2e-3
POINT, SERIES, COUNTRY, FLIGHT, BOX, STREAM, WRONG = range(7)
NAMES = ("point", "series", "country", "flight", "box", "globe in parts", "refused")
N_STREAMING = 2
SHARES = (20, 25, 15, 15, 20, 0, 5)
SMALL_SHARES = (50, 30, 0, 0, 0, 0, 20)


def wave(latitude, longitude, level, step, param):
    """Return the value everywhere: float64, degrees in."""
    lat, lon = np.deg2rad(latitude), np.deg2rad(longitude - 15 * step)
    return 250 + param / 10 + level / 100 + 20 * np.cos(lat) * np.sin(lon) + 5 * np.sin(3 * lat)


def fill(root, grid):
    """Write the fields: one parameter in grid_simple, one in grid_ccsds."""
    latitude, longitude = grid_of_name(grid).coordinates()
    with FDB(root) as store:
        for param, packing in ((SIMPLE, "simple"), (CCSDS, "ccsds")):
            for level in LEVELS:
                for step in STEPS:
                    metadata = {
                        **KEY,
                        "levtype": "pl",
                        "grid": grid,
                        "param": param,
                        "levelist": level,
                        "step": step,
                    }
                    values = wave(latitude, longitude, level, step, param)
                    field = Field(metadata=Metadata(metadata), values=values)
                    store.archive(GribEncoder(Packing(packing=packing)).encode(field))


def request_of(kind, chance):
    """Return a request of a kind, somewhere."""
    param = chance.choice((SIMPLE, CCSDS))
    latitude, longitude = chance.uniform(-85, 80), chance.uniform(-180, 170)
    one = {"levelist": str(chance.choice(LEVELS)), "step": str(chance.choice(STEPS))}
    all_steps = {"levelist": str(chance.choice(LEVELS)), "step": "/".join(map(str, STEPS))}
    box = [[latitude + 5, longitude], [latitude - 5, longitude + 10]]
    feature, words = {
        POINT: ({"type": "position", "points": [[latitude, longitude]]}, one),
        SERIES: ({"type": "timeseries", "points": [[latitude, longitude]], "axis": "step"}, all_steps),
        COUNTRY: ({"type": "country", "country": chance.choice(("France", "Brazil", "Norway"))}, all_steps),
        FLIGHT: (
            {
                "type": "trajectory",
                "points": [[49, 2, 500, 0], [41, -74, 850, 9]],
                "inflation": [0.5, 0.5, 80, 1.6],
            },
            {},
        ),
        BOX: ({"type": "boundingbox", "points": box}, all_steps),
        STREAM: (
            {"type": "boundingbox", "points": [[90, -180], [-90, 180]]},
            {"levelist": "/".join(map(str, LEVELS)), "step": "/".join(map(str, STEPS))},
        ),
        WRONG: (
            {"type": "timeseries", "points": [[latitude, longitude]], "axis": "step"},
            {**one, "step": "5"},
        ),
    }[kind]
    key = {name: str(value) for name, value in KEY.items()}
    return {**key, "levtype": "pl", "param": str(param), **words, "feature": feature}


class Truth:
    """The closed form on a grid, prepared: what a field is made of, at each of its points."""

    def __init__(self, grid):
        self.latitude, self.longitude = grid_of_name(grid).coordinates()
        lat, lon = np.deg2rad(self.latitude), np.deg2rad(self.longitude)
        self.sine, self.cosine = 20 * np.cos(lat) * np.sin(lon), 20 * np.cos(lat) * np.cos(lon)
        self.rest = 250 + 5 * np.sin(3 * lat)

    def n_wrong(self, answer):
        """Return how many values and coordinates of an answer are wrong by more than packing explains."""
        apart = np.abs(self.latitude[answer.index] - answer.latitude)
        apart += np.abs(self.longitude[answer.index] - answer.longitude)
        wrong = int(np.count_nonzero(~(apart < 1e-9)))
        for row in range(answer.n_fields):
            at, turned = answer.index[answer.points_of(row)], np.deg2rad(15 * answer.step[row])
            exact = self.sine[at] * np.cos(turned) - self.cosine[at] * np.sin(turned) + self.rest[at]
            exact += float(answer.column("param")[row]) / 10 + answer.level[row] / 100
            apart = np.abs(exact - answer.values_of(row))
            wrong += int(np.count_nonzero(~(apart <= ERROR_OF_PACKING)))
        return wrong


def rss_bytes():
    """Return the memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class Client:
    """One of many users of a model rank: asks, and asks again when it has its answer."""

    def __init__(self, number, client, chance, truth, n_streaming):
        self.n_streaming = n_streaming
        self.number, self.client, self.chance, self.truth = number, client, chance, truth
        self.counts = dict.fromkeys(NAMES, 0)
        self.n_wrong, self.n_values, self.longest = 0, 0, 0.0
        self.waits = {name: [] for name in NAMES}
        self.ask()

    def ask(self):
        """Ask for something."""
        self.kind = self.kind_of_query()
        request = request_of(self.kind, self.chance)
        ask = self.client.ask_parts if self.kind == STREAM else self.client.ask
        self.pending = ask(request, user=self.number)
        self.parts = self.pending.parts() if self.kind == STREAM else None
        self.asked = time.perf_counter()

    def kind_of_query(self):
        """Return what kind of query this client asks next."""
        if self.number >= N_CLIENTS:
            streams = self.number % N_CLIENTS < self.n_streaming
            return STREAM if streams else self.chance.choices(range(7), SHARES)[0]
        return POINT if self.number % 2 == 0 else self.chance.choices(range(7), SMALL_SHARES)[0]

    def take(self):
        """Take what is ready; whether the query is over."""
        from dte_hpc.base.errors import FieldNotFound

        name = NAMES[self.kind]
        if self.kind == STREAM:
            part = next(self.parts, None)
            if part is not None:
                self.check(part.answer)
                leaves = self.chance.random() < 0.01  # some clients have seen enough
                if not leaves:
                    return False
                self.parts.close()
        else:
            try:
                self.check(self.pending.answer())
            except FieldNotFound:
                self.n_wrong += self.kind != WRONG
        waited = time.perf_counter() - self.asked
        self.waits[name].append(waited)
        self.longest = max(self.longest, waited)
        self.counts[name] += 1
        return True

    def check(self, answer):
        """Compare every value."""
        self.n_values += answer.values.size
        self.n_wrong += self.truth.n_wrong(answer)


def idle(client, chance):
    """Return the seconds of one-point queries while nobody else asks."""
    waits = []
    for n in range(IDLE_QUERIES + 20):
        request = request_of(POINT, chance)
        start = time.perf_counter()
        client.extract(request)
        if n >= 20:
            waits.append(time.perf_counter() - start)
    return waits


def load(asking, first, chance, truth, seconds, *, big):
    """Run this rank's clients; return them and the rank's memory as it went."""
    n_clients = 1 if big and not first else N_CLIENTS
    n_streaming = N_CLIENTS if big else N_STREAMING
    clients = [Client(first + n, asking, chance, truth, n_streaming) for n in range(n_clients)]
    start, memory = time.perf_counter(), []
    while (now := time.perf_counter() - start) < seconds:
        ready = asking.wait_any([client.pending for client in clients])
        client = next(client for client in clients if client.pending is ready)
        if client.take():
            client.ask()
        clients.append(clients.pop(clients.index(client)))  # to the back: each has its turn
        if now > len(memory) * seconds / 20:
            memory.append(rss_bytes())
    for client in clients:
        client.parts.close() if client.parts else client.pending.cancel()
    return clients, memory


def report(waits, clients, memory):
    """Return what this rank saw, as plain values."""
    return {
        "idle": waits,
        "waits": {name: [w for client in clients for w in client.waits[name]] for name in NAMES},
        "n_wrong": sum(client.n_wrong for client in clients),
        "n_values": sum(client.n_values for client in clients),
        "n_answers": [sum(client.counts.values()) for client in clients],
        "longest": max(client.longest for client in clients),
        "memory": memory,
    }


def ranks(folder, grid, seconds, *, big):
    """Be one rank of the job: the first ones ask, the others answer."""
    from dte_hpc.extract.ranks import ExtractClient, serve_extract
    from dte_hpc.parallel import Role, World, guard
    from dte_hpc.parallel.mpi import job
    from dte_hpc.parallel.waiting import finish

    with guard():
        _remember_memory(folder)
        role = Role.MODEL if job().rank < N_MODEL else Role.EXTRACT
        world = World.split(role)
        if role is Role.EXTRACT:
            serve_extract(world, FDB(folder / "store"))
            return
        rank, chance = world.comm.rank, random.Random(world.comm.rank)
        with ExtractClient(world) as client:
            waits = idle(client, chance) if rank == 0 else []
            finish(world.comm.Ibarrier())
            clients, memory = load(client, rank * N_CLIENTS, chance, Truth(grid), seconds, big=big)
        told = report(waits, clients, memory)
        (folder / f"model{rank}.json").write_text(json.dumps(told))


def _remember_memory(folder):
    """Have a thread write down this process's memory once a second."""
    import threading

    path = folder / f"memory{os.getpid()}"

    def look():
        while True:
            with path.open("a") as file:
                file.write(f"{time.time()} {rss_bytes()}\n")
            time.sleep(1)

    threading.Thread(target=look, daemon=True).start()


def table(folder, seconds):
    """Return the figures of all ranks."""
    told = [json.loads(path.read_text()) for path in sorted(folder.glob("model*.json"))]
    waits = {name: np.array([w for one in told for w in one["waits"][name]]) for name in NAMES}
    idle_waits = np.array(told[0]["idle"])
    grown = []
    for path in folder.glob("memory*"):
        used = np.array([int(line.split()[1]) for line in path.read_text().splitlines()])
        if used.size > 20:
            third = used.size // 3  # the first third is warming up
            grown.append((int(np.median(used[third : 2 * third])), int(np.median(used[2 * third :]))))
    answers = [n for one in told for n in one["n_answers"]]
    return {
        "seconds": seconds,
        "clients": len(answers),
        "queries": sum(answers),
        "values": sum(one["n_values"] for one in told),
        "wrong": sum(one["n_wrong"] for one in told),
        "fewest answers of a client": min(answers),
        "longest wait": max(one["longest"] for one in told),
        "idle p50 ms": 1e3 * float(np.percentile(idle_waits, 50)),
        "idle p99 ms": 1e3 * float(np.percentile(idle_waits, 99)),
        "load p50 ms": 1e3 * float(np.percentile(told[0]["waits"]["point"], 50)),
        "load p99 ms": 1e3 * float(np.percentile(told[0]["waits"]["point"], 99)),
        "kinds": {
            name: {
                "n": w.size,
                "p50 ms": 1e3 * float(np.median(w)),
                "p99 ms": 1e3 * float(np.percentile(w, 99)),
            }
            for name, w in waits.items()
            if w.size
        },
        "memory MB, middle and last third": sorted((round(a / 1e6, 1), round(b / 1e6, 1)) for a, b in grown),
        "most grown MB": max(((b - a) / 1e6 for a, b in grown), default=0.0),
    }


def main():
    """Run the job and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--grid", default="O320", help="of the fields (48 of them)")
    parser.add_argument("--folder", default="/dev/shm", help="where the store is made")
    parser.add_argument("--big", action="store_true", help="a small query behind nothing but big ones")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rank", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if is_rank():
        ranks(Path(arguments.rank), arguments.grid, arguments.seconds, big=arguments.big)
        return 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        fill(folder / "store", arguments.grid)
        command = [mpiexec(), "-n", str(N_MODEL + N_EXTRACT), sys.executable, __file__]
        words = ["--rank", str(folder), "--seconds", str(arguments.seconds), "--grid", arguments.grid]
        words += ["--big"] * arguments.big
        subprocess.run([*command, *words], check=True, env=environment(), timeout=arguments.seconds + 300)
        found = table(folder, arguments.seconds)
    print(json.dumps(found, indent=1) if arguments.json else "\n".join(f"{k}: {v}" for k, v in found.items()))
    bad = (
        found["wrong"]
        or found["longest wait"] > LONGEST_SECONDS
        or found["most grown MB"] * 1e6 > GROWN_BYTES
    )
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
