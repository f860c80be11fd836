#!/usr/bin/env bash
# What does a sweep cost beside its training?
#
#   benches/sweep.sh [RUNNER]
#
# RUNNER is the program, ${CARGO_TARGET_DIR:-target}/release/runner by default. Prints a table in Markdown; it takes about a
# minute. Works below ${CARGO_TARGET_DIR:-target}/sweep.
#
#   plan      a grid of 1,000 trials of a tiny network: --dry-run; all until the first trial is started
#   status    `sweep status` of that sweep; a twentieth of 20 calls
#   overhead  50 trials of one epoch of configs/baseline.toml, one at a time: the whole time without the seconds of
#             training, evaluation and checkpoints that their timing.csv have, a trial
#   halving   27 trials of configs/baseline.toml, set against the full grid of them: its epochs, and the rank that the
#             point it found has in the grid
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
runner=$(realpath "${1:-$target/release/runner}")
baseline=$PWD/configs/baseline.toml
work=$target/sweep
rm -rf "$work"
mkdir -p "$work"

# Runs a command and prints the seconds it took; its own output goes to last.txt.
seconds() {
  local start=$EPOCHREALTIME
  "$@" > "$work/last.txt" 2> "$work/errors.txt" || { cat "$work/errors.txt" >&2; exit 1; }
  awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", end - start }'
}
row() { printf '| %s | %s |\n' "$@"; }

# sweep_file NAME SEARCH PARAMETER...: of the baseline, unless $config is set
sweep_file() {
  local path=$work/$1.toml search=$2
  shift 2
  {
    printf 'config = "%s"\n[parameters]\n' "${config:-$baseline}"
    printf '%s\n' "$@"
    printf '[search]\n%s\n[objective]\nmonitor = "eval_accuracy"\n' "$search"
  } > "$path"
  echo "$path"
}

plan() {
  cat > "$work/tiny.toml" << 'TOML'
[data.synthetic]
train_images = 64
eval_images = 64
[training]
epochs = 1
batch_size = 8
learning_rate = 0.1
[optimizer.sgd]
[model]
input = [1, 4, 4]
layers = ["flatten", { linear = { out_features = 10 } }]
TOML
  local file out=$work/plan start first status
  file=$(config=tiny.toml sweep_file thousand "grid = {}" \
    '"training.learning_rate" = { values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0] }' \
    '"training.batch_size" = { values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }' \
    'seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]')
  row "1,000 trials: \`sweep run --dry-run\`" "$(seconds "$runner" sweep run "$file" --dry-run) s"

  start=$EPOCHREALTIME
  "$runner" sweep run "$file" --parallel 1 --out "$out" --quiet > "$work/last.txt" 2> "$work/errors.txt" &
  until compgen -G "$out/sweeps/*/logs/*.log" > /dev/null; do
    kill -0 $! || { cat "$work/errors.txt" >&2; exit 1; }
    sleep 0.005
  done
  first=$(awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", end - start }')
  "$runner" sweep cancel --out "$out" > "$work/last.txt" 2>&1
  wait $! || true
  row "1,000 trials: until the first one is started" "$first s"
  [ "$(cat "$out"/sweeps/*/trials.csv | wc -l)" = 1001 ]
  status=$(seconds bash -c 'for _ in {1..20}; do "$@" || exit; done' _ "$runner" sweep status --out "$out")
  row "1,000 trials: \`sweep status\`" "$(awk -v all="$status" 'BEGIN { printf "%.3f", all / 20 }') s"
}

overhead() {
  local file out=$work/overhead whole
  file=$(sweep_file fifty "grid = {}" "seeds = [$(seq -s ', ' 50)]")
  whole=$(seconds "$runner" sweep run "$file" training.epochs=1 --parallel 1 --out "$out")
  # Of each trial's timing.csv, the seconds by the names of their columns.
  awk -F, -v whole="$whole" '
    FNR == 1 { split("", column); for (i = 1; i <= NF; i++) if ($i ~ /^(train|eval|checkpoint)_seconds$/) column[i] }
    FNR > 1 { trials++; for (i in column) training += $i }
    END {
      if (trials != 50) exit 1
      printf "| 50 trials of one epoch, one at a time | %.3f s |\n", whole
      printf "| seconds of them in training, evaluation and checkpoints | %.3f s |\n", training
      printf "| the rest, a trial | %.3f s |\n", (whole - training) / trials
    }' "$out"/sweeps/*/trials/*-*/timing.csv
}

# The sum of the epochs that the points of a sweep have.
epochs() { "$runner" sweep show --csv --out "$1" | awk -F, 'NR > 1 { sum += $(NF - 1) } END { print sum }'; }

halving() {
  local parameters=(
    '"training.learning_rate" = { values = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 2e-2, 3e-2, 5e-2, 0.1] }'
    '"training.batch_size" = { values = [100, 250, 500] }'
  )
  local grid=$work/grid halving=$work/halving best rank file
  file=$(sweep_file grid "grid = {}" "${parameters[@]}")
  row "full grid of 27 trials" "$(seconds "$runner" sweep run "$file" --out "$grid") s"
  file=$(sweep_file halving "halving = { eta = 3, min_epochs = 1 }" "${parameters[@]}")
  row "halving of the 27 trials, eta 3" "$(seconds "$runner" sweep run "$file" --out "$halving") s"
  row "epochs of the halving in those of the grid" "$(awk -v a="$(epochs "$halving")" -v b="$(epochs "$grid")" \
    'BEGIN { printf "%d of %d, %.1f %%", a, b, 100 * a / b }')"
  best=$("$runner" sweep show --csv --out "$halving" | awk -F, 'NR == 2 { print $3 "," $4 }')
  rank=$("$runner" sweep show --csv --out "$grid" | awk -F, -v best="$best" '$3 "," $4 == best { print $1 }')
  row "learning rate and batch size that halving found, their rank in the grid" "$best: $rank of 27"
}

row "" "on $(nproc) cores"
row "---" "---:"
plan
overhead
halving
