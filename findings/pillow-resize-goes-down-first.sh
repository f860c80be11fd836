#!/usr/bin/env bash
# Pillow 13.0.0: resize goes across and then down, or down and then across, depending on the sizes.
#
# The pixels between the two are rounded to bytes, so the order shows in the result. Whoever does the same arithmetic in
# one fixed order gets most sizes exactly, and of others some pixels off by one. An image of 32 rows and 40 columns, against
# the two steps taken one by one; how many pixels differ from each, and by how much at most. Seen:
#
#     16x16: across first 0 of 256 by 0, down first 34 of 256 by 1
#     8x70: across first 110 of 560 by 1, down first 0 of 560 by 0
#     70x8: across first 0 of 560 by 0, down first 116 of 560 by 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 pillow==13.0.0
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import numpy as np
from PIL import Image

image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (32, 40), dtype=np.uint8))
bilinear = Image.Resampling.BILINEAR

for height, width in [(16, 16), (8, 70), (70, 8)]:
    at_once = np.asarray(image.resize((width, height), bilinear)).astype(int)
    said = []
    for name, size in [("across", (width, image.height)), ("down", (image.width, height))]:
        steps = np.asarray(image.resize(size, bilinear).resize((width, height), bilinear))
        apart = abs(steps - at_once)
        said.append(f"{name} first {(apart > 0).sum()} of {apart.size} by {apart.max()}")
    print(f"{height}x{width}: {', '.join(said)}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
