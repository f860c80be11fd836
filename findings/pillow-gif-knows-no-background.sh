#!/usr/bin/env bash
# Pillow 13.0.0: where the first frame of a GIF leaves pixels out, the background colour of the file is not used.
#
# A frame leaves pixels out by a transparent colour, or by being smaller than the image; the file names a background colour
# for them. OpenCV 5.0.0 takes that colour (or black, if only the frame has a palette). Pillow's convert("RGB") does not:
# a transparent pixel gets the colour that its number happens to have in the palette; what is outside the frame gets the
# same, or the first colour of the palette where none is transparent. So each writer's choice of a number shows up as a
# colour in the images. Files of 3 pixels, with a palette of red, green, blue, white and a white background; the pixel in
# the middle is green. Seen:
#
#     all pixels painted               Pillow  blue green blue   OpenCV  blue green blue
#     blue transparent                 Pillow  blue green blue   OpenCV  white green white
#     red transparent                  Pillow  red green red     OpenCV  white green white
#     middle only                      Pillow  red green red     OpenCV  white green white
#     middle only, blue transparent    Pillow  blue green blue   OpenCV  white green white
#     middle only, palette of frame    Pillow  red green red     OpenCV  black green black
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 pillow==13.0.0 opencv-python-headless==5.0.0.93
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import io
import struct

import cv2
import numpy as np
from PIL import Image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
NAMES = {rgb: name for name, rgb in COLOURS.items()} | {(0, 0, 0): "black"}
NUMBERS = {name: number for number, name in enumerate(COLOURS)}
PALETTE = bytes(value for rgb in COLOURS.values() for value in rgb)


def gif(left, pixels, transparent=None, own_palette=False):
    """A file of 3x1 pixels by the specification, of which the frame paints some from the left one on."""
    # Codes of 3 bits, the lowest first; a 4 before each pixel empties the table, so that they stay so short. 5 ends.
    codes = [code for pixel in pixels for code in (4, NUMBERS[pixel])] + [5]
    bits = sum(code << 3 * place for place, code in enumerate(codes))
    data = bits.to_bytes((3 * len(codes) + 7) // 8, "little")
    in_file, in_frame = (0, 0x81) if own_palette else (0x81, 0)
    has_transparent = transparent is not None
    return b"".join([
        b"GIF89a" + struct.pack("<HHBBB", 3, 1, in_file, NUMBERS["white"], 0),
        b"" if own_palette else PALETTE,
        b"\x21\xf9\x04" + struct.pack("<BHBB", has_transparent, 0, NUMBERS.get(transparent, 0), 0),
        b"\x2c" + struct.pack("<HHHHB", left, 0, len(pixels), 1, in_frame),
        PALETTE if own_palette else b"",
        bytes([2, len(data)]) + data + b"\0" + b"\x3b",
    ])


def show(title, file):
    pillow = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    opencv = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB)
    rows = (pillow[0], opencv[0])
    pillow, opencv = (" ".join(NAMES[tuple(rgb)] for rgb in row.tolist()) for row in rows)
    print(f"{title:32} Pillow  {pillow:17} OpenCV  {opencv}")


show("all pixels painted", gif(0, ["blue", "green", "blue"]))
show("blue transparent", gif(0, ["blue", "green", "blue"], transparent="blue"))
show("red transparent", gif(0, ["red", "green", "red"], transparent="red"))
show("middle only", gif(1, ["green"]))
show("middle only, blue transparent", gif(1, ["green"], transparent="blue"))
show("middle only, palette of frame", gif(1, ["green"], own_palette=True))
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
