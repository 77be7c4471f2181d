#!/usr/bin/env bash
# rouge_score's default tokenizer drops every character outside a-z and 0-9, without a warning: an
# equal answer in Chinese scores 0, and "cafe" against "café" too.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install --quiet --disable-pip-version-check rouge-score==0.1.2
"$dir/env/bin/python" - <<'PY'
import sys

from rouge_score import rouge_scorer

scorer = rouge_scorer.RougeScorer(["rougeL"])
pairs = {("红色的猫", "红色的猫"): 0.0, ("café", "cafe"): 0.0, ("café", "caf"): 1.0}
for (target, answer), expected in pairs.items():
    found = scorer.score(target, answer)["rougeL"].fmeasure
    print(f"rougeL F of {answer!r} against {target!r}: {found}")
    if found != expected:
        sys.exit(1)
PY
