#!/usr/bin/env bash
# PyTorch 2.15.0: of a transposed convolution, torch.nn.init takes fan_in for fan_out, and it knows nothing of groups.
#
# The weight of nn.Conv2d is [out, in / groups, h, w], that of nn.ConvTranspose2d [in, out / groups, h, w];
# torch.nn.init takes the second dimension for the input in both. So kaiming_uniform_ with its default mode "fan_in", and
# with it nn.ConvTranspose2d's own start, goes by the number of output channels: from 64 to 4 channels it begins four times as
# wide as a convolution with the same sums, and from 4 to 64 a fourth as wide. The fan_out of a grouped convolution is too
# large by the number of groups, as an input is thought to reach the outputs of all of them. Seen, with a kernel of 1x1:
#
#     Conv2d 64 to 4               fan_in 64  fan_out 4   bound of its own start 0.125
#     ConvTranspose2d 64 to 4      fan_in 4   fan_out 64  bound of its own start 0.5
#     ConvTranspose2d 4 to 64      fan_in 64  fan_out 4   bound of its own start 0.125
#     Conv2d 64 to 64, 64 groups   fan_in 1   fan_out 64  bound of its own start 1.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.15.0
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import torch
from torch import nn
from torch.nn.init import _calculate_fan_in_and_fan_out


def bound(layer):
    """The largest of many weights that the layer starts with, to three digits."""
    largest = 0.0
    for _ in range(200):
        layer.reset_parameters()
        largest = max(largest, layer.weight.abs().max().item())
    return float(f"{largest:.3f}")


torch.manual_seed(1)
for name, layer in {
    "Conv2d 64 to 4": nn.Conv2d(64, 4, 1),
    "ConvTranspose2d 64 to 4": nn.ConvTranspose2d(64, 4, 1),
    "ConvTranspose2d 4 to 64": nn.ConvTranspose2d(4, 64, 1),
    "Conv2d 64 to 64, 64 groups": nn.Conv2d(64, 64, 1, groups=64),
}.items():
    fan_in, fan_out = _calculate_fan_in_and_fan_out(layer.weight)
    print(f"{name:28} fan_in {fan_in:<3} fan_out {fan_out:<3} bound of its own start {bound(layer)}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
