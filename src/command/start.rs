//! The known weights that a run begins with, in lines.

use crate::model::Anew;
use crate::train::Start;
use crate::weights::listed;

/// What was taken over from where, what begins anew, and what is not used.
pub fn lines(start: &Start) -> Vec<String> {
    let (source, transfer) = (&start.source, &start.transfer);
    let mut lines = vec![format!(
        "weights: {} of {} arrays from {} (sha256 {}...)",
        transfer.taken,
        transfer.taken + transfer.anew.len(),
        source.file.display(),
        &source.sha256[..12]
    )];
    let anew: Vec<String> = transfer.anew.iter().map(told).collect();
    if !anew.is_empty() {
        let anew = listed(anew.iter().map(String::as_str));
        lines.push(format!("weights that begin anew: {anew}"));
    }
    if !transfer.unused.is_empty() {
        let unused = listed(transfer.unused.iter().map(String::as_str));
        lines.push(format!("weights that are not used: {unused}"));
    }
    lines
}

/// `layers.9.weight (10x64, there 5x64)`
fn told(anew: &Anew) -> String {
    let by = |shape: &[usize]| {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        sizes.join("x")
    };
    match &anew.known {
        Some(known) => format!("{} ({}, there {})", anew.name, by(&anew.shape), by(known)),
        None => anew.name.clone(),
    }
}
