"""The tutorial's script: JPEG files read from disk by a DataLoader, every epoch anew.

    python tutorial.py FOLDER [--threads 2] [--epochs 5]

FOLDER holds train/<class>/*.jpg and test/<class>/*.jpg, as data.py writes them.
"""

import argparse
from pathlib import Path

import torch
from sklearn.metrics import accuracy_score, f1_score
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, read_image

import loop


class Folder(Dataset):
    """Grey images in one folder a class, as floats from 0 to 255."""

    def __init__(self, root):
        classes = sorted(path for path in root.iterdir() if path.is_dir())
        self.items = [
            (str(image), label)
            for label, folder in enumerate(classes)
            for image in sorted(folder.glob("*.jpg"))
        ]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        path, label = self.items[index]
        return read_image(path, ImageReadMode.GRAY).float(), label


def scores(labels, predictions):
    """Accuracy and macro F1 as scikit-learn computes them."""
    f1 = f1_score(labels, predictions, average="macro", zero_division=0)
    return float(accuracy_score(labels, predictions)), float(f1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    training, evaluation = (
        DataLoader(Folder(arguments.folder / split), batch_size=500, shuffle=True)
        for split in ("train", "test")
    )
    loop.run(loop.baseline(), training, evaluation, arguments.epochs, scores)


if __name__ == "__main__":
    main()
