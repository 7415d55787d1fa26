"""What if the job is one process?

The same verbs, and the IO rank's work done in the call: no MPI, no credit. A model written for many
ranks runs unchanged.
"""

import numpy as np

from dte_hpc.base.errors import DteError
from dte_hpc.base.events import Listener, ignore
from dte_hpc.base.field import Metadata, Values
from dte_hpc.base.route import HASHED, Route
from dte_hpc.ioserver.calls import Call
from dte_hpc.ioserver.naming import cut
from dte_hpc.ioserver.pipeline import ModelPlans, Pipeline
from dte_hpc.ioserver.protocol import Verb
from dte_hpc.ioserver.server import DEFAULT_BUDGET_BYTES
from dte_hpc.ioserver.session import ServerReport, Session
from dte_hpc.ioserver.writer import Writer
from dte_hpc.parallel.frames import Bytes


class LocalClient(Writer):
    """A pipeline in the model's own process. See `Writer` for the verbs.

    Parameters
    ----------
    pipeline : Pipeline
        Closed by `close`.
    budget_bytes : int
        Refuses a domain of which one field would not fit.
    plans : ModelPlans, optional
        What a document's client says; they come first, and send to the pipeline.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        listener: Listener = ignore,
        plans: ModelPlans | None = None,
    ) -> None:
        super().__init__(0, plans)
        self._session = Session(pipeline, [0], budget_bytes=budget_bytes, notifies=True, listener=listener)

    @property
    def report(self) -> ServerReport:
        """What has been done so far."""
        return self._session.report()

    def _hand_over(self, metadata: Metadata, values: Values, route: Route = HASHED) -> None:
        template, varying = cut(metadata)
        # the field is processed before this returns: no copy
        whole = values[:] if values.flags.c_contiguous else values.copy()
        whole.setflags(write=False)
        self._session.take(0, self._session.template(template), varying, whole, 0)
        self._session.released()

    def _call(
        self, verb: Verb, text: bytes, raw: Bytes | None = None, trouble: DteError | None = None
    ) -> None:
        if verb not in (Verb.OPEN, Verb.CLOSE):
            self._refuse_unopened(verb.name.lower())
        if trouble is not None:
            raise trouble
        self._session.carry_out({0: Call(verb, 0, text, np.empty(0, np.uint8) if raw is None else raw)})

    def _give_up(self, error: BaseException) -> None:
        """Leave what was not flushed: the exception goes on to the caller."""
