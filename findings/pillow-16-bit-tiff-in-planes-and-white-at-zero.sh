#!/usr/bin/env bash
# Pillow 13.0.0: TIFF files of 16 bits come out wrong in uncompressed planes, and as a negative with white at zero.
#
# Both are right with 8 bits, and planes are right if they are compressed, so it is not a matter of what Pillow supports.
# Microscopes write colours as planes, and so does tifffile of an array [3, h, w]. In uncompressed planes of 16 bits each byte
# is taken for a pixel: the image shows the low and the high bytes of its left half side by side, its right half is gone, and
# nothing is said. Grey with white at zero (PhotometricInterpretation 0, as of scanners and faxes) is turned around with 8
# bits, but not with 16. The first row in hexadecimal digits, by Pillow and by OpenCV 5.0.0, which reduces to 8 bits; the
# colours of 16 bits are 1001 1102 1203, 3004 3105 3206 and so on. Seen:
#
#     colour                          Pillow                       OpenCV
#     8 bits, planes                  101112 303132 505152 707172  101112 303132 505152 707172
#     16 bits, pixels                 101112 303132 505152 707172  101112 303132 505152 707172
#     16 bits, planes, compressed     101112 303132 505152 707172  101112 303132 505152 707172
#     16 bits, planes                 010203 101112 040506 303132  101112 303132 505152 707172
#     16 bits, planes, big-endian     101112 010203 303132 040506  101112 303132 505152 707172
#     grey
#     8 bits, black at zero           00 40 80 ff                  00 40 80 ff
#     8 bits, white at zero           ff bf 7f 00                  ff bf 7f 00
#     16 bits, black at zero          0000 4040 8080 ffff          00 40 80 ff
#     16 bits, white at zero          0000 4040 8080 ffff          ff bf 7f 00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet \
    numpy==2.4.6 pillow==13.0.0 tifffile==2026.3.3 opencv-python-headless==5.0.0.93
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import io

import cv2
import numpy as np
import tifffile
from PIL import Image


def tiff(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def row(pixels):
    """The first row; a channel has as many digits as its bits need."""
    digits = 2 * pixels.itemsize
    return " ".join("".join(f"{c:0{digits}x}" for c in np.atleast_1d(pixel)) for pixel in pixels[0])


def show(title, file, flags):
    pillow = np.asarray(Image.open(io.BytesIO(file)))
    opencv = cv2.imdecode(np.frombuffer(file, np.uint8), flags)
    print(f"{title:31} {row(pillow):28} {row(opencv)}")


high = np.array([0x10, 0x11, 0x12, 0x30, 0x31, 0x32, 0x50, 0x51, 0x52, 0x70, 0x71, 0x72])
colour = (high << 8 | np.arange(1, 13)).astype(np.uint16).reshape(1, 4, 3)
planes = np.moveaxis(colour, -1, 0)
rgb = {"photometric": "rgb"}
separate = {"photometric": "rgb", "planarconfig": "separate"}
print(f"{'colour':31} {'Pillow':28} OpenCV")
for title, file in {
    "8 bits, planes": tiff((planes >> 8).astype(np.uint8), **separate),
    "16 bits, pixels": tiff(colour, **rgb),
    "16 bits, planes, compressed": tiff(planes, **separate, compression="zlib"),
    "16 bits, planes": tiff(planes, **separate),
    "16 bits, planes, big-endian": tiff(planes, **separate, byteorder=">"),
}.items():
    show(title, file, cv2.IMREAD_COLOR_RGB)

grey = np.array([[0x00, 0x40, 0x80, 0xFF]], dtype=np.uint8)
print("grey")
for bits, array in ((8, grey), (16, grey.astype(np.uint16) * 257)):
    for zero in ("black", "white"):
        file = tiff(array, photometric=f"minis{zero}")
        show(f"{bits} bits, {zero} at zero", file, cv2.IMREAD_GRAYSCALE)
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
