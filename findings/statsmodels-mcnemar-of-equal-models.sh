#!/usr/bin/env bash
# statsmodels 0.15.0: two models that never disagree differ with p = 0 by mcnemar(exact=False).
#
# McNemar's test compares two models by the samples where only one of them is right. Where there are none, they cannot be told
# apart, and the exact test says p = 1. The chi-square form divides by their number: with the continuity correction, the default
# of exact=False, 1 / 0 is infinite, so that p is 0, the strongest evidence there is; without, 0 / 0 is NaN. Both
# models right in 10 samples, wrong in 5; below, one more where they disagree. Seen:
#
#     disagree    exact       corrected    uncorrected
#     0           p = 1.00    p = 0.00     p = nan
#     1           p = 1.00    p = 1.00     p = 0.32
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 statsmodels==0.15.0
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import warnings

from statsmodels.stats.contingency_tables import mcnemar

warnings.simplefilter("ignore")  # NumPy's of the division by zero
print("disagree    exact       corrected    uncorrected")
for only_first in (0, 1):
    table = [[10, only_first], [0, 5]]
    exact = mcnemar(table, exact=True).pvalue
    corrected = mcnemar(table, exact=False).pvalue
    uncorrected = mcnemar(table, exact=False, correction=False).pvalue
    print(f"{only_first:<11} p = {exact:.2f}    p = {corrected:.2f}     p = {uncorrected:.2f}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
