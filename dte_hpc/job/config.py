"""What does a job file say?

::

    ranks: {io: 1, extract: 1}     # one program: the last ranks of the world; the rest are the model
    budget-bytes: 536870912        # memory an IO rank may hold in fields that are under way
    collective-flush: true         # IO ranks make a flush visible as one; false: each by itself
    store: /scratch/fdb            # a root, or FDB's own configuration: sinks of type fdb5 write there unless
                                   # they have a config of their own, and extraction ranks read there
    extract: {limits: {...}, ...}  # how large requests may be, and what may be on its way (extract.serving)
    plans: [...]                   # as dte_hpc.postproc reads them; a document of them (client, server);
                                   # or the name of a file of either
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from dte_hpc.base.config import read_yaml, struct
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.extract.serving import Serving
from dte_hpc.postproc.plans.document import Document, PlanConfig, load_client, load_document
from dte_hpc.postproc.plans.written import Written, read_written

DEFAULT_BUDGET_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """How many ranks of one program serve.

    Attributes
    ----------
    io, extract : int
        IO-server ranks (at least 1) and extraction ranks; all others run the model.
    """

    io: int = 1
    extract: int = 0

    def __post_init__(self) -> None:
        if self.io < 1 or self.extract < 0:
            raise ValueError(
                f"ranks are io={self.io}, extract={self.extract}; expected io >= 1 and extract >= 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobConfig:
    """A whole job.

    Attributes
    ----------
    ranks : Ranks
        Roles in one program; ignored where each program says its role.
    budget_bytes : int
        What one IO rank may hold in parts and fields under way.
    collective_flush : bool
        Whether several IO ranks flush as one: readers see what the model flushed whole or not at all, and a
        toc grows by one record a flush, not one a rank. The store must be one that all of them see.
    store : str or mapping
        The store of the job: its root directory, or FDB's own configuration.
    extract : Serving
        What model ranks may ask of extraction ranks.
    plans : list, mapping or str
        Plans, a document of them (``client``, ``server``), or the path of a file of either.
    """

    plans: Any
    ranks: Ranks = field(default_factory=Ranks)
    budget_bytes: int = DEFAULT_BUDGET_BYTES
    collective_flush: bool = True
    store: str | Mapping[str, Any] | None = None
    extract: Serving = field(default_factory=Serving)

    def __post_init__(self) -> None:
        if self.budget_bytes < 1:
            raise ValueError(f"budget-bytes is {self.budget_bytes}; expected at least 1")


def load_job(source: str | Path | Mapping[str, Any] | JobConfig) -> JobConfig:
    """Return a checked job; paths in a file are relative to it."""
    if isinstance(source, JobConfig):
        return source
    if isinstance(source, Mapping):
        return struct(JobConfig, source)
    written = read_written(source)
    job = struct(JobConfig, written.node)
    if not isinstance(job.plans, str):
        return replace(job, plans=replace(written, node=job.plans))
    plans = Path(source).parent / job.plans
    if not plans.is_file():
        raise InvalidConfig(
            f"$.plans: found {job.plans!r}; expected plans or a file of plans", place="$.plans"
        )
    return replace(job, plans=str(plans))


def client_of_job(job: JobConfig) -> Document | None:
    """Return what a job's plans say to model ranks; None when they have no client. See `load_client`."""
    return load_client(job.plans, "$.plans" if not isinstance(job.plans, str) else "$")


def plans_of(path: str | Path) -> tuple[PlanConfig, ...]:
    """Return the checked plans that IO ranks run. See `document_of`."""
    return document_of(path).plans


def document_of(path: str | Path) -> Document:
    """Return the checked plans of a job file, or of a file that holds nothing but plans.

    Raises
    ------
    InvalidConfig
        As `load_job` and `postproc.load_plans`.
    """
    node = read_yaml(path)
    of_a_job = {f.name.replace("_", "-") for f in fields(JobConfig)} - {"plans"}
    is_job = isinstance(node, Mapping) and not of_a_job.isdisjoint(node)
    return document_of_job(load_job(path)) if is_job else load_document(path)


def document_of_job(job: JobConfig) -> Document:
    """Return the checked plans of a job, which are a list, a whole document, or the name of a file."""
    node = job.plans.node if isinstance(job.plans, Written) else job.plans
    return load_document(job.plans, "$.plans" if isinstance(node, Mapping) else "$")
