"""How ranks find each other, talk, wait and fail together: the only room that knows MPI.

- `roles.World.split` gives every rank its role, the communicator of its role and one of all ranks.
- `mailbox.Mailbox` carries frames (`frames`: a packed header, then raw bytes) without blocking;
  its memory comes from `buffers.BufferPool`.
- `waiting` waits without burning a core; `agree.agree` makes one rank's error everybody's;
  `guard.guard` makes one rank's exception the end of the job.

Restrictions: importing this room starts MPI. Nothing is ever pickled. A rank that dies takes the job
with it (MPI gives no error for a dead peer on MPICH); a server job of its own comes later.
"""

from dte_hpc.parallel.guard import guard, watch_over_this_rank
from dte_hpc.parallel.roles import Role, World, assign_roles

__all__ = ["Role", "World", "assign_roles", "guard", "watch_over_this_rank"]
