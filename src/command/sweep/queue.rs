//! What a Slurm cluster says of the trials of a sweep, in words.

use std::collections::BTreeMap;

use crate::sweep::directory::{Error, SweepDir};
use crate::sweep::slurm::cluster::Queued;
use crate::sweep::slurm::submit::{alive, queued};

/// What the cluster says of the trials, a line each state: `4 pending: waiting for resources`.
pub fn queue(sweep: &SweepDir) -> Result<Vec<String>, Error> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for task in alive(sweep)? {
        let state = task.queued.state.to_lowercase();
        let words = match state.as_str() {
            "pending" => format!("{state}: {}", reason(&task.queued.reason)),
            _ => format!("{state} on {}", task.queued.node),
        };
        *counts.entry(words).or_default() += 1;
    }
    Ok(counts
        .into_iter()
        .map(|(words, count)| format!("{count} {words}"))
        .collect())
}

/// What the cluster does for each of some sweeps, in a word; `submitted` where it does not say.
pub fn words(sweeps: &[&SweepDir]) -> Vec<&'static str> {
    match queued(sweeps) {
        Ok(queued) => queued.iter().map(|it| word(it)).collect(),
        Err(_) => vec!["submitted"; sweeps.len()],
    }
}

fn word(queued: &[Queued]) -> &'static str {
    match queued {
        [] => "interrupted",
        queued if queued.iter().any(|it| it.state == "RUNNING") => "running",
        _ => "pending",
    }
}

/// Why a task does not run, in words.
fn reason(word: &str) -> &str {
    match word {
        "Resources" => "waiting for free resources",
        "Priority" => "waiting behind jobs of higher priority",
        "JobArrayTaskLimit" => "waiting for others of the array, as max_parallel says",
        "Dependency" => "waiting for the array before it",
        "DependencyNeverSatisfied" => {
            "never starts: a job that it waits for is gone; cancel and resume the sweep"
        }
        "BeginTime" => "starts later: it was requeued a moment ago, or has a --begin",
        "None" => "handed in a moment ago",
        "JobHeldUser" | "JobHeldAdmin" => "held; release it with scontrol release",
        "launch failed requeued held" => {
            "held after a failed start; see the node, then scontrol release"
        }
        "PartitionDown" | "PartitionInactive" => "the partition is down",
        "PartitionTimeLimit" => "never starts: `time` is above the partition's limit",
        "PartitionNodeLimit" => "never starts: the partition has no such nodes",
        word if word.starts_with("ReqNodeNotAvail") => "waiting for a node that is not available",
        "QOSMaxJobsPerUserLimit" | "AssocMaxJobsLimit" | "MaxJobsPerAccount" => {
            "waiting: as many jobs run as you may have"
        }
        "AssocGrpCpuLimit" | "QOSGrpCpuLimit" => {
            "waiting: as many processors are used as you may have"
        }
        other => other,
    }
}
