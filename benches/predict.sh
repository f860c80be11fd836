#!/usr/bin/env bash
# How fast does a trained network tell the classes of image files, set against PyTorch on the same machine?
#
#   benches/predict.sh PYTHON [ROUNDS]
#
# PYTHON is one that has torch and torchvision (tests/fixtures/requirements.txt). Trains the baseline, writes the bundled digits as 15,000
# PNG files below ${CARGO_TARGET_DIR:-target}/predict, then lets both predict all of them and a single one in turn, ROUNDS times (5), on 2
# threads, whole processes; prints seconds, the median last, and how many classes differ.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
rounds=${2:-5}
target=${CARGO_TARGET_DIR:-target}
runner=$target/release/runner
work=$target/predict
mkdir -p "$work"
[ -d "$work/digits" ] || "$runner" data export data/digits "$work/digits" > /dev/null
run=$("$runner" run configs/baseline.toml -q --out "$work/runs")
checkpoint=$(ls "$run"/checkpoints/step-*.safetensors | tail -n 1)
one=$(find "$work/digits/test/7" -name '*.png' | sort | head -n 1)
mkdir -p "$work/one" && cp "$one" "$work/one"
export RUNNER_THREADS=2

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
# Appends the seconds of a command to a file; its output goes to another.
timed() {
  local file=$1 out=$2 start=$EPOCHREALTIME
  shift 2
  "$@" > "$out" 2> /dev/null
  awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", end - start }' >> "$file"
}

rm -f "$work"/*.seconds
for _ in $(seq "$rounds"); do
  timed "$work/runner, 15,000 images.seconds" "$work/runner.csv" "$runner" predict "$run" "$work/digits" --csv --checkpoint last
  timed "$work/PyTorch, 15,000 images.seconds" /dev/null "$python" benches/versus_pytorch/predict.py "$checkpoint" "$work/digits" "$work/pytorch.csv"
  timed "$work/runner, 1 image.seconds" /dev/null "$runner" predict "$run" "$one" --checkpoint last
  timed "$work/PyTorch, 1 image.seconds" /dev/null "$python" benches/versus_pytorch/predict.py "$checkpoint" "$work/one" "$work/one.csv"
done
for file in "$work"/*.seconds; do
  name=$(basename "$file" .seconds)
  printf '%-24s %s  median %s\n' "$name" "$(tr '\n' ' ' < "$file")" "$(median < "$file")"
done
classes() { tail -n +2 "$1" | tr -d '\r' | cut -d , -f "1,$2" | sort; }
printf 'classes that differ      %s\n' "$(comm -3 <(classes "$work/runner.csv" 3) <(classes "$work/pytorch.csv" 2) | wc -l)"
