#!/usr/bin/env bash
# How many trials an hour does a sweep of runner do, set against Hydra's multirun of PyTorch on the same machine?
#
#   benches/versus_hydra.sh [--rounds N] [--trials N] [--runner FILE] [--force]
#
#   --rounds N     how often everyone runs (3), some ten minutes each
#   --trials N     how many trials a sweep has: 4, 8, 12, 16, 20 or 24 (the default); fewer to try the script
#   --runner FILE  the program, instead of building it
#   --force        measure although the machine is not idle
#
# Prints a table in Markdown. Needs Linux, Rust, a C compiler and Python 3.11 or newer with venv. PyTorch and Hydra are
# installed on the first call, which downloads some gigabytes, below ${CARGO_TARGET_DIR:-target}/versus_pytorch.
# Exit codes: 2 wrong usage, 3 the machine is not idle.
set -euo pipefail
cd "$(dirname "$0")/.."
here=benches/versus_pytorch
target=${CARGO_TARGET_DIR:-target}
work=$target/versus_pytorch
python=$work/venv/bin/python

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' benches/versus_hydra.sh; }

rounds=3
trials=24
runner=
force=
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=${2:-}; shift ;;
    --trials) trials=${2:-}; shift ;;
    --runner) runner=${2:-}; shift ;;
    --force) force=" --force" ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  [ $# -eq 0 ] || shift
done
if ! [[ $rounds =~ ^[1-9][0-9]*$ ]]; then
  echo "--rounds takes a number of at least 1" >&2
  exit 2
fi
if ! [[ $trials =~ ^(4|8|12|16|20|24)$ ]]; then
  echo "--trials takes 4, 8, 12, 16, 20 or 24: some learning rates with each of the four batch sizes" >&2
  exit 2
fi
. benches/idle.sh
wait_until_idle 120

if [ -z "$runner" ]; then
  cargo build --release --locked
  runner=$target/release/runner
fi

. $here/install.sh

# The load of what was just built and installed has to fade too.
wait_until_idle 300

"$python" $here/measure_hydra.py --runner "$runner" --python "$python" --work "$work" --rounds "$rounds" \
  --trials "$trials" --command "benches/versus_hydra.sh --rounds $rounds --trials $trials$force"
