#!/bin/bash
# A model program and a server program in one MPI job (MPMD): the model calls dte_hpc.job.connect("job.yaml").
#   sbatch --nodes 2 --ntasks 6 jobs/slurm/two-programs.sh "model.py --connect" job.yaml 4
#SBATCH --job-name=dte
#SBATCH --time=00:30:00
set -euo pipefail
MODEL=${1:?the model program}
JOB=${2:?the job file}
N_MODEL=${3:?how many ranks run the model}
N_IO=$((SLURM_NTASKS - N_MODEL))
if ((N_IO < 1)); then
  echo "the job has $SLURM_NTASKS tasks for $N_MODEL model ranks; expected at least $((N_MODEL + 1))" >&2
  exit 2
fi

PROGRAMS=$(mktemp)
trap 'rm -f "$PROGRAMS"' EXIT
cat > "$PROGRAMS" <<CONF
0-$((N_MODEL - 1)) python -m mpi4py $MODEL
$N_MODEL-$((N_MODEL + N_IO - 1)) dte serve --config $JOB
CONF
srun --mpi=${DTE_MPI:-pmi2} --multi-prog "$PROGRAMS"
