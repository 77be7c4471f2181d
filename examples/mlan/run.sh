#!/usr/bin/env bash
# From files of questions to a mixed LLaVA set as MLAN's are: half of the rows text, half with
# pictures.
#   bash examples/mlan/run.sh [OUT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-mlan-example}
mkdir "$out"

# Questions in their answer forms, found by the targets; then a set that wants its reasons.
instraug import questions "$here/squad.json" "$here/arc.jsonl" "$here/strategyqa.jsonl" \
    -o "$out/tasks"
instraug import questions "$here/commonsenseqa.jsonl" --form rationale \
    --rationales "$here/rationales.json" -o "$out/reasons"

# Text rows of both, and rows with pictures of the other examples. To have more wordings, run
# `instraug expand` on the folders first and give its output as --instructions.
instraug build "$out/tasks" --instances "$out/tasks" -o "$out/text.json" --format llava -q
instraug build "$out/reasons" --instances "$out/reasons" -o "$out/reasoned.json" --format llava -q
instraug build "$here/../tasks" --instances "$here/../instances/train.jsonl" \
    -o "$out/image.json" --format llava -q

# A quarter each of short text and reasoned text at most, the rest pictures; 12 rows in all.
instraug mix "$out/text.json=37.5" "$out/reasoned.json=12.5" "$out/image.json=50" --total 12 \
    -o "$out/mlan"
