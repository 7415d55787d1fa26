"""What is a result called? Our facts, and MultIO's where the field came with its keywords."""

from datetime import datetime, timedelta

from dte_hpc.base.field import PACKING_FACTS, Metadata
from dte_hpc.base.key import Scalar
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.statistics.operations import Operation
from dte_hpc.postproc.statistics.running import Window, step_facts
from dte_hpc.postproc.statistics.settings import StatisticsOptions
from dte_hpc.postproc.statistics.windows import step_seconds

_MULTIO_SIGNS = ("startDate", "misc-precision", "misc-globalSize", "paramId", "globalSize")


def is_multios(metadata: Metadata) -> bool:
    """Whether a field was named by a producer that speaks to MultIO."""
    return any(keyword in metadata for keyword in _MULTIO_SIGNS)


def named(
    window: Window, end: datetime, interval: timedelta, operation: Operation, options: StatisticsOptions
) -> Metadata:
    """Return the metadata of one result of a window that ends at `end`.

    ``stattype``, ``timespan``, ``startStep`` and ``endStep`` name a window, ``step`` its end; an instant
    has the step alone. Fields that come in MultIO's way get its keywords besides.
    """
    kept = window.metadata.without("step-frequency", "timeStep", *PACKING_FACTS)
    facts: dict[str, Scalar] = {**step_facts(window, end), **operation.facts}
    if operation.stattype is None:
        kept = kept.without("startStep", "endStep", "timespan", "stattype")
        facts = {"step": facts["step"]}
    else:
        facts["stattype"] = operation.stattype
    if is_multios(window.metadata):
        facts |= _multios(window, end, interval, options.options.time_step)
        facts |= {
            "operation": operation.stattype or operation.name,
            "operation-frequency": options.output_frequency,
        }
    result = kept.replace(**facts)
    param = options.param_of(value_of(result, "param"), operation.stattype or operation.name)
    if param is None:
        return result
    return result.replace(**{keyword: param for keyword in ("param", "paramId") if keyword in result})


def _multios(window: Window, end: datetime, interval: timedelta, time_step: int) -> dict[str, Scalar]:
    seconds = int(interval.total_seconds())
    a_step = timedelta(seconds=step_seconds(window.metadata, time_step))
    facts: dict[str, Scalar] = {
        "sampleIntervalInSeconds": seconds,
        "step-frequency": int((end - window.begin) / a_step),
        "startStepInHours": int((window.begin - window.base).total_seconds() // 3600),
        "endStepInHours": int((end - window.base).total_seconds() // 3600),
    }
    for prefix, moment in (("start", window.base), ("previous", window.begin), ("current", end)):
        facts[f"{prefix}Date"] = int(f"{moment:%Y%m%d}")
        facts[f"{prefix}Time"] = int(f"{moment:%H%M%S}")
    return facts
