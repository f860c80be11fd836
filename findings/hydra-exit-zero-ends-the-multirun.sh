#!/usr/bin/env bash
# Hydra 1.4.0rc3: a job that calls sys.exit(0) ends the whole multirun, which reports success; the rest never runs.
#
# After an exception in a job the others still run, and the exit code is 1. sys.exit(0), which a program may well call when it
# has nothing to do, ends all: the jobs that follow are left out, and the exit code is 0, as if they had run. sys.exit(3) does the
# same, with 3. It is so with the launcher that comes with Hydra. Five jobs, the third of which ends in each of these ways. Seen:
#
#     return         0 1 2 3 4   exit code 0
#     raise          0 1 2 3 4   exit code 1
#     sys.exit(0)    0 1 2       exit code 0
#     sys.exit(3)    0 1 2       exit code 3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet hydra-core==1.4.0rc3 omegaconf==2.4.1rc1
cat > "$work/job.py" << 'PYTHON'
import sys

import hydra
from hydra.core.config_store import ConfigStore

ConfigStore.instance().store(name="defaults", node={"job": 0, "end": "return"})


@hydra.main(config_path=None, config_name="defaults")
def main(config):
    with open("jobs.txt", "a") as file:
        print(config.job, end=" ", file=file)
    if config.job == 2 and config.end.startswith("exit"):
        sys.exit(int(config.end[4:]))
    if config.job == 2 and config.end == "raise":
        raise ValueError("no good")


main()
PYTHON
script=$(realpath "$0")
cd "$work"
show() {
  local code=0
  rm -f jobs.txt
  "$venv/bin/python" job.py --multirun job=0,1,2,3,4 end="$2" > log.txt 2>&1 || code=$?
  printf '%-14s %-11s exit code %s\n' "$1" "$(cat jobs.txt)" "$code"
}
{
  show "return" return
  show "raise" raise
  show "sys.exit(0)" exit0
  show "sys.exit(3)" exit3
} > output
diff <(sed -n 's/^#     //p' "$script") output || { echo "it behaves differently now" >&2; exit 1; }
