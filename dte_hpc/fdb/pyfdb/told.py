"""How does pyfdb say that something is wrong?

Every error of ECMWF's library reaches Python as a ``RuntimeError`` whose text begins with its kind; scripts
catch that. Ours is raised from the one the store raised, which says more (``error.__cause__``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dte_hpc.base.errors import CorruptData, DteError, InvalidRequest, StorageFailed


@contextmanager
def as_runtime_error() -> Iterator[None]:
    """Raise what a store refuses as pyfdb does: ``RuntimeError("UserError: ...")``."""
    try:
        yield
    except DteError as error:
        raise RuntimeError(f"{_kind(error)}: {_text(error)}") from error


def _kind(error: DteError) -> str:
    if isinstance(error, CorruptData):
        return "ReadError"
    return "WriteError" if isinstance(error, StorageFailed) else "UserError"


def _text(error: DteError) -> str:
    if error.facts.get("lock") == "archive.lock":  # scripts look for these words
        return f"Database {error.facts['where']} matched for archived is LOCKED against archiving"
    if isinstance(error, InvalidRequest) and "value" in error.facts:
        return f"Bad value: {error}"
    return str(error)
