"""What runs on this rank?

The model's function on model ranks, the IO server on IO ranks, the query loop on extraction ranks.
Everything a rank needs is made before anything starts, and what goes wrong there (a typo in the plan, a
store that cannot be opened) is raised on every rank alike.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.events import Listener
from dte_hpc.base.log import log_trouble
from dte_hpc.ioserver import IOClient, ModelPlans
from dte_hpc.job.config import JobConfig, client_of_job, document_of_job, load_job
from dte_hpc.parallel import Role, World, assign_roles, guard
from dte_hpc.parallel.agree import all_or_none, tell_all
from dte_hpc.parallel.guard import end_job
from dte_hpc.parallel.mpi import Comm, job

JobSource = str | Path | Mapping[str, Any] | JobConfig


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelRank:
    """What a model rank works with.

    Attributes
    ----------
    comm : Comm
        Of the model ranks.
    client : IOClient
        Open; closed when the model's function returns.
    extract : ExtractClient or None
        Asks the extraction ranks; None when the job has none.
    """

    comm: Comm
    client: IOClient
    extract: Any

    @property
    def rank(self) -> int:
        """This rank's place among the model ranks."""
        return int(self.comm.rank)

    @property
    def size(self) -> int:
        """How many model ranks there are."""
        return int(self.comm.size)


def run(model: Callable[[ModelRank], None], source: JobSource, *, listener: Listener = log_trouble) -> None:
    """Run a job whose ranks are all this program: the last ones serve, the others call `model`.

    Collective over the whole job; returns on every rank when the last model rank has returned and
    everything it flushed is stored. An exception on any rank ends the job with a non-zero status.
    """
    with guard():
        config, world = _join(source, _role_in_one_program)
        if world.role is Role.MODEL:
            with _model_rank(world, config, listener) as rank:
                model(rank)
        else:
            _serve(world, config, listener)


@contextlib.contextmanager
def connect(source: JobSource, *, listener: Listener = log_trouble) -> Iterator[ModelRank]:
    """Join a job as a model rank, where ``dte serve`` runs the other ranks.

    Collective over the whole job, at entry and at exit.
    """
    with guard():
        config, world = _join(source, lambda _config, _whole: Role.MODEL)
        with _model_rank(world, config, listener) as rank:
            yield rank


def serve(source: JobSource, role: Role, *, listener: Listener = log_trouble) -> None:
    """Join a job as an IO or extraction rank, until every model rank has closed.

    Collective over the whole job.
    """
    with guard():
        config, world = _join(source, lambda _config, _whole: role)
        _serve(world, config, listener)


def _join(source: JobSource, role_of: Callable[[JobConfig, Comm], Role]) -> tuple[JobConfig, World]:
    """Collective over the whole job: read the job and split it; what one rank cannot do, none does."""
    whole = job()

    def prepare() -> tuple[JobConfig, Role]:
        config = load_job(source)
        return config, role_of(config, whole)

    config, role = all_or_none(whole, prepare)
    return config, World.split(role)


def _role_in_one_program(config: JobConfig, whole: Comm) -> Role:
    return assign_roles(whole.size, whole.rank, io=config.ranks.io, extract=config.ranks.extract)


@contextlib.contextmanager
def _model_rank(world: World, config: JobConfig, listener: Listener) -> Iterator[ModelRank]:
    servers, readers = world.ranks_of(Role.IO), world.ranks_of(Role.EXTRACT)

    def prepare() -> ModelPlans | None:
        if not servers:
            raise InvalidConfig("the job has no IO rank; expected at least one")
        return _model_plans(world, config, listener)

    plans = all_or_none(world.world, prepare)
    extract = _extract_client(world) if readers else None
    with IOClient(world, listener=listener, plans=plans) as client:
        yield ModelRank(comm=world.comm, client=client, extract=extract)
    if extract is not None:
        extract.close()


def _model_plans(world: World, config: JobConfig, listener: Listener) -> ModelPlans | None:
    document = client_of_job(config)
    if document is None:
        return None
    from dte_hpc.postproc.client import ClientPlans

    plans = ClientPlans(document, rank=world.comm.rank, store=config.store, listener=listener, abort=end_job)
    plans.warm()
    return plans


def _extract_client(world: World) -> Any:
    from dte_hpc.extract.ranks import ExtractClient

    return ExtractClient(world)


def _serve(world: World, config: JobConfig, listener: Listener) -> None:
    prepare = _io_loop if world.role is Role.IO else _extract_loop
    loop = all_or_none(world.world, lambda: prepare(world, config, listener))
    loop()


def _io_loop(world: World, config: JobConfig, listener: Listener) -> Callable[[], object]:
    from dte_hpc.ioserver import serve as serve_io
    from dte_hpc.postproc.pipeline import Pipeline
    from dte_hpc.postproc.together import Alone, WithOthers

    flushes_together = config.collective_flush and world.comm.size > 1
    pipeline = Pipeline(
        document_of_job(config).plans,
        server_index=world.comm.rank,
        store=config.store,
        listener=listener,
        together=WithOthers(world.comm) if flushes_together else Alone(),
        checkpoints_together=WithOthers(world.comm) if world.comm.size > 1 else Alone(),
    )

    def loop() -> None:
        _refuse_mixed_flushes(world, config.collective_flush)
        with _meanwhile(pipeline.warm):
            serve_io(world, lambda: pipeline, budget_bytes=config.budget_bytes, listener=listener)

    return loop


def _refuse_mixed_flushes(world: World, together: bool) -> None:
    """Collective over the IO ranks: InvalidConfig when some would wait at every flush for the others."""
    said = [word == b"true" for word in tell_all(world.comm, b"true" if together else b"false")]
    if any(said) and not all(said):
        raise InvalidConfig(
            f"$.collective-flush: found true on IO rank {said.index(True)} and false on IO rank "
            f"{said.index(False)}; expected the same on all IO ranks",
            place="$.collective-flush",
            spokesman=world.ranks_of(Role.IO)[0],
        )


@contextlib.contextmanager
def _meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Run a block while work that makes no MPI call is done beside it; leave when both are done.

    So model ranks are answered, and compute their first fields, while this rank loads what it compiled
    (tenths of a second) or compiles it. An exception in the work ends the job (`guard`).
    """
    thread = threading.Thread(target=work, name="warm")
    thread.start()
    yield
    thread.join()


def _extract_loop(world: World, config: JobConfig, listener: Listener) -> Callable[[], object]:
    from dte_hpc.extract.ranks import serve_extract
    from dte_hpc.fdb import FDB

    if config.store is None:
        raise InvalidConfig(
            "$.store: found nothing; expected the store that extraction ranks read", place="$.store"
        )
    store = FDB(config.store, listener=listener)
    return lambda: serve_extract(world, store, listener=listener, serving=config.extract)
