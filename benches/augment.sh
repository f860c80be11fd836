#!/usr/bin/env bash
# How fast are images augmented, set against torchvision's transforms.v2 on the same machine?
#
#   benches/augment.sh PYTHON [ROUNDS]
#
# PYTHON is one that has torchvision (tests/fixtures/requirements.txt). Both work on 3x224x224 and 3x32x32 images of bytes in
# one process on 2 threads, in turn, ROUNDS times (3), and the median of each counts. Ours copies each image, augments it and
# makes normalized floats of it, as a training does; theirs is the transform alone. Prints a table in Markdown: images per
# second, and milliseconds of CPU time per image, which other work on the machine changes less.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
rounds=${2:-3}
work=${CARGO_TARGET_DIR:-target}/augment
mkdir -p "$work"
rm -f "$work"/*.txt
cargo bench --bench augment --no-run
for _ in $(seq "$rounds"); do
  RAYON_NUM_THREADS=2 cargo bench --quiet --bench augment >> "$work/runner.txt"
  "$python" benches/augment.py >> "$work/torchvision.txt"
done
"$python" - "$work" << 'PYTHON'
import collections
import pathlib
import statistics
import sys

folder = pathlib.Path(sys.argv[1])
tables = []
for name in ["runner", "torchvision"]:
    measured = collections.defaultdict(list)
    for line in (folder / f"{name}.txt").read_text().splitlines():
        step, side, rate, cpu = line.split()
        measured[step, int(side)].append((float(rate), float(cpu)))
    tables.append(measured)
print("| step | side | `runner`, images/s | torchvision, images/s | times | `runner`, CPU ms | torchvision, CPU ms | times |")
print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
for (step, side), ours in tables[0].items():
    theirs = tables[1][step, side]
    (rate, cpu), (their_rate, their_cpu) = (
        [statistics.median(values) for values in zip(*rounds)] for rounds in (ours, theirs)
    )
    print(
        f"| `{step}` | {side} | {rate:,.0f} | {their_rate:,.0f} | {rate / their_rate:.1f} "
        f"| {cpu:.3f} | {their_cpu:.3f} | {their_cpu / cpu:.1f} |"
    )
PYTHON
