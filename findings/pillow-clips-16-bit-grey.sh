#!/usr/bin/env bash
# Pillow 13.0.0: 16-bit grey is clipped to 8 bits, 16-bit colour is scaled.
#
# Of a PNG file in grey with 16 bits, convert("L") and convert("RGB") turn everything from 255 up into white, so that a
# picture that uses its range becomes white but for its darkest 255 of 65,536 levels. The same values in a file in colour lose
# their lower 8 bits as it is opened, which is what one expects; torchvision 0.29.2 does so with both. Seen:
#
#     written              [0, 255, 4096, 32768, 65535]
#     Pillow, grey         [0, 255, 255, 255, 255]
#     Pillow, colour       [0, 0, 16, 128, 255]
#     torchvision, grey    [0, 0, 16, 128, 255]
#     torchvision, colour  [0, 0, 16, 128, 255]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 pillow==13.0.0 torch==2.15.0 torchvision==0.29.2
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import io
import struct
import zlib

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms.v2 import functional as F

values = np.array([0, 255, 4096, 32768, 65535], dtype=np.uint16)


def png(colour_type, row):
    """A file of one row, by the specification; no library writes colours with 16 bits here."""
    chunk = lambda kind, data: (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    )
    header = struct.pack(">IIBBBBB", len(values), 1, 16, colour_type, 0, 0, 0)
    data = zlib.compress(b"\0" + row.astype(">u2").tobytes())
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


files = {"grey": png(0, values), "colour": png(2, np.repeat(values, 3))}
print("written             ", values.tolist())
for name, file in files.items():
    pixels = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))[0, :, 0]
    print(f"{'Pillow, ' + name:20} {pixels.tolist()}")
for name, file in files.items():
    image = decode_image(torch.frombuffer(bytearray(file), dtype=torch.uint8), ImageReadMode.RGB)
    pixels = F.to_dtype(image, torch.uint8, scale=True)[0, 0]
    print(f"{'torchvision, ' + name:20} {pixels.tolist()}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
