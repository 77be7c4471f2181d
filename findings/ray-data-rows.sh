#!/usr/bin/env bash
# Ray Data 2.60.0 changes rows on their way through: read_text splits a line at U+2028, which JSON may
# hold as it is; and after map_batches, by a function that changes nothing, write_json writes the
# elements of the first row's list as rows of their own, and drops the other rows.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install --quiet --disable-pip-version-check \
  ray==2.60.0 pandas==3.1.1 pyarrow==26.0.1 numpy==2.4.6 fsspec==2026.9.0
cd "$dir"
RAY_USAGE_STATS_ENABLED=0 env/bin/python - <<'PY'
import logging
import sys
from pathlib import Path

import ray

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")
ray.data.DataContext.get_current().enable_progress_bars = False
logging.getLogger("ray.data").setLevel("ERROR")


def written(name, rows):
    rows.write_json(name)
    return "".join(path.read_text() for path in sorted(Path(name).iterdir()))


Path("lines.txt").write_text("one\u2028and one\ntwo\n", encoding="utf-8")
lines = [row["text"] for row in ray.data.read_text("lines.txt").take_all()]
rows = ray.data.from_items(
    [{"options": ["a", "b"]}, {"options": ["c", "d"]}], override_num_blocks=1
)
before = written("before", rows)
after = written("after", rows.map_batches(lambda batch: batch))
print(f"ray {ray.__version__} reads two lines as: {lines}")
print(f"two rows, written:\n{before}the same two, after map_batches:\n{after}", end="")
whole = '{"options":["a","b"]}\n{"options":["c","d"]}\n'
sys.exit(
    lines != ["one", "and one", "two"]
    or before != whole
    or after != '{"options":"a"}\n{"options":"b"}\n'
)
PY
