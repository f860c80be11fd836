#!/usr/bin/env bash
# PyTorch 2.15.0: ReduceLROnPlateau takes a value that stands still below zero for one that improves.
#
# By default the threshold is relative: to count as better, a value has to be below the best one times 0.9999 (with mode "max",
# above it times 1.0001). Below zero that is worse than the best one itself, so a value that stays where it is, or gets
# a little worse each time, counts as better, and becomes the best; the learning rate is never lowered. It meets scores that
# start below zero (Cohen's kappa, the Matthews coefficient, R2) and losses that are negative (log-likelihoods). At exactly
# zero, and with threshold_mode="abs", all is well. Twelve values, patience 2; how often the rate is lowered. Seen:
#
#     min, always 1                     3
#     min, always 0                     3
#     min, always -1                    0
#     min, 1 and worse each time        3
#     min, -1 and worse each time       0
#     min, always -1, absolute          3
#     max, always 0.5                   3
#     max, always -0.5                  0
#     max, 0.5 and worse each time      3
#     max, -0.5 and worse each time     0
#     max, always -0.5, absolute        3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 torch==2.15.0
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import math

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau


def show(title, mode, values, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = ReduceLROnPlateau(optimizer, mode=mode, factor=0.1, patience=2, **options)
    for value in values:
        scheduler.step(value)
    times = round(math.log10(1 / optimizer.param_groups[0]["lr"]))
    print(f"{f'{mode}, {title}':33} {times}")


show("always 1", "min", [1.0] * 12)
show("always 0", "min", [0.0] * 12)
show("always -1", "min", [-1.0] * 12)
show("1 and worse each time", "min", [1.0 + 5e-5 * epoch for epoch in range(12)])
show("-1 and worse each time", "min", [-1.0 + 5e-5 * epoch for epoch in range(12)])
show("always -1, absolute", "min", [-1.0] * 12, threshold_mode="abs")
show("always 0.5", "max", [0.5] * 12)
show("always -0.5", "max", [-0.5] * 12)
show("0.5 and worse each time", "max", [0.5 - 2e-5 * epoch for epoch in range(12)])
show("-0.5 and worse each time", "max", [-0.5 - 2e-5 * epoch for epoch in range(12)])
show("always -0.5, absolute", "max", [-0.5] * 12, threshold_mode="abs")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
