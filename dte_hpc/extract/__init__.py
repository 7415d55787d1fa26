"""Points out of stored fields: only the bytes that hold them are read.

    from dte_hpc.extract import extract
    answer = extract(FDB("/scratch/store"), {
        "class": "od", "expver": "0001", "stream": "oper", "date": "20260101", "time": "0000", "type": "fc",
        "levtype": "sfc", "param": "167",
        "feature": {"type": "timeseries", "points": [[48.86, 2.35]], "time_axis": "step",
                    "range": {"start": 0, "end": 24}}})
    answer.values, answer.to_xarray(), answer.to_covjson(), answer.account

A request is polytope-mars' JSON (`request`, `mars_words`, `feature`; docs/extract.md), or has a shape of
`shapes` in place of its feature. It comes down to fields times index ranges (`chosen`, `places`, `query`; the
geometry behind `find`), ranges become bytes (`read`), and these one `Answer`. `together` shares the work over
MPI, `ranks` answers the model ranks of a job.

Restrictions
------------
Interpolation is for points, not along paths. A reduction over the time holds all values it reduces. Of
shapefiles, polygons in degrees are read. A value read alone is not compared with its message's checksum. An
answer that is not taken in parts is held in memory as a whole: 8 bytes a value, `Limits` says how many.
Importing this room is light; MPI is started by `ranks` and `together`, numba by `read`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dte_hpc.extract.account import Account
    from dte_hpc.extract.answer import Answer
    from dte_hpc.extract.batches import ReadPolicy
    from dte_hpc.extract.limits import Limits
    from dte_hpc.extract.part import Part, join
    from dte_hpc.extract.run import Options, extract, extract_parts
    from dte_hpc.extract.values import values_at

__all__ = [
    "Account",
    "Answer",
    "Limits",
    "Options",
    "Part",
    "ReadPolicy",
    "extract",
    "extract_parts",
    "join",
    "values_at",
]
_HOMES = {
    "Account": "account",
    "Answer": "answer",
    "Limits": "limits",
    "Part": "part",
    "ReadPolicy": "batches",
    "Options": "run",
    "extract": "run",
    "extract_parts": "run",
    "join": "part",
    "values_at": "values",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that importing the room stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
