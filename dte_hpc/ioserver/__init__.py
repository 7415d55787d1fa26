"""Fields from model ranks to plans.

On a model rank, `IOClient` (or `LocalClient`, when the job is one process) has MultIO's verbs: open,
write_domain, write_mask, write_field, flush, notify, close. On an IO rank, `serve` takes the parts,
puts whole fields together and gives them to a `Pipeline`.

Where a field goes: `writer` checks it, `naming` picks its server and shortens its name, `client` copies
it once and sends it, `server` receives it, `session` keeps the part in `pending` until the field is
whole, `domain` assembles it, the pipeline takes it, and `credit` says the rank may send on.
`starvation` proves that ranks wait for each other for ever, should they; `protocol` draws the messages.

Restrictions: one client a model rank and job; parts of one field have one type; a domain covers every
point exactly once, from 64-bit index lists; an IO rank runs its plans in one thread. If a rank dies the
job ends. The server's bound holds for parts and assembled fields, and counts values a plan keeps.
"""

from dte_hpc.ioserver.alone import LocalClient
from dte_hpc.ioserver.client import IOClient
from dte_hpc.ioserver.pipeline import ModelPlans, Pipeline
from dte_hpc.ioserver.server import DEFAULT_BUDGET_BYTES, serve
from dte_hpc.ioserver.session import ServerReport
from dte_hpc.ioserver.writer import Writer

__all__ = [
    "DEFAULT_BUDGET_BYTES",
    "IOClient",
    "LocalClient",
    "ModelPlans",
    "Pipeline",
    "ServerReport",
    "Writer",
    "serve",
]
