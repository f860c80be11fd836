#!/usr/bin/env bash
# torchvision 0.29.2: read_image(GRAY), rgb_to_grayscale and Pillow's L make three different grey images of one colour file.
#
# A data set that Pillow turned to grey for training (convert("L")) and that torchvision reads in grey for prediction differs in half of its
# pixels. All three state the weights 0.299, 0.587 and 0.114. Pillow rounds; rgb_to_grayscale cuts off; read_image leaves the work to libpng,
# which cuts off too, with other fractions, and to libjpeg, which gives the luma of the file as it is, while colours that luma and
# chroma lead to are clipped first. Smooth random colours of 256x256 pixels; share of the pixels that differ, and the largest difference. Seen:
#
#     file    read_image to L    rgb_to_grayscale to L    read_image to rgb_to_grayscale
#     PNG     0.50  1            0.51  1                  0.01  1
#     JPEG    0.00  6            0.52  1                  0.52  7
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 pillow==13.0.0 torch==2.15.0 torchvision==0.29.2
"$venv/bin/python" - "$work" > "$work/output" << 'PYTHON'
import sys

import numpy as np
from PIL import Image
from torchvision.io import ImageReadMode, read_image
from torchvision.transforms.v2.functional import rgb_to_grayscale

noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
smooth = Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC)


def told(one, other):
    difference = np.abs(one.astype(int) - other.astype(int))
    return f"{(difference > 0).mean():.2f}  {difference.max()}"


print("file    read_image to L    rgb_to_grayscale to L    read_image to rgb_to_grayscale")
for kind, path in (("PNG", "image.png"), ("JPEG", "image.jpg")):
    path = f"{sys.argv[1]}/{path}"
    smooth.save(path, **({"quality": 90} if kind == "JPEG" else {}))
    pillow = np.asarray(Image.open(path).convert("L"))
    read = read_image(path, ImageReadMode.GRAY)[0].numpy()
    turned = rgb_to_grayscale(read_image(path, ImageReadMode.RGB))[0].numpy()
    print(f"{kind:<7} {told(read, pillow):<18} {told(turned, pillow):<24} {told(read, turned)}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
