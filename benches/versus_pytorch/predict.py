"""Predict image files as a PyTorch user would who wants it fast: read_image, batches, channels_last.

    python predict.py CHECKPOINT FOLDER OUT.csv [--threads 2] [--batch-size 500]

CHECKPOINT is one of the baseline's. Files are read by a pool of threads while the network is busy. Writes the path and the class of
each image; `runner predict --csv` has both too.
"""

import argparse
import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torchvision.io import ImageReadMode, read_image

import loop


def weights(path):
    """The parameters of a checkpoint: safetensors is a header in JSON with numbers behind it."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    state = {}
    for name, entry in header.items():
        if name.startswith("model.layers."):
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            values = torch.frombuffer(bytearray(content[start:end]), dtype=torch.float32)
            state[name.removeprefix("model.layers.")] = values.view(entry["shape"])
    return state


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=500)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    network = loop.baseline()
    network.load_state_dict(weights(arguments.checkpoint))
    network = network.eval().to(memory_format=torch.channels_last)
    paths = sorted(str(path) for path in arguments.folder.rglob("*.png"))
    size = arguments.batch_size
    batches = [paths[start : start + size] for start in range(0, len(paths), size)]

    def read(batch):
        return torch.stack([read_image(path, ImageReadMode.GRAY) for path in batch])

    with (
        open(arguments.out, "w", newline="") as out,
        ThreadPoolExecutor(arguments.threads) as pool,
        torch.inference_mode(),
    ):
        rows = csv.writer(out)
        rows.writerow(["path", "prediction", "probability"])
        for batch, images in zip(batches, pool.map(read, batches)):
            images = images.float().to(memory_format=torch.channels_last)
            probabilities = network(images).softmax(1)
            best, classes = probabilities.max(1)
            rows.writerows(zip(batch, classes.tolist(), best.tolist()))


if __name__ == "__main__":
    main()
