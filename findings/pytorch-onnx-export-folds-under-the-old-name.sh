#!/usr/bin/env bash
# PyTorch 2.15.0: torch.onnx.export folds batch norm into the convolution and keeps the weight's old name.
#
# By default the exported graph has no batch norm: weights are multiplied by its scale. The initializer is still called
# 0.weight, as in the state_dict, but has other numbers, so who compares the files by name, or loads an ONNX file's weights into the
# network, gets a convolution that is scaled already. optimize=False keeps all as it is. A convolution, then a batch norm
# with weight 3 and variance 4 (a scale of 1.5); the numbers of 0.weight divided by the network's. Seen:
#
#     default           0.weight x 1.5   Conv
#     optimize=False    0.weight x 1.0   Conv, BatchNormalization
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2
"$venv/bin/python" - "$work" > "$work/output" 2> "$work/errors" << 'PYTHON' || { cat "$work/errors" >&2; exit 1; }
import sys

import onnx
import torch
from torch import nn

torch.manual_seed(0)
network = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2)).eval()
nn.init.constant_(network[1].weight, 3.0)
nn.init.constant_(network[1].running_var, 4.0)


def show(title, **options):
    path = f"{sys.argv[1]}/network.onnx"
    torch.onnx.export(network, (torch.zeros(1, 1, 8, 8),), path, verbose=False, **options)
    graph = onnx.load(path).graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    factor = (weights["0.weight"] / network[0].weight.detach().numpy()).mean()
    kinds = [node.op_type for node in graph.node if node.op_type in ("Conv", "BatchNormalization")]
    print(f"{title:17} 0.weight x {factor:.1f}   {', '.join(kinds)}")


show("default")
show("optimize=False", optimize=False)
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
