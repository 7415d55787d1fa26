#!/bin/bash
# A model with its IO and extraction ranks in one program: the last ranks of the job serve.
#   sbatch --nodes 2 --ntasks-per-node 4 jobs/slurm/one-program.sh model.py
#SBATCH --job-name=dte
#SBATCH --time=00:30:00
set -euo pipefail
MODEL=${1:?the model program, which calls dte_hpc.job.run}

# The launcher differs from site to site: srun --mpi=pmi2, srun --mpi=cray_shasta, mpiexec, ...
# Plain srun without an MPI plugin starts worlds of one rank each; dte_hpc refuses that with a sentence.
LAUNCH=${DTE_LAUNCH:-srun --mpi=pmi2}
# shellcheck disable=SC2086  # the launcher is several words
exec $LAUNCH python -m mpi4py "$MODEL"
