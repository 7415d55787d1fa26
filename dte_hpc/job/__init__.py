"""One MPI job: which rank does what, and with which plan.

A job is a YAML file (`JobConfig`): how many IO and extraction ranks, the server's byte budget, the
store and the plans. A model runs it in one of two ways::

    from dte_hpc.job import run            # one program: mpiexec -n 4 python model.py

    def model(rank):                       # called on the model ranks only
        rank.client.write_domain("atm", indices, global_size=421_120, grid="O320")
        rank.client.write_field(metadata, values)
        rank.client.flush()

    run(model, "job.yaml")

    from dte_hpc.job import connect   # two: mpiexec -n 4 python model.py : -n 2 dte serve --config job.yaml

    with connect("job.yaml") as rank:
        ...

Roles come from the configuration (one program) or from which call a rank makes (two programs), never
from how the launcher numbers programs. Everything here is collective over the whole job.

Restrictions: one job, one world communicator; a rank that dies ends the job.
"""

from dte_hpc.job.config import JobConfig, Ranks, load_job
from dte_hpc.job.run import ModelRank, connect, run, serve

__all__ = ["JobConfig", "ModelRank", "Ranks", "connect", "load_job", "run", "serve"]
