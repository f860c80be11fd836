#!/usr/bin/env bash
# scipy 1.17.1: three pairs of scores that all differ by 0.1 differ with p = 1e-31, since binary rounding counts as their variation.
#
# The paired t test divides the mean difference by how much the differences vary. Where they are all the same there is nothing to divide by, and
# nothing that a test could say. 0.95 - 0.85 and its like differ by 1e-17 from each other in binary, so that three runs a side, an amount that proves
# little, give more evidence than any experiment; the exact case, 0.9 - 0.8 three times, is p = 0, with no error. The signed-rank test on the same
# numbers says 0.25. Seen:
#
#     first               second              ttest_rel      wilcoxon
#     0.95, 0.93, 0.91    0.85, 0.83, 0.81    p = 1.4e-31    p = 0.25
#     0.90, 0.90, 0.90    0.80, 0.80, 0.80    p = 0.0e+00    p = 0.25
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import warnings

from scipy.stats import ttest_rel, wilcoxon

warnings.simplefilter("ignore")  # of a loss of precision, and of the division by zero
print("first               second              ttest_rel      wilcoxon")
for first, second in (
    ([0.95, 0.93, 0.91], [0.85, 0.83, 0.81]),
    ([0.9, 0.9, 0.9], [0.8, 0.8, 0.8]),
):
    named = [", ".join(f"{value:.2f}" for value in values) for values in (first, second)]
    t, rank = ttest_rel(first, second).pvalue, wilcoxon(first, second).pvalue
    print(f"{named[0]}    {named[1]}    p = {t:.1e}    p = {rank:.2f}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
