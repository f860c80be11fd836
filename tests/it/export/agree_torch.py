"""As `agree.py`, of every PyTorch program below the folder that is named."""

import importlib.util
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file


def main():
    cases = {}
    for path in sorted(Path(sys.argv[1]).glob("*/network.py")):
        io = load_file(path.parent / "io.safetensors")
        spec = importlib.util.spec_from_file_location("network", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        network = module.load()
        with torch.inference_mode():
            images = module.preprocess(io["pixels"])
            most = max(
                float((given - expected).abs().max() / expected.abs().max().clamp(min=1))
                for given, expected in [(images, io["images"]), (network(io["images"]), io["logits"])]
            )
        # The weights alone fit the module too, and mmap takes them as they lie.
        network.load_state_dict(load_file(path.parent / "network.safetensors"))
        torch.load(path.with_suffix(".pt"), weights_only=True, mmap=True)
        cases[str(path)] = most
    print(json.dumps(cases))


main()
