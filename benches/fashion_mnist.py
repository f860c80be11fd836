"""Train a small convolutional network on Fashion-MNIST in PyTorch, to compare with.

    python benches/fashion_mnist.py FOLDER [--seeds 1 2 3] [--epochs 10] [--threads 1] [--csv FILE]

FOLDER holds the four IDX files of Fashion-MNIST, as they are or gzipped: 60,000 images to
train on and 10,000 to evaluate on. Debian has them in the package dataset-fashion-mnist.

Prints for each epoch the mean loss of its training batches (dropout at work, parameters
moving), the accuracy and the mean loss on the 10,000 images, and the seconds of training.
FILE gets `seed,epoch,accuracy,loss`, the last two on the 10,000 images, a line an epoch.

The network is PyTorch's own, down to how it starts; the optimizer is AdamW on all
parameters, its learning rate falls along half a cosine, step by step, to 0. Nothing is
augmented, and the images stay in memory.

Made for Python 3.11, torch 2.15.0 and numpy 2.4.6.
"""

import argparse
import gzip
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

MEAN, STD = 0.2860, 0.3530
BATCH = 200
RATE = 2e-3
DECAY = 1e-2


def read_idx(path):
    """The bytes of an IDX file, plain or under `path`.gz, in their shape."""
    if path.exists():
        content = path.read_bytes()
    else:
        content = gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes())
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, 4).tolist()
    return np.frombuffer(bytearray(content), np.uint8, -1, 4 + 4 * rank).reshape(shape)


def read_split(folder, prefix):
    """Normalised images [n, 1, 28, 28] and labels [n]."""
    images = torch.from_numpy(read_idx(folder / f"{prefix}-images-idx3-ubyte"))
    labels = torch.from_numpy(read_idx(folder / f"{prefix}-labels-idx1-ubyte"))
    return (images.unsqueeze(1).float() / 255 - MEAN) / STD, labels.long()


def network():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(3136, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


@torch.inference_mode()
def evaluate(model, images, labels):
    """Accuracy and mean loss."""
    model.eval()
    hits, loss = 0, 0.0
    for x, y in zip(images.split(500), labels.split(500)):
        logits = model(x)
        hits += (logits.argmax(1) == y).sum().item()
        loss += F.cross_entropy(logits, y, reduction="sum").item()
    return hits / len(labels), loss / len(labels)


def train(seed, epochs, training, evaluation):
    """Yields, after each epoch, training loss, accuracy, loss and seconds of training."""
    images, labels = training
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    total = epochs * math.ceil(len(labels) / BATCH)
    step = 0
    for _ in range(epochs):
        start = time.perf_counter()
        model.train()
        summed = 0.0
        for chosen in torch.randperm(len(labels)).split(BATCH):
            for group in optimizer.param_groups:
                group["lr"] = 0.5 * (1 + math.cos(math.pi * step / total)) * RATE
            loss = F.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            summed += loss.item() * len(chosen)
            step += 1
        seconds = time.perf_counter() - start
        yield summed / len(labels), *evaluate(model, *evaluation), seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    training = read_split(arguments.folder, "train")
    evaluation = read_split(arguments.folder, "t10k")
    if arguments.csv:
        arguments.csv.write_text("seed,epoch,accuracy,loss\n")
    print(f"torch {torch.__version__}, {arguments.threads} threads", flush=True)
    for seed in arguments.seeds:
        epochs = train(seed, arguments.epochs, training, evaluation)
        for epoch, (trained, accuracy, loss, seconds) in enumerate(epochs, 1):
            print(
                f"seed {seed} epoch {epoch}: training loss {trained:.4f}, "
                f"accuracy {accuracy:.4f}, loss {loss:.4f}, {seconds:.1f} s",
                flush=True,
            )
            if arguments.csv:
                with arguments.csv.open("a") as file:
                    file.write(f"{seed},{epoch},{accuracy:.4f},{loss:.6f}\n")


if __name__ == "__main__":
    main()
