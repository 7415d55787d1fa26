"""What becomes of a field: actions, and the plans that chain them.

A plan is YAML in MultIO's shape (`plan`). `load_plans` checks it, every mistake at once and with its
place, before anything runs; `Pipeline` runs the plans of one IO rank::

    pipeline = Pipeline(load_plans("plan.yaml"))
    pipeline.process(field)
    pipeline.flush()

=============== ================ ================ =====================================================
action          is given         gives            module
=============== ================ ================ =====================================================
select          anything         the wanted       `select`
aggregate       parts            the whole field  `aggregate`
mask            a field          a field          `mask`
statistics      a field          one an operation `statistics`, `running`, `windows`, `operations`
interpolate     a field          a field          `interpolate`, `weights`, `weights_file`, `mir`
encode          a field          a message        `encode`
sink            a message        nothing          `sink`, `sink_fdb`, `sink_file`
print           anything         the same         `show`
null            anything         nothing          `show`
=============== ================ ================ =====================================================

Actions and sinks are found by entry points (`plugs`), ours too; what one must do is in `action`. Loops
over values are in `kernels`. A field goes through several plans without a copy, and no action writes
into a field it was given.

Restrictions: samples of a variable must come in order, none left out. Statistics are hours, days and
calendar months long; of months the first one may be short. A point that is missing in one sample is
missing in the statistic. Vector components are interpolated as scalars, which is wrong near the poles.
State does not outlive the process.
"""

from dte_hpc.postproc.pipeline import Pipeline
from dte_hpc.postproc.plan import PlanConfig, load_plans

__all__ = ["Pipeline", "PlanConfig", "load_plans"]
