//! Metrics equal scikit-learn's, its report to the character; `fixtures/sklearn_metrics.py` made the cases.

use std::fs;

use runner::metrics::{ConfusionMatrix, classification_report};
use serde::Deserialize;

use crate::support::project;

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: Vec<String>,
    truth: Vec<usize>,
    predicted: Vec<usize>,
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    confusion_matrix: Vec<Vec<u64>>,
    report: String,
}

#[test]
fn the_confusion_matrix_is_scikit_learns() {
    for case in cases() {
        let matrix = case.matrix();
        for (truth, row) in case.confusion_matrix.iter().enumerate() {
            for (predicted, count) in row.iter().enumerate() {
                let place = format!("{}: row {truth}, column {predicted}", case.name);
                assert_eq!(matrix.count(truth, predicted), *count, "{place}");
            }
        }
    }
}

/// Red if the averages run over all classes instead of those that occur.
#[test]
fn scores_are_scikit_learns() {
    for case in cases() {
        let scores = case.matrix().scores(0.25);
        assert_eq!(scores.loss, 0.25);
        for (what, our, their) in [
            ("accuracy", scores.accuracy, case.accuracy),
            ("precision", scores.precision, case.precision),
            ("recall", scores.recall, case.recall),
            ("f1", scores.f1, case.f1),
        ] {
            assert!(
                (our - their).abs() <= 1e-12,
                "{}: {what} is {our} instead of {their}",
                case.name
            );
        }
    }
}

#[test]
fn the_report_is_scikit_learns_to_the_character() {
    for case in cases() {
        let report = classification_report(&case.matrix(), &case.classes);
        assert_eq!(report, case.report, "{}", case.name);
    }
}

#[test]
fn an_empty_matrix_has_scores_of_zero() {
    let scores = ConfusionMatrix::new(3).scores(0.0);
    let all = [scores.accuracy, scores.precision, scores.recall, scores.f1];
    assert_eq!(all, [0.0; 4]);
}

impl Case {
    fn matrix(&self) -> ConfusionMatrix {
        let mut matrix = ConfusionMatrix::new(self.classes.len());
        assert_eq!(self.truth.len(), self.predicted.len());
        for (truth, predicted) in self.truth.iter().zip(&self.predicted) {
            matrix.add(*truth, *predicted);
        }
        matrix
    }
}

fn cases() -> Vec<Case> {
    let path = project().join("tests/fixtures/sklearn_metrics.json");
    let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(!cases.is_empty());
    cases
}
