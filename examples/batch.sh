#!/usr/bin/env bash
# Expand several task folders one after another, then build one training set from each.
#
#   examples/batch.sh OUT TASKS...        e.g.  examples/batch.sh out examples/tasks more/captions
#
# Each folder is expanded into OUT/NAME and built into OUT/NAME/train.jsonl, so their names must
# differ. Settings come from the environment: MODEL (local), REWRITES (2), BUDGET (requests a run
# may make at first, 2000), TRIES (runs of one folder at most, 5), PAUSE (seconds before the first
# retry, 30) and INSTANCES (examples/instances/train.jsonl). Every reply is kept, so a repeated run
# buys only what is missing.
set -euo pipefail

if (($# < 2)); then
  echo "usage: $0 OUT TASKS..." >&2
  exit 2
fi
out=$1
shift
tries=${TRIES:-5}

expand() {
  local tasks=$1 dest=$2 budget=${BUDGET:-2000} pause=${PAUSE:-30} code=0 try
  for ((try = 1; try <= tries; try++)); do
    code=0
    instraug expand "$tasks" -o "$dest" --model "${MODEL:-local}" --rewrites "${REWRITES:-2}" \
      --max-requests "$budget" || code=$?
    case $code in
      0) return 0 ;;
      4) # The budget is reached: go on with a larger one.
        budget=$((budget * 2))
        echo "$tasks: going on with $budget requests" >&2
        ;;
      75) # The endpoint is away: wait, longer each time, and go on.
        echo "$tasks: trying again in $pause s" >&2
        sleep "$pause"
        pause=$((pause * 2))
        ;;
      *) return "$code" ;;
    esac
  done
  return "$code"
}

# Two folders of one name would share OUT/NAME, and the second would replace the first.
twice=$(for tasks in "$@"; do basename "$tasks"; done | sort | uniq -d)
if [[ -n $twice ]]; then
  echo "$0: several of $* are named $twice, and would all go to $out/$twice; rename them" >&2
  exit 2
fi

for tasks in "$@"; do
  name=$(basename "$tasks")
  expand "$tasks" "$out/$name"
  instraug build "$tasks" --instances "${INSTANCES:-examples/instances/train.jsonl}" \
    --instructions "$out/$name/instructions.jsonl" -o "$out/$name/train.jsonl" --force
done
