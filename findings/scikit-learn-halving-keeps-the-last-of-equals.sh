#!/usr/bin/env bash
# scikit-learn 1.9.1: of candidates with equal scores, HalvingGridSearchCV keeps the last, then takes the first of these.
#
# GridSearchCV takes the first of equals. Halving sorts a round by score and keeps the end of it, so that the last
# candidates survive; of the survivors of the last round, its best is again the first. So the result of a tie depends on the order in
# which the values were written, and is neither the first nor the last. Ties are common early, where few samples make
# few different scores. Eight candidates, all equally good, in both orders; factor 3, the defaults else. Seen:
#
#     values                    survivors    halving    grid
#     0 1 2 3 4 5 6 7           5 6 7        5          0
#     7 6 5 4 3 2 1 0           2 1 0        2          7
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 scikit-learn==1.9.1
"$venv/bin/python" - > "$work/output" << 'PYTHON'
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV


class AlwaysZero(ClassifierMixin, BaseEstimator):
    def __init__(self, value=0):
        self.value = value

    def fit(self, samples, labels):
        self.classes_ = np.unique(labels)
        return self

    def predict(self, samples):
        return np.zeros(len(samples), int)


samples, labels = np.zeros((1000, 1)), np.arange(1000) % 2
print("values                    survivors    halving    grid")
for values in (list(range(8)), list(range(7, -1, -1))):
    grid = GridSearchCV(AlwaysZero(), {"value": values}).fit(samples, labels)
    halving = HalvingGridSearchCV(AlwaysZero(), {"value": values}, factor=3, random_state=0).fit(samples, labels)
    rounds = zip(halving.cv_results_["params"], halving.cv_results_["iter"], strict=True)
    survivors = [params["value"] for params, turn in rounds if turn == 1]
    columns = [" ".join(map(str, values)), " ".join(map(str, survivors))]
    best = halving.best_params_["value"]
    print(f"{columns[0]:25} {columns[1]:12} {best:<10} {grid.best_params_['value']}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
