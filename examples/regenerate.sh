#!/usr/bin/env bash
# Regenerate a pool of instructions from its journal and hold it against the committed one.
# Nothing is asked of any model, so this belongs in CI; it fails when the result differs.
#
#   examples/regenerate.sh TASKS OUT JOURNAL REFERENCE [OPTION...]
#
# TASKS is the task folder, OUT a folder for the new result, JOURNAL the replies.jsonl of the run
# that made REFERENCE (its output folder). Give as OPTIONs what that run was given, for example
# --model local --rewrites 2. Exit code 5 says that the journal lacks a reply: the tasks, the
# options or the meta-prompts have changed since.
set -euo pipefail

if (($# < 4)); then
  echo "usage: $0 TASKS OUT JOURNAL REFERENCE [OPTION...]" >&2
  exit 2
fi
tasks=$1 out=$2 journal=$3 reference=$4
shift 4

instraug expand "$tasks" -o "$out" --journal "$journal" --frozen "$@"
instraug verify "$out" --journal "$journal"
instraug diff "$out" "$reference"
