# Sourced by the scripts that measure: other work would be measured too.

# Waits until the load average is below 0.5, at most so many seconds; ends the script with 3 if it never is.
# Not at all if $force is set.
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
