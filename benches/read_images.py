"""How long does torchvision take to read and decode a folder of JPEG files?

    python benches/read_images.py FOLDER [--threads N] [--runs 5]

All .jpg and .jpeg files below FOLDER, in the order of their paths, listed beforehand, are
decoded with torchvision.io.read_image as they are, grey or in colour: once on this thread alone
and once, with N of at least 2, on a ThreadPoolExecutor of N threads, each --runs times. What
was decoded is let go at once. A first pass, which is not timed, brings the files into memory.

Prints the seconds of the best run and of the median, and images per second at the median.

Made for Python 3.11, torch 2.15.0 and torchvision 0.29.2.
"""

import argparse
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torchvision
from torchvision.io import read_image


def jpegs(folder):
    """The paths of all JPEG files below a folder, sorted."""
    paths = []
    for root, _, names in os.walk(folder):
        paths += [
            os.path.join(root, name) for name in names if name.lower().endswith((".jpg", ".jpeg"))
        ]
    return sorted(paths)


def read(path):
    """The bytes of one image; no tensor is kept."""
    return read_image(path).numel()


def on_this_thread(paths):
    return sum(map(read, paths))


def timed(call, runs):
    """The seconds of each run."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def report(what, seconds, images):
    median = statistics.median(seconds)
    print(
        f"{what}: best {min(seconds):.3f} s, median {median:.3f} s of {len(seconds)}, "
        f"{images / median:,.0f} images/s",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    paths = jpegs(arguments.folder)
    if not paths:
        raise SystemExit(f"no JPEG files below {arguments.folder}")
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}")
    print(f"{len(paths):,} files, {on_this_thread(paths):,} bytes decoded", flush=True)

    report("1 thread", timed(lambda: on_this_thread(paths), arguments.runs), len(paths))
    if arguments.threads > 1:
        # The threads are there before time is taken. Each takes a share of neighbours at a time,
        # so that handing out files costs little.
        share = max(1, len(paths) // (arguments.threads * 8))
        shares = [paths[start : start + share] for start in range(0, len(paths), share)]
        with ThreadPoolExecutor(arguments.threads) as pool:
            seconds = timed(lambda: sum(pool.map(on_this_thread, shares)), arguments.runs)
        report(f"{arguments.threads} threads", seconds, len(paths))


if __name__ == "__main__":
    main()
