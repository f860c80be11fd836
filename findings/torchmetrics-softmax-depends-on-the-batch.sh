#!/usr/bin/env bash
# torchmetrics 1.9.0: whether outputs go through softmax is decided for each batch, so the batch size changes scores.
#
# Metrics that need probabilities also take logits: if any value of a batch is outside 0 to 1, the whole batch goes through
# softmax (or sigmoid), else it is taken for probabilities as it is. The logits of a network that has just begun are small, so
# those of a batch of few images, such as the last one of an epoch, may all be within 0 to 1. The same four images in
# batches of one, two and four then have other calibration errors, accuracies and AUROCs. Whoever takes softmax first
# gets the same for every size. Seen:
#
#     calibration error, logits               1: 0.1167  2: 0.1167  4: 0.2077
#     calibration error, probabilities        1: 0.2077  2: 0.2077  4: 0.2077
#     accuracy of two classes, logits         1: 0.5000  2: 0.5000  4: 1.0000
#     accuracy of two classes, probabilities  1: 1.0000  2: 1.0000  4: 1.0000
#     AUROC, logits                           1: 0.6667  2: 0.6667  4: 1.0000
#     AUROC, probabilities                    1: 1.0000  2: 1.0000  4: 1.0000
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 torch==2.15.0 torchmetrics==1.9.0
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import torch
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, MulticlassCalibrationError


def show(title, metric, outputs, truth):
    scores = []
    for batch_size in (1, 2, 4):
        metric.reset()
        for batch in zip(outputs.split(batch_size), truth.split(batch_size)):
            metric.update(*batch)
        scores.append(f"{batch_size}: {metric.compute().item():.4f}")
    print(f"{title:39}", "  ".join(scores))


logits = torch.tensor([[0.9, 0.1], [0.2, 0.8], [3.0, 0.0], [0.0, 2.0]])
truth = torch.tensor([0, 1, 0, 1])
metric = MulticlassCalibrationError(num_classes=2, n_bins=10)
show("calibration error, logits", metric, logits, truth)
show("calibration error, probabilities", metric, logits.softmax(dim=1), truth)

logits = torch.tensor([0.2, 0.4, 1.4, -1.0])
truth = torch.tensor([1, 1, 1, 0])
for name, metric in (("accuracy of two classes", BinaryAccuracy()), ("AUROC", BinaryAUROC())):
    show(f"{name}, logits", metric, logits, truth)
    show(f"{name}, probabilities", metric, logits.sigmoid(), truth)
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
