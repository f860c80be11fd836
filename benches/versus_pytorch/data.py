"""Write what the contenders read; what is there already stays.

    python data.py DIGITS WORK

DIGITS holds the IDX files of data/digits. Below WORK come

    jpegs/{train,test}/<class>/<index>.jpg   the same digits as JPEG files
    mnist/                                   60,000 + 10,000 images of 1x28x28
    dense/                                   2,560 + 2,560 images of 3x32x32

The last two are noise with random labels, from a fixed seed, as IDX files under MNIST's own
names; those of dense/ have four dimensions.
"""

import gzip
import shutil
import sys
from pathlib import Path

import numpy as np


def read_idx(path):
    """The bytes of an IDX file, plain or under `path`.gz, in their shape."""
    if path.exists():
        content = np.fromfile(path, np.uint8)
    else:
        packed = path.with_name(f"{path.name}.gz").read_bytes()
        content = np.frombuffer(bytearray(gzip.decompress(packed)), np.uint8)
    if content[:3].tolist() != [0, 0, 8]:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    start = 4 + 4 * int(content[3])
    shape = content[4:start].view(">u4").tolist()
    return content[start:].reshape(shape)


def write_idx(path, array):
    """An array of bytes as a plain IDX file."""
    sizes = np.array(array.shape, ">u4").tobytes()
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def write_jpegs(folder, digits):
    """Both splits of the digits, one folder a class."""
    # Only here: in_memory.py shall not pay for it.
    from PIL import Image

    for prefix, split in (("train", "train"), ("t10k", "test")):
        images = read_idx(digits / f"{prefix}-images-idx3-ubyte")
        labels = read_idx(digits / f"{prefix}-labels-idx1-ubyte")
        for label in range(10):
            (folder / split / str(label)).mkdir(parents=True)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = folder / split / str(label) / f"{index:05}.jpg"
            Image.fromarray(image).save(path, quality=95)


def write_noise(folder, shape, training, evaluation):
    """Both splits of random images of this shape, with random labels."""
    generator = np.random.default_rng(1)
    for prefix, count in (("train", training), ("t10k", evaluation)):
        images = generator.integers(0, 256, (count, *shape), np.uint8)
        labels = generator.integers(0, 10, count, np.uint8)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)


def once(folder, write, *arguments):
    """Write a folder whole or not at all, unless it is there."""
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write(unfinished, *arguments)
    unfinished.rename(folder)


def main():
    digits, work = map(Path, sys.argv[1:])
    once(work / "jpegs", write_jpegs, digits)
    once(work / "mnist", write_noise, (28, 28), 60_000, 10_000)
    once(work / "dense", write_noise, (3, 32, 32), 2_560, 2_560)


if __name__ == "__main__":
    main()
