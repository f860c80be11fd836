//! Which checkpoints may go.

use crate::config;

/// A checkpoint file and, where it ends an epoch, that epoch's value of the monitored column.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub file_name: String,
    pub value: Option<f64>,
}

/// The files to delete, oldest first. `candidates` are in the order of writing.
pub fn superfluous(candidates: &[Candidate], policy: &config::Checkpoint) -> Vec<String> {
    let newest = candidates.len().saturating_sub(policy.keep_last);
    let mut ranked: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.value.is_some_and(|value| !value.is_nan()))
        .collect();
    // Stable: of equal values the earlier is the better, as it took less training.
    ranked.sort_by(|a, b| {
        let (a, b) = (a.value.unwrap_or(0.0), b.value.unwrap_or(0.0));
        match policy.mode {
            config::Mode::Min => a.total_cmp(&b),
            config::Mode::Max => b.total_cmp(&a),
        }
    });
    let best: Vec<&str> = ranked
        .iter()
        .take(policy.keep_best)
        .map(|candidate| candidate.file_name.as_str())
        .collect();
    candidates[..newest]
        .iter()
        .map(|candidate| candidate.file_name.clone())
        .filter(|name| !best.contains(&name.as_str()))
        .collect()
}
