"""PyTorch at its best: all images in memory as bytes, batches cut from one tensor.

    python in_memory.py FOLDER --network baseline|dense [--threads 2] [--epochs N]

FOLDER holds IDX files under MNIST's own names.
"""

import argparse
from pathlib import Path

import torch

import data
import loop

# Network, epochs, batch size, and the factor on each pixel: as in the two configs.
NETWORKS = {
    "baseline": (loop.baseline, 5, 500, 1.0),
    "dense": (loop.dense, 3, 128, 1 / 255),
}


class Batches:
    """The batches of a split, in a new random order each time if they are shuffled."""

    def __init__(self, folder, prefix, size, scale, shuffle):
        images = torch.from_numpy(data.read_idx(folder / f"{prefix}-images-idx3-ubyte"))
        labels = torch.from_numpy(data.read_idx(folder / f"{prefix}-labels-idx1-ubyte"))
        self.images = images.unsqueeze(1) if images.dim() == 3 else images
        self.labels = labels.long()
        self.size = size
        self.scale = scale
        self.shuffle = shuffle

    def __iter__(self):
        count = len(self.labels)
        order = torch.randperm(count) if self.shuffle else None
        for start in range(0, count, self.size):
            chosen = slice(start, start + self.size)
            if self.shuffle:
                chosen = order[chosen]
            images = self.images[chosen].float()
            if self.scale != 1.0:
                images.mul_(self.scale)
            yield images, self.labels[chosen]


def scores(labels, predictions, classes=10):
    """Accuracy and macro F1, scikit-learn's definitions without its start-up time."""
    pairs = torch.bincount(labels * classes + predictions, minlength=classes**2)
    confusion = pairs.view(classes, classes).double()
    hits = confusion.diag()
    sums = confusion.sum(0) + confusion.sum(1)
    f1 = (2 * hits / sums)[sums > 0].mean()
    return (hits.sum() / confusion.sum()).item(), f1.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    network, epochs, size, scale = NETWORKS[arguments.network]
    training = Batches(arguments.folder, "train", size, scale, shuffle=True)
    evaluation = Batches(arguments.folder, "t10k", size, scale, shuffle=False)
    loop.run(network(), training, evaluation, arguments.epochs or epochs, scores)


if __name__ == "__main__":
    main()
