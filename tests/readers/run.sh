#!/usr/bin/env bash
# Let the trainers' own code read our sets: TRL, LLaMA-Factory, ms-swift, LAVIS, LLaVA.
#   bash tests/readers/run.sh                 at the versions that docs/formats.md names
#   bash tests/readers/run.sh newest          at the newest versions; says which, and what broke
#   READERS=DIR bash tests/readers/run.sh     with the environment in DIR, made where there is none
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/readers
dir=${READERS:-.venv-readers${1:+-$1}}
pins() { if [[ "${1:-}" == newest ]]; then sed 's/[=<>].*//; /^#/d' "$2"; else sed '/^#/d' "$2"; fi; }

[[ -x "$dir/bin/python" ]] || python3 -m venv "$dir"
pip() { "$dir/bin/pip" --quiet --disable-pip-version-check "$@"; }
pip install --upgrade -r <(pins "${1:-}" "$here/requirements.txt")
pip install --upgrade --no-deps -r <(pins "${1:-}" "$here/trainers.txt")
pip install '.[parquet]'
pip uninstall --yes instraug
echo "readers:"
"$dir/bin/pip" list --format freeze --disable-pip-version-check |
  grep -iE '^(datasets|llamafactory|llava-torch|ms.swift|salesforce-lavis|torch|transformers|trl)=='
PYTHONPATH=$PWD "$dir/bin/python" -m pytest "$here" -p no:cacheprovider -rfEs
