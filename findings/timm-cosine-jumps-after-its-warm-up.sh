#!/usr/bin/env bash
# timm 1.0.31: without warmup_prefix, the cosine schedule falls to where it would be without a warm-up.
#
# The warm-up rises towards the full learning rate, but the cosine has run beside it from the start: when the warm-up of 5
# epochs ends, 5 of the cosine's 10 epochs are over. The full rate is never reached, and the rate drops at once by
# more than a third. warmup_prefix=True puts the warm-up before the cosine; it is not the default. Rates by epoch. Seen:
#
#     default               0.00 0.20 0.40 0.60 0.80 0.50 0.35 0.21 0.10 0.02 0.00 0.00 0.00 0.00 0.00 0.00
#     warmup_prefix=True    0.00 0.20 0.40 0.60 0.80 1.00 0.98 0.90 0.79 0.65 0.50 0.35 0.21 0.10 0.02 0.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 torch==2.15.0 torchvision==0.29.2 timm==1.0.31
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import torch
from timm.scheduler import CosineLRScheduler


def show(title, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = CosineLRScheduler(optimizer, t_initial=10, warmup_t=5, warmup_lr_init=0.0, **options)
    rates = []
    for epoch in range(16):
        scheduler.step(epoch)
        rates.append(f"{optimizer.param_groups[0]['lr']:.2f}")
    print(f"{title:21} {' '.join(rates)}")


show("default")
show("warmup_prefix=True", warmup_prefix=True)
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
