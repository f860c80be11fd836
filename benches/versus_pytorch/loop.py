"""What the PyTorch contenders share: the networks, and the loop over their epochs.

Every epoch of `run` ends with one line of JSON on stdout; measure.py reads it.
"""

import json
import time

import torch
from torch import nn


def baseline():
    """The network of configs/baseline.toml."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(1600, 10),
    )


def dense():
    """The network of dense.toml."""
    layers = []
    for inputs, outputs, stride in ((3, 32, 1), (32, 64, 2), (64, 128, 2)):
        layers += [
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)
    )


def run(network, training, evaluation, epochs, scores):
    """Train and evaluate as the two configs do, and print every epoch."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for line in train(network, training, evaluation, epochs, scores, optimizer):
        print(json.dumps(line), flush=True)


def train(network, training, evaluation, epochs, scores, optimizer):
    """A line an epoch; `scores` takes labels and predictions, gives accuracy and F1."""
    for epoch in range(1, epochs + 1):
        line = {"epoch": epoch}
        for split, batches, trainer in (
            ("train", training, optimizer),
            ("eval", evaluation, None),
        ):
            rate, loss, labels, predictions = one_pass(network, batches, trainer)
            accuracy, f1 = scores(labels, predictions)
            line |= {
                f"{split}_images_per_second": rate,
                f"{split}_loss": loss,
                f"{split}_accuracy": accuracy,
                f"{split}_f1": f1,
            }
        yield line


def one_pass(network, batches, optimizer):
    """One pass over the batches; it trains if there is an optimizer.

    The images per second count what `runner` counts too: reading the batches, forward,
    backward and the step, but not the scores of the epoch.
    """
    network.train(optimizer is not None)
    total, labels, predictions = 0.0, [], []
    start = time.perf_counter()
    with torch.inference_mode(optimizer is None):
        for images, truth in batches:
            logits = network(images)
            loss = nn.functional.cross_entropy(logits, truth)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(truth)
            labels.append(truth)
            predictions.append(logits.argmax(1))
    seconds = time.perf_counter() - start
    labels, predictions = torch.cat(labels), torch.cat(predictions)
    return len(labels) / seconds, total / len(labels), labels, predictions
