"""Trials of the baseline in PyTorch, as jobs of Hydra.

    python hydra_sweep.py --multirun folder=FOLDER learning_rate=1e-3,3e-3 batch_size=64,128 \\
      hydra/launcher=joblib hydra.launcher.n_jobs=2

FOLDER holds IDX files under MNIST's own names. The folder of each job gets epochs.jsonl.
"""

import json
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig

import trial

DEFAULTS = {"folder": "???", "threads": 1, "learning_rate": 1e-3, "batch_size": 500}
ConfigStore.instance().store(name="defaults", node=DEFAULTS)


@hydra.main(config_path=None, config_name="defaults")
def main(config):
    output = Path(HydraConfig.get().runtime.output_dir) / "epochs.jsonl"
    with output.open("w") as file:
        for line in trial.run(**config):
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
