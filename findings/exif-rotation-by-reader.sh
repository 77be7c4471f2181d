#!/usr/bin/env bash
# Readers disagree on a picture whose EXIF data asks to be turned: Pillow gives a JPEG, PNG or WebP file
# as it is stored, but a TIFF file turned; transformers and datasets turn all of them. A box that was
# measured on one of the two pictures is wrong on the other.
set -e
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  'pillow==13.0.0' 'numpy==2.4.6' 'transformers==5.24.0' 'datasets==5.2.0'
cat > readers.py <<'PY'
from datasets import Dataset, Features
from datasets import Image as ImageFeature
from PIL import Image, __version__
from transformers.image_utils import load_image

exif = Image.Exif()
exif[0x0112] = 6  # turn by 90 degrees
print("pillow", __version__)
for suffix in ("jpg", "png", "webp", "tif"):
    name = f"picture.{suffix}"
    Image.new("RGB", (400, 300)).save(name, exif=exif)
    table = Dataset.from_dict({"image": [name]}, features=Features({"image": ImageFeature()}))
    sizes = [Image.open(name).size, load_image(name).size, table[0]["image"].size]
    print(suffix, *[f"{width}x{height}" for width, height in sizes])
PY
found=$(venv/bin/python readers.py 2> /dev/null)
printf 'file, Pillow, transformers, datasets\n%s\n' "$found"
for suffix in jpg png webp; do
  [[ $found == *"$suffix 400x300 300x400 300x400"* ]] || exit 1
done
[[ $found == *"tif 300x400 300x400 300x400"* ]] || exit 1
