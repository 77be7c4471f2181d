#!/usr/bin/env bash
# datasets 5.2.0 reads a column of JSON Lines that holds a list in one row and texts in others as
# JSON, and decodes the texts: "007" becomes 7, "true" True, "null" None; a word stays a word.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
cd "$dir"
cat > rows.jsonl <<'JSON'
{"answer": ["left", "right"]}
{"answer": "007"}
{"answer": "true"}
{"answer": "null"}
{"answer": "ten"}
JSON
HF_HUB_OFFLINE=1 HF_HOME="$dir/home" env/bin/python - <<'PY'
import sys

import datasets

datasets.disable_progress_bars()
rows = datasets.load_dataset("json", data_files="rows.jsonl", cache_dir="cache")["train"]
found = rows["answer"][:]
print(f"datasets {datasets.__version__} reads: {found}")
sys.exit(found != [["left", "right"], 7, True, None, "ten"])
PY
