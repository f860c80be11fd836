#!/usr/bin/env bash
# timm 1.0.31: Lamb scales a step by the trust ratio only where there is weight decay, and clips gradients by default.
#
# LAMB's step is as long as the parameter times the learning rate. timm's is so for a parameter with weight decay, however
# small; with none, as biases and norms commonly have, it is Adam's, unless always_adapt=True. The step jumps between decay 0 and
# 1e-30. And max_grad_norm=1.0 is the default: gradients of the whole model are clipped to that norm first, which
# does not show in one step, as Adam's length does not depend on the gradient's, but in their ratio to each other over time. A
# parameter of norm 10 with one element, learning rate 0.1; the length of the first step, and what is kept of the gradient
# 100 for its average (a tenth of it). Seen:
#
#     weight_decay=0                           step 0.1   average 0.1
#     weight_decay=1e-30                       step 1.0   average 0.1
#     weight_decay=0, always_adapt=True        step 1.0   average 0.1
#     weight_decay=0, max_grad_norm=None       step 0.1   average 10.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.15.0 torchvision==0.29.2 timm==1.0.31
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import torch
from timm.optim import Lamb

for options in [
    {"weight_decay": 0},
    {"weight_decay": 1e-30},
    {"weight_decay": 0, "always_adapt": True},
    {"weight_decay": 0, "max_grad_norm": None},
]:
    parameter = torch.nn.Parameter(torch.tensor([10.0]))
    parameter.grad = torch.tensor([100.0])
    optimizer = Lamb([parameter], lr=0.1, **options)
    optimizer.step()
    step = 10.0 - parameter.item()
    average = optimizer.state[parameter]["exp_avg"].item()
    name = ", ".join(f"{key}={value}" for key, value in options.items())
    print(f"{name:40} step {step:<5.1f} average {average:.1f}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
