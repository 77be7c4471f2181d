#!/usr/bin/env bash
# datasets 5.2.0, save_to_disk of a column of images given by path: the file's bytes go into the set,
# and of the path only the name is left, so that a/1.png and b/1.png are one name afterwards.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 pillow==13.0.0
cd "$dir"
HF_HUB_OFFLINE=1 HF_HOME="$dir/home" env/bin/python - <<'PY'
import sys
from pathlib import Path

import datasets
from PIL import Image

datasets.disable_progress_bars()
paths = ["a/1.png", "b/1.png"]
for path, color in zip(paths, ("red", "blue")):
    Path(path).parent.mkdir()
    Image.new("RGB", (2, 2), color).save(path)
features = datasets.Features({"image": datasets.Image(decode=False)})
rows = datasets.Dataset.from_dict({"image": paths}, features=features)
rows.save_to_disk("saved")
found = [row["image"] for row in datasets.load_from_disk("saved")]
print(f"datasets {datasets.__version__}: before {[row['image']['path'] for row in rows]}")
print(f"after {[(image['path'], len(image['bytes'])) for image in found]}")
sys.exit([image["path"] for image in found] != ["1.png", "1.png"])
PY
