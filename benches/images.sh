#!/usr/bin/env bash
# How fast are image files read, set against torchvision on the same machine?
#
#   benches/images.sh PYTHON [ROUNDS]
#
# PYTHON is one that has torchvision (tests/fixtures/requirements.txt). Writes the bundled digits as 15,000
# JPEG files below ${CARGO_TARGET_DIR:-target}/images, then lets everyone read them in turn, ROUNDS times (5), on
# 2 threads, and prints seconds, the median last. `inspect` is the whole process: it lists, reads, decodes
# and hashes every file. torchvision's is the loop over read_image alone, its import left out.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
rounds=${2:-5}
target=${CARGO_TARGET_DIR:-target}
runner=$target/release/runner
work=$target/images
mkdir -p "$work"
[ -d "$work/digits" ] || "$runner" data export data/digits "$work/digits" --as jpeg > /dev/null
export RUNNER_THREADS=2

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
seconds() {
  local start=$EPOCHREALTIME
  "$@" > /dev/null
  awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", end - start }'
}
# What `check` says of loading the data, into memory or from the cache.
loading() {
  XDG_CACHE_HOME=$work/cache "$runner" check configs/baseline.toml data.path="$work/digits" |
    sed -n 's/.*the data in \([0-9.]*\) s.*/\1/p'
}

rm -f "$work"/*.seconds
for _ in $(seq "$rounds"); do
  seconds "$runner" data inspect "$work/digits" >> "$work/inspect.seconds"
  "$python" benches/read_images.py "$work/digits" --threads 2 --runs 1 > "$work/torchvision.txt"
  for threads in "1 thread" "2 threads"; do
    sed -n "s/^$threads: .*median \([0-9.]*\) s.*/\1/p" "$work/torchvision.txt" >> "$work/torchvision, $threads.seconds"
  done
  rm -rf "$work/cache"
  loading >> "$work/first start.seconds"
  loading >> "$work/second start.seconds"
done
for file in "$work"/*.seconds; do
  name=$(basename "$file" .seconds)
  printf '%-24s %s  median %s\n' "$name" "$(tr '\n' ' ' < "$file")" "$(median < "$file")"
done
