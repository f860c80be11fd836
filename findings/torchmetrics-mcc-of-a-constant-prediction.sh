#!/usr/bin/env bash
# torchmetrics 1.9.0: of two classes, a network that always says the same has a Matthews correlation of up to 1.
#
# Where one class is never predicted, or never occurs, the coefficient is 0 / 0. scikit-learn calls it 0, and so does
# torchmetrics with three classes or more. With two it gives a value that depends on how often the constant is right and on how
# many images there are: a network that has learnt nothing scores 0.27 or 0.58, and 1 or -1 if all images are of one class.
# Many trainings begin like this, and a checkpoint or an early stop that goes by the coefficient then keeps the
# wrong epoch. The last row, for comparison, is a prediction that has learnt something. Seen:
#
#     always class 0, right for               scikit-learn  2 classes  3 classes
#     3 of 4                                           0.0      0.577        0.0
#     1 of 4                                           0.0     -0.577        0.0
#     90 of 100                                        0.0      0.267        0.0
#     990 of 1000                                      0.0      0.311        0.0
#     4 of 4                                           0.0        1.0        0.0
#     0 of 4                                           0.0       -1.0        0.0
#     not always class 0, right for 6 of 10            0.2        0.2        0.2
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 torch==2.15.0 torchmetrics==1.9.0 scikit-learn==1.9.1
"$venv/bin/python" -W ignore - > "$work/output" << 'PYTHON'
import torch
from sklearn.metrics import matthews_corrcoef
from torchmetrics.functional.classification import multiclass_matthews_corrcoef


def show(title, predicted, truth):
    values = [matthews_corrcoef(truth, predicted)]
    for classes in (2, 3):
        value = multiclass_matthews_corrcoef(torch.tensor(predicted), torch.tensor(truth), classes)
        values.append(value.item())
    scikit_learn, two, three = (round(float(value), 3) for value in values)
    print(f"{title:38} {scikit_learn:13} {two:10} {three:10}")


print(f"{'always class 0, right for':38} {'scikit-learn':>13} {'2 classes':>10} {'3 classes':>10}")
for right, total in ((3, 4), (1, 4), (90, 100), (990, 1000), (4, 4), (0, 4)):
    show(f"{right} of {total}", [0] * total, [0] * right + [1] * (total - right))
show(
    "not always class 0, right for 6 of 10",
    [0, 0, 0, 1, 1, 1, 1, 1, 0, 0],
    [0, 0, 0, 1, 1, 1, 0, 0, 1, 1],
)
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
