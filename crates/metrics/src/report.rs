//! The text of scikit-learn's `classification_report(digits=4, zero_division=0)`, to the character.

use std::fmt::Write;

use super::confusion::{ClassScores, ConfusionMatrix};

/// The report: a row for each class that occurs in truth or prediction, then accuracy and the averages.
///
/// # Panics
///
/// If there are fewer names than classes.
pub fn classification_report(matrix: &ConfusionMatrix, class_names: &[String]) -> String {
    let present = matrix.present();
    let widest = present
        .iter()
        .map(|class| class_names[*class].chars().count())
        .max();
    let width = widest.unwrap_or(0).max("weighted avg".len());
    // Where nothing at all is right, scikit-learn's counts turn into floats, and it prints them so.
    let support_digits = usize::from(matrix.correct() == 0);
    let support = |count: u64| format!("{:.support_digits$}", count as f64);

    let mut text = format!(
        "{:width$}  {:>9} {:>9} {:>9} {:>9}\n\n",
        "", "precision", "recall", "f1-score", "support"
    );
    let mut row = |name: &str, scores: ClassScores| {
        writeln!(
            text,
            "{name:>width$}  {:>9.4} {:>9.4} {:>9.4} {:>9}",
            scores.precision,
            scores.recall,
            scores.f1,
            support(scores.support)
        )
        .expect("a string takes any text");
    };
    for &class in &present {
        row(&class_names[class], matrix.class(class));
    }
    let total = matrix.total();
    let accuracy = format!(
        "\n{:>width$}  {:>9} {:>9} {:>9.4} {:>9}\n",
        "accuracy",
        "",
        "",
        matrix.accuracy(),
        support(total)
    );
    let classes: Vec<ClassScores> = present.iter().map(|class| matrix.class(*class)).collect();
    let mut averages = String::new();
    for (name, weight) in [
        ("macro avg", (|_| 1.0) as fn(&ClassScores) -> f64),
        ("weighted avg", |class| class.support as f64),
    ] {
        let weights: f64 = classes.iter().map(weight).sum();
        let mean = |score: fn(&ClassScores) -> f64| {
            classes.iter().map(|c| weight(c) * score(c)).sum::<f64>() / weights
        };
        writeln!(
            averages,
            "{name:>width$}  {:>9.4} {:>9.4} {:>9.4} {:>9}",
            mean(|class| class.precision),
            mean(|class| class.recall),
            mean(|class| class.f1),
            support(total)
        )
        .expect("a string takes any text");
    }
    text + &accuracy + &averages
}
