//! Metrics equal scikit-learn's, its report to the character; `fixtures/sklearn_metrics.py` made the cases.

use std::fs;

use runner::metrics::{
    BestSoFar, COLUMNS, ConfusionMatrix, MONITORS, Margin, Mode, ValueType, best_first,
    classification_report,
};
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

/// Which of several measurements is the best is decided in one place, by every reader of metrics.csv.
#[test]
fn the_best_is_the_earliest_of_equals_and_never_nan() {
    const NAN: f64 = f64::NAN;
    let values = [None, Some(NAN), Some(2.0), Some(1.0), Some(3.0), Some(1.0)];
    assert_eq!(best_first(Mode::Min, values), [3, 5, 2, 4]);
    assert_eq!(best_first(Mode::Max, values), [4, 2, 3, 5]);
    let improvements = |mode, margin, values: &[f64]| -> Vec<bool> {
        let mut best = BestSoFar::new(mode, margin);
        values.iter().map(|value| best.improves(*value)).collect()
    };
    let values = [NAN, 2.0, 1.5, 1.5, NAN, 0.9];
    for (margin, expected) in [
        (
            Margin::Absolute(0.0),
            [false, true, true, false, false, true],
        ),
        (
            Margin::Absolute(0.5),
            [false, true, false, false, false, true],
        ),
        (
            Margin::Relative(0.5),
            [false, true, false, false, false, true],
        ),
    ] {
        assert_eq!(improvements(Mode::Min, margin, &values), expected);
        let turned = values.map(|value| 3.0 - value);
        if let Margin::Absolute(_) = margin {
            assert_eq!(improvements(Mode::Max, margin, &turned), expected);
        }
    }
}

/// A config can monitor what has a direction, and each name stands for one column.
#[test]
fn every_column_has_a_name_of_its_own() {
    for (place, column) in COLUMNS.iter().enumerate() {
        let found = COLUMNS.iter().position(|other| other.name == column.name);
        assert_eq!(found, Some(place), "{}", column.name);
        let is_number = column.value_type() == ValueType::Number;
        assert!(is_number || column.mode.is_none(), "{}", column.name);
        let is_monitor = MONITORS.contains(&column.name);
        assert_eq!(is_monitor, column.mode.is_some(), "{}", column.name);
        assert_eq!(column.is_of_evaluation(), column.name.starts_with("eval_"));
    }
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
