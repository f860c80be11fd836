#!/usr/bin/env bash
# Ray Tune 2.60.0: which trials ASHA stops depends on which of them is slower.
#
# The asynchronous scheduler compares a trial that reaches a rung with those that have been there before, not with those that
# come later, and the first one always goes on. So a busy machine or a cold cache changes which trials get their full
# length, with equal seeds and equal scores. Two trials side by side, the second one better in every epoch; one of them takes 3 s
# an epoch, the other 0.1 s. The worse one is trained to the end if it is quick, and stopped after an epoch if it is slow.
# The epochs of each. Seen:
#
#     the worse one is slow     worse 1, better 3
#     the better one is slow    worse 3, better 3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.4.6 "ray[tune]==2.60.0"
RAY_AIR_NEW_OUTPUT=0 "$venv/bin/python" - "$work" > "$work/output" 2> "$work/errors" << 'PYTHON' || { cat "$work/errors" >&2; exit 1; }
import logging
import sys
import time

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler


def train(config):
    for epoch in range(1, 4):
        time.sleep(3 if config["name"] == config["slow"] else 0.1)
        score = epoch * {"worse": 0.5, "better": 0.6}[config["name"]]
        tune.report({"score": score, "epoch": epoch})


def show(slow):
    scheduler = ASHAScheduler(time_attr="epoch", grace_period=1, max_t=3, reduction_factor=3)
    tuner = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space={"name": tune.grid_search(["worse", "better"]), "slow": slow},
        tune_config=tune.TuneConfig(metric="score", mode="max", scheduler=scheduler),
        run_config=tune.RunConfig(storage_path=f"{sys.argv[1]}/{slow}", verbose=0),
    )
    epochs = [f"{trial.config['name']} {trial.metrics['epoch']}" for trial in tuner.fit()]
    print(f"{f'the {slow} one is slow':25} {', '.join(epochs)}")


ray.init(num_cpus=2, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False, _temp_dir=f"{sys.argv[1]}/ray")
show("worse")
show("better")
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
