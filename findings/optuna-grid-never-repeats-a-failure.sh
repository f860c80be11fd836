#!/usr/bin/env bash
# Optuna 5.0.0: GridSampler counts a point that failed as done, and never tries it again.
#
# A trial that raises, or whose value is NaN, is FAIL in the storage. GridSampler leaves out the points of all trials that have
# ended, of those that failed too. So of a grid of four points, one of which failed for a reason that has passed (memory, a disk, a
# lost machine), the resumed study runs the others, stops, and is complete with three values; resumed again, it runs
# a point a second time that has been complete before, but not the failed one. Seen:
#
#     first, x = 2 fails    3 COMPLETE, 4 COMPLETE, 2 FAIL
#     resumed               3 COMPLETE, 4 COMPLETE, 2 FAIL, 1 COMPLETE
#     resumed again         3 COMPLETE, 4 COMPLETE, 2 FAIL, 1 COMPLETE, 1 COMPLETE
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 optuna==5.0.0
"$venv/bin/python" - "$work" > "$work/output" << 'PYTHON'
import sys
import warnings

import optuna

optuna.logging.set_verbosity(optuna.logging.CRITICAL)
warnings.simplefilter("ignore")  # that the grid is exhausted


def run(title, disk_is_full):
    def objective(trial):
        x = trial.suggest_int("x", 1, 4)
        if x == 2 and disk_is_full:
            raise OSError("no space left on device")
        return x

    study = optuna.create_study(
        storage=f"sqlite:///{sys.argv[1]}/studies.db",
        study_name="grid",
        sampler=optuna.samplers.GridSampler({"x": [1, 2, 3, 4]}, seed=0),
        load_if_exists=True,
    )
    try:
        study.optimize(objective)
    except OSError:
        pass
    seen = (f"{trial.params['x']} {trial.state.name}" for trial in study.trials)
    print(f"{title:21} {', '.join(seen)}")


run("first, x = 2 fails", True)
run("resumed", False)
run("resumed again", False)
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
