"""What becomes of a field: actions, and the plans that chain them.

A plan is YAML in MultIO's shape (`plans`). `load_plans` checks it, every mistake at once and with its
place, before anything runs; `Pipeline` runs the plans of one IO rank::

    pipeline = Pipeline(load_plans("plan.yaml"))
    pipeline.process(field)
    pipeline.flush()

=============== ================ ================ =====================================================
package         is given         gives            question
=============== ================ ================ =====================================================
`plans`         a YAML file      checked plans    what do plans say, and what would they do?
`actions`       a field          a field, message what may become of one field? (select, mask, encode ...)
`statistics`    a field          one an operation what do samples come to, over windows of time?
`regrid`        a field          a field          how do fields come to another grid?
`sinks`         a message        nothing          where does it end up?
=============== ================ ================ =====================================================

Actions and sinks are found by entry points (`plugs`), ours too; what one must do is in `action`. Loops
over values are in `*/kernels`. A field goes through several plans without a copy, and no action writes
into a field it was given.

Restrictions: samples of a variable must come in order, none left out. The first window of a frequency may be
short. A point that is missing in one sample is missing in the statistic, unless ``value-count-threshold``
says otherwise. Vector components are interpolated as numbers, which is wrong near the poles, unless
``vector`` says otherwise. State outlives the process where a plan says ``write-restart``: of `statistics`,
not of sinks nor of `ensemble-statistics`.
"""

from dte_hpc.postproc.pipeline import Pipeline
from dte_hpc.postproc.plans.document import PlanConfig, load_plans

__all__ = ["Pipeline", "PlanConfig", "load_plans"]
