#!/usr/bin/env bash
# torchvision 0.29.2: given a colour to fill with, affine and rotate darken the rim of an image twice.
#
# An image is moved by half a pixel, so that half of each pixel of its first column comes from outside. Without `fill`,
# what is outside counts as 0, and a white pixel becomes 0.5. With `fill=0`, which says the same in other words, it becomes
# 0.25: the interpolated pixel, in which the zeros outside have weighed in already, is multiplied with the interpolated
# mask, too. RandomAffine and RandomRotation have `fill=0` by default. Seen, of the first three pixels:
#
#     v1 affine fill=None [0.5, 1.0, 1.0]
#     v1 affine fill=0    [0.25, 1.0, 1.0]
#     v2 affine fill=None [0.5, 1.0, 1.0]
#     v2 affine fill=0    [0.25, 1.0, 1.0]
#     v2 RandomAffine     [0.25, 1.0, 1.0]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.15.0 torchvision==0.29.2
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import torch
from torchvision.transforms import InterpolationMode, functional, v2

white = torch.ones(1, 5, 5)
BILINEAR = InterpolationMode.BILINEAR


def show(name, image):
    print(f"{name:19} {image[0, 2, :3].tolist()}")


for version, module in [("v1", functional), ("v2", v2.functional)]:
    for fill in [None, 0]:
        move = {"translate": [0.5, 0.0], "scale": 1.0, "shear": [0.0, 0.0]}
        image = module.affine(white, 0, **move, interpolation=BILINEAR, fill=fill)
        show(f"{version} affine fill={fill}", image)

transform = v2.RandomAffine(0, interpolation=BILINEAR)
chosen = {"angle": 0.0, "translate": (0.5, 0.0), "scale": 1.0, "shear": (0.0, 0.0)}
show("v2 RandomAffine", transform.transform(white, chosen))
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
