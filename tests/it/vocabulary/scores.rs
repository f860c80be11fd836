//! Each score of an evaluation against scikit-learn.

use runner::metrics::{ConfusionMatrix, Evaluation, Scored};
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
    top_k_accuracy: f64,
    balanced_accuracy: f64,
    cohen_kappa: Option<f64>,
    mcc: f64,
    f1_per_class: Vec<f64>,
    ece: f64,
}

#[test]
fn every_score_is_scikit_learns() {
    for case in cases::<Case>("scores.json") {
        let mut evaluation = Evaluation::new(case.classes, case.top_k, case.bins);
        let mut confusion = ConfusionMatrix::new(case.classes);
        for (label, row) in case.labels.iter().zip(&case.logits) {
            let scored = Scored::new(row, *label);
            confusion.add(*label as usize, scored.prediction as usize);
            evaluation.add(0.0, &[scored]);
        }
        let kappa = case.cohen_kappa.unwrap_or(0.0);
        for (name, ours, theirs) in [
            (
                "top_k_accuracy",
                evaluation.top_k_accuracy(),
                case.top_k_accuracy,
            ),
            (
                "balanced_accuracy",
                confusion.balanced_accuracy(),
                case.balanced_accuracy,
            ),
            ("cohen_kappa", confusion.cohen_kappa(), kappa),
            ("mcc", confusion.mcc(), case.mcc),
            (
                "calibration_error",
                evaluation.calibration_error(),
                case.ece,
            ),
        ] {
            // The logits have fewer digits there than what the error was computed from.
            let is_close = (ours - theirs).abs() <= 1e-8;
            assert!(is_close, "{name} of {}: {ours} and not {theirs}", case.name);
        }
        for (class, theirs) in case.f1_per_class.iter().enumerate() {
            let ours = confusion.class(class).f1;
            assert!(
                (ours - theirs).abs() <= 1e-12,
                "class {class} of {}",
                case.name
            );
        }
    }
}
