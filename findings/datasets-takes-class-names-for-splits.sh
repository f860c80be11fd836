#!/usr/bin/env bash
# datasets 5.2.0: a class whose name contains "train" or "test" moves images between the splits, or hides all others.
#
# imagefolder looks for the words train, validation, test and their like in every part of a path, not just in its first
# folder. A folder of classes with one called "train" (as in CIFAR-100, COCO and Pascal VOC) is that class alone, without
# labels. Where there are folders for the splits, each image counts for every word in its path: the test images of a class
# "train" are trained on, and of a class "test-tube" the training images are in the test, and the test images in it
# twice. Nothing is said. It has to be told where the splits are (data_files) to go by the first folder. One image for each
# class and split; what is in each split then, and the names of the classes. Seen:
#
#     bus, car, train without splits
#       train  train/1.png
#              None
#     bus, train in both splits
#       train  test/train/2.png train/bus/1.png train/train/1.png
#              ['bus', 'train']
#       test   test/bus/2.png test/train/2.png
#              ['bus', 'train']
#     cup, test-tube in both splits
#       train  train/cup/1.png train/test-tube/1.png
#              ['cup', 'test-tube']
#       test   test/cup/2.png test/test-tube/2.png test/test-tube/2.png train/test-tube/1.png
#              ['cup', 'test-tube']
#     cup, test-tube with data_files
#       train  train/cup/1.png train/test-tube/1.png
#              ['cup', 'test-tube']
#       test   test/cup/2.png test/test-tube/2.png
#              ['cup', 'test-tube']
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 pillow==13.0.0 datasets==5.2.0
HF_HOME="$work/cache" HF_DATASETS_OFFLINE=1 "$venv/bin/python" - "$work" > "$work/output" << 'PYTHON'
import sys
from pathlib import Path

import datasets
from PIL import Image

datasets.disable_progress_bar()


def show(title, files, data_files=None):
    folder = Path(sys.argv[1], title)
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2)).save(folder / file)
    print(title)
    splits = datasets.load_dataset("imagefolder", data_dir=str(folder), data_files=data_files)
    for name, split in splits.items():
        images = split.cast_column("image", datasets.Image(decode=False))["image"]
        paths = sorted(str(Path(image["path"]).relative_to(folder)) for image in images)
        label = split.features.get("label")
        print(f"  {name:6} {' '.join(paths)}\n         {label and label.names}")


show("bus, car, train without splits", ["bus/1.png", "car/1.png", "train/1.png"])
show(
    "bus, train in both splits",
    ["train/bus/1.png", "train/train/1.png", "test/bus/2.png", "test/train/2.png"],
)
tubes = ["train/cup/1.png", "train/test-tube/1.png", "test/cup/2.png", "test/test-tube/2.png"]
show("cup, test-tube in both splits", tubes)
show("cup, test-tube with data_files", tubes, {"train": "train/**", "test": "test/**"})
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
