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

# Waits until the load average is below 0.5, at most so many seconds.
wait_until_idle() {
  local left=$1 load
  [ -z "$force" ] || return 0
  while true; do
    read -r load _ < /proc/loadavg
    if awk -v load="$load" 'BEGIN { exit !(load < 0.5) }'; then
      return 0
    fi
    if [ "$left" -le 0 ]; then
      echo "refused: the load average is still $load, so that other work would be measured too." >&2
      echo "End that work (see top), or measure all the same with --force." >&2
      exit 3
    fi
    echo "the load average is $load, below 0.5 is idle; waiting, at most $left s more" >&2
    sleep 10
    left=$((left - 10))
  done
}

wait_until_idle 120

cargo build --release --locked

mkdir -p "$work"
# The list is put into the environment last: where it is, everything on it is.
if ! cmp -s $here/requirements.txt "$work/venv/requirements.txt"; then
  python3 -m venv --clear "$work/venv"
  "$python" -m pip install --quiet --requirement $here/requirements.txt
  cp $here/requirements.txt "$work/venv/requirements.txt"
fi
export PYTHONDONTWRITEBYTECODE=1
"$python" $here/data.py data/digits "$work"

# The load of what was just built and installed has to fade too.
wait_until_idle 300

"$python" $here/measure.py --runner "$target/release/runner" --python "$python" --work "$work" \
  --results benches/results --rounds "$rounds" --command "benches/versus_pytorch.sh --rounds $rounds$force"
