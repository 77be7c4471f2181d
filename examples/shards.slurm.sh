#!/usr/bin/env bash
#SBATCH --job-name=instraug-build
#SBATCH --array=1-16
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --time=02:00:00
# Build a training set as a job array of Slurm, one shard a task; then join the shards:
#
#   build=$(sbatch --parsable examples/shards.slurm.sh OUT TASKS ROWS [OPTIONS OF BUILD ...])
#   sbatch --dependency=afterok:$build --wrap "instraug join OUT/shards/*.jsonl -o OUT/set.jsonl"
#
# SHARDS is the size of the array, whichever of its tasks are run: `sbatch --array=7` does the
# seventh again. --force lets a task that is requeued replace what it left before.
set -euo pipefail

if (($# < 3)); then
  echo "usage: sbatch $0 OUT TASKS ROWS [OPTIONS OF BUILD ...]" >&2
  exit 2
fi
out=$1 tasks=$2 rows=$3
shift 3
shards=${SHARDS:-16}
number=$SLURM_ARRAY_TASK_ID

mkdir -p "$out/shards"
instraug build "$tasks" --instances "$rows" -o "$out/shards/$number.jsonl" \
  --shard "$number/$shards" --workers "${SLURM_CPUS_PER_TASK:-1}" --force -q "$@"
