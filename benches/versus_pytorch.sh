#!/usr/bin/env bash
# How fast is runner, set against PyTorch on the same machine?
#
#   benches/versus_pytorch.sh [--rounds N] [--force]
#
#   --rounds N  how often everyone runs, at least 5 (the default), about five minutes each
#   --force     measure although the machine is not idle
#
# Writes benches/results/<date>-versus-pytorch.md and .csv (those of the same day are replaced).
# Needs Linux, Rust, a C compiler and Python 3.11 or newer with venv. PyTorch is installed on the first
# call, which downloads some gigabytes, below ${CARGO_TARGET_DIR:-target}/versus_pytorch; so are the data.
# Exit codes: 2 wrong usage, 3 the machine is not idle.
set -euo pipefail
cd "$(dirname "$0")/.."
here=benches/versus_pytorch
target=${CARGO_TARGET_DIR:-target}
work=$target/versus_pytorch
python=$work/venv/bin/python

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' benches/versus_pytorch.sh; }

rounds=5
force=
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=${2:-}; shift ;;
    --rounds=*) rounds=${1#*=} ;;
    --force) force=" --force" ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  [ $# -eq 0 ] || shift
done
if ! [[ $rounds =~ ^[1-9][0-9]*$ ]] || [ "$rounds" -lt 5 ]; then
  echo "--rounds takes a number of at least 5: fewer do not show the spread" >&2
  exit 2
fi

. benches/idle.sh
wait_until_idle 120

cargo build --release --locked

. $here/install.sh
"$python" $here/data.py data/digits "$work"

# The load of what was just built and installed has to fade too.
wait_until_idle 300

"$python" $here/measure.py --runner "$target/release/runner" --python "$python" --work "$work" \
  --results benches/results --rounds "$rounds" --command "benches/versus_pytorch.sh --rounds $rounds$force"
