#!/usr/bin/env bash
# scikit-learn 1.9.1: classification_report prints the supports as floats if no prediction at all is right.
#
# A support is a count, and is printed as one, unless every prediction is wrong: then the counts of hits, which are made
# in another way where there are none, bring floats along. Whoever compares reports as text, or reads the last column as whole
# numbers, meets it in the first epochs of a training. Seen, the rows of the classes, one right and then none:
#
#     one  a     0.5000    0.5000    0.5000         2
#     one  b     0.0000    0.0000    0.0000         1
#     none a     0.0000    0.0000    0.0000       2.0
#     none b     0.0000    0.0000    0.0000       1.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet scikit-learn==1.9.1
"$venv/bin/python" - > "$work/output" << 'PYTHON'
from sklearn.metrics import classification_report

for name, predicted in [("one", "aba"), ("none", "bba")]:
    report = classification_report(list("aab"), list(predicted), digits=4, zero_division=0)
    for line in report.splitlines():
        if line.split()[:1] in (["a"], ["b"]):
            print(f"{name:4} {line.strip()}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
