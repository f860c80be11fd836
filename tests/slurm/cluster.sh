#!/usr/bin/env bash
# A Slurm cluster of three nodes on this machine, for tests. It needs root, and munge, slurmctld, slurmd, slurm-client:
#
#     tests/slurm/cluster.sh FOLDER [LINE OF slurm.conf]...
#
# It says "up" once all nodes are, and then reads commands, a line each, and answers each with "done" or "failed":
#
#     power_off NODE      everything on the node is gone at once
#     kill_daemon NODE    slurmd dies, its jobs live on
#
# At the end of its input all processes of the cluster are ended, however they hide. All files are in FOLDER; whoever
# sets SLURM_CONF=FOLDER/slurm.conf talks to the cluster.
#
# A node is a process namespace with a host name of its own. Losing power is the end of its first process, with which the
# kernel ends all others, at one instant: no slurmstepd can report that its job died.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
nodes=(n1 n2 n3)

namespace=(unshare --fork --pid --mount-proc --uts --kill-child)

# The script starts itself again, in a namespace whose end is that of everything in it.
if [ -z "${SLURM_CLUSTER:-}" ]; then
  mkdir -p "$1"
  SLURM_CLUSTER=$(realpath "$1") exec "${namespace[@]}" "$0" "${@:2}"
fi
cd "$SLURM_CLUSTER"
export SLURM_CONF=$PWD/slurm.conf
declare -A machine # By node: the process that keeps its namespace.

# Addresses that no other cluster has: so ports need no search, and nothing listens but on loopback.
write_configuration() {
  local network=127.$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1)) number=1 node
  mkdir -p log state
  head -c 128 /dev/urandom > munge.key && chmod 600 munge.key
  {
    echo "127.0.0.1 localhost"
    echo "$network.200 controller"
    for node in "${nodes[@]}"; do echo "$network.$((number++)) $node"; done
  } > hosts
  # A job that is requeued waits for cred_expire and a second more. A node's memory is a claim that nobody checks.
  # Without acct_gather, task and cgroup plugins nothing needs cgroups.
  cat > slurm.conf <<CONF
ClusterName=test
SlurmctldHost=controller($network.200)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$PWD/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$PWD/state
SlurmdSpoolDir=$PWD/spool-%n
SlurmctldPidFile=$PWD/slurmctld.pid
SlurmdPidFile=$PWD/slurmd-%n.pid
SlurmctldLogFile=$PWD/log/slurmctld
SlurmdLogFile=$PWD/log/slurmd-%n
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory,CR_LLN
DefMemPerCPU=100
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
ReturnToService=2
SlurmdTimeout=10
KillWait=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
PartitionName=main Nodes=ALL Default=YES PriorityTier=1 GraceTime=30
PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF
CONF
  for node in "${nodes[@]}"; do
    echo "NodeName=$node NodeAddr=$node CPUs=6 RealMemory=2000" >> slurm.conf
  done
  printf '%s\n' "$@" >> slurm.conf
}

start() { "$@" < /dev/null >> log/start 2>&1 & }

power_on() {
  start "${namespace[@]}" sh -c 'hostname "$1"; slurmd -D -N "$1" & while :; do wait; sleep 1; done' sh "$1"
  machine[$1]=$!
}

power_off() {
  kill -KILL "${machine[$1]}"
  wait "${machine[$1]}" 2> /dev/null || true
}

kill_daemon() { pkill -KILL --parent "$(pgrep --parent "${machine[$1]}")" --exact slurmd; }

write_configuration "$@"
mount --bind hosts /etc/hosts
hostname controller
# The daemons share one processor, so that six jobs take their time on a machine of any size.
taskset --cpu-list --pid "$(taskset --cpu-list --pid $$ | grep -o '[0-9]*$')" $$ > log/start
start munged --foreground --force --key-file="$PWD/munge.key" --socket="$PWD/munge.socket" --pid-file="$PWD/munge.pid" \
  --log-file="$PWD/log/munged" --seed-file="$PWD/munge.seed"
until [ -S munge.socket ]; do sleep 0.05; done
start slurmctld -D
for node in "${nodes[@]}"; do power_on "$node"; done
for _ in $(seq 300); do
  [ "$(sinfo --noheader --Node --partition=main --format=%t 2>> log/start | grep -c idle)" = ${#nodes[@]} ] && break
  sleep 0.1
done || true
[ "$(sinfo --noheader --Node --partition=main --format=%t | grep -c idle)" = ${#nodes[@]} ] || { tail log/* >&2; exit 1; }
echo up

while read -r command node; do
  case $command in
    power_off | kill_daemon) "$command" "$node" && echo done || echo failed ;;
    *) echo failed ;;
  esac
done
