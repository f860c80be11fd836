#!/usr/bin/env bash
# Optuna 5.0.0: a study that is resumed with the same seeded sampler suggests its first points again.
#
# The storage keeps the trials, not the state of the sampler's generator, which starts anew from the seed. So of a study that is
# cut after four trials and resumed, trials 5 to 8 are trials 1 to 4 again: the work is repeated and nothing is learned. The same
# seed in two workers gives the same points in both. TPESampler does so until it has its 10 start-up trials, RandomSampler
# always; QMCSampler goes on, as it keeps its place in the storage. x of eight trials. Seen:
#
#     TPESampler     at once    0.417 0.720 0.000 0.302 0.147 0.092 0.186 0.346
#     TPESampler     resumed    0.417 0.720 0.000 0.302 0.417 0.720 0.000 0.302
#     RandomSampler  at once    0.417 0.720 0.000 0.302 0.147 0.092 0.186 0.346
#     RandomSampler  resumed    0.417 0.720 0.000 0.302 0.417 0.720 0.000 0.302
#     QMCSampler     at once    0.417 0.000 0.500 0.750 0.250 0.375 0.875 0.625
#     QMCSampler     resumed    0.417 0.000 0.500 0.750 0.250 0.375 0.875 0.625
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 optuna==5.0.0 scipy==1.17.1
"$venv/bin/python" - "$work" > "$work/output" << 'PYTHON'
import sys
import warnings

import optuna
from optuna import samplers

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")  # that QMCSampler is experimental


def objective(trial):
    return (trial.suggest_float("x", 0, 1) - 0.3) ** 2


def trials(sampler, parts):
    name = f"{sampler.__name__}-{len(parts)}"
    for count in parts:
        study = optuna.create_study(
            storage=f"sqlite:///{sys.argv[1]}/studies.db",
            study_name=name,
            sampler=sampler(seed=1),
            load_if_exists=True,
        )
        study.optimize(objective, n_trials=count)
    return " ".join(f"{trial.params['x']:.3f}" for trial in study.trials)


for sampler in (samplers.TPESampler, samplers.RandomSampler, samplers.QMCSampler):
    print(f"{sampler.__name__:14} at once    {trials(sampler, [8])}")
    print(f"{sampler.__name__:14} resumed    {trials(sampler, [4, 4])}")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
