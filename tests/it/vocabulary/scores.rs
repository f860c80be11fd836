//! Each score of an evaluation against scikit-learn.

use std::collections::BTreeMap;

use runner::metrics::{COLUMNS, EpochRecord, Evaluation, Scored, Tally, column};
use serde::Deserialize;

use super::cases;

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    labels: Vec<u32>,
    logits: Vec<Vec<f32>>,
    top_k: usize,
    bins: usize,
    f1_per_class: Vec<f64>,
    /// By the names of their columns without the `eval_`; `None` where a score is not defined.
    #[serde(flatten)]
    scores: BTreeMap<String, Option<f64>>,
}

/// Those that training has too are compared in `metrics.rs`.
#[test]
fn every_score_is_scikit_learns() {
    for case in cases::<Case>("scores.json") {
        let mut evaluation = Evaluation::new(case.classes, case.top_k, case.bins);
        for (label, row) in case.labels.iter().zip(&case.logits) {
            evaluation.add(0.0, &[Scored::new(row, *label)]);
        }
        for (class, theirs) in case.f1_per_class.iter().enumerate() {
            let ours = evaluation.confusion().class(class).f1;
            let is_close = (ours - theirs).abs() <= 1e-12;
            assert!(is_close, "class {class} of {}", case.name);
        }
        let row = EpochRecord {
            epoch: 1,
            step: 1,
            learning_rate: 0.1,
            train: Tally::new(case.classes),
            eval: Some(evaluation),
            digest: String::new(),
        };
        let mut compared = 0;
        for (found, cell) in COLUMNS.iter().zip(row.cells()) {
            let Some(name) = found.name.strip_prefix("eval_") else {
                continue;
            };
            if column(&format!("train_{name}")).is_some() {
                continue;
            }
            let theirs = case.scores.get(name);
            let theirs = theirs.unwrap_or_else(|| panic!("{name} is compared with nothing"));
            let (ours, theirs): (f64, f64) = (cell.parse().unwrap(), theirs.unwrap_or(0.0));
            // The logits have fewer digits there than what the error was computed from.
            let is_close = (ours - theirs).abs() <= 1e-8;
            assert!(is_close, "{name} of {}: {ours} and not {theirs}", case.name);
            compared += 1;
        }
        assert_eq!(compared, case.scores.len(), "{}", case.name);
    }
}
