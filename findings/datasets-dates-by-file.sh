#!/usr/bin/env bash
# datasets 5.2.0 reads a text that looks like a date as a time where all texts of a block do, and
# spells it anew in a column of words: "2020-01-01" of the second file is "2020-01-01 00:00:00".
# With the files the other way round it raises an error.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
cd "$dir"
echo '{"answer": "yesterday"}' > words.jsonl
echo '{"answer": "2020-01-01"}' > dates.jsonl
HF_HUB_OFFLINE=1 HF_HOME="$dir/home" env/bin/python - <<'PY'
import sys

import datasets

datasets.disable_progress_bars()


def read(*files):
    return datasets.load_dataset("json", data_files=list(files), cache_dir="cache")["train"]


found = read("words.jsonl", "dates.jsonl")["answer"][:]
print(f"datasets {datasets.__version__}, words first: {found}")
try:
    read("dates.jsonl", "words.jsonl")
    error = None
except datasets.exceptions.DatasetGenerationError as raised:
    error = raised.__cause__
print(f"dates first: {error}")
sys.exit(found != ["yesterday", "2020-01-01 00:00:00"] or error is None)
PY
