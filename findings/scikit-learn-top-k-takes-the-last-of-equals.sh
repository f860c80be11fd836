#!/usr/bin/env bash
# scikit-learn 1.9.1: of classes with equal scores, top_k_accuracy_score prefers the last, argmax the first.
#
# So with k = 1 it is not the accuracy of what argmax predicts, not even of a constant classifier: here the scores of all
# classes are equal, argmax predicts class 0 everywhere, and that is right for 3 of 4 samples. Only of one that has class 2
# is it thought right. Seen:
#
#     accuracy of argmax      0.75
#     top_k_accuracy, k = 1   0.25
#     with classes reversed   0.75
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet scikit-learn==1.9.1
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import numpy as np
from sklearn.metrics import accuracy_score, top_k_accuracy_score

labels = np.array([0, 0, 0, 2])
scores = np.zeros((4, 3))
print("accuracy of argmax     ", accuracy_score(labels, scores.argmax(axis=1)))
print("top_k_accuracy, k = 1  ", top_k_accuracy_score(labels, scores, k=1, labels=[0, 1, 2]))
print("with classes reversed  ", top_k_accuracy_score(2 - labels, scores[:, ::-1], k=1, labels=[0, 1, 2]))
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
