//! A column of metrics.csv that is watched, and the direction in which it gets better.

use super::key::{Fallback, Key, Kind};
use super::section::Section;

/// The columns of metrics.csv that can be watched.
pub const MONITORS: &[&str] = &[
    "train_loss",
    "train_accuracy",
    "train_precision",
    "train_recall",
    "train_f1",
    "eval_loss",
    "eval_accuracy",
    "eval_precision",
    "eval_recall",
    "eval_f1",
];

pub const MODE: Key = Key::new(
    "mode",
    Kind::Word(&["max", "min"]),
    Fallback::Derived("\"min\" for a loss, else \"max\""),
    "whether better is higher or lower",
);

/// `max` or `min`: a loss gets better downwards, everything else upwards.
pub fn mode_of(monitor: &str) -> &'static str {
    if monitor.ends_with("loss") {
        "min"
    } else {
        "max"
    }
}

/// Reads a column and its direction; a direction that the column does not have is reported.
pub fn read(section: &Section<'_>, monitor: &Key, mode: &Key) -> (String, String) {
    let column = section.text(monitor);
    let right = mode_of(&column);
    if section.node(mode).is_none() {
        return (column, right.to_owned());
    }
    let typed = section.text(mode);
    // An empty text stands for one that has been reported already.
    if !column.is_empty() && !typed.is_empty() && typed != right {
        section.report(
            mode,
            format!("`{column}` gets better towards its {right}imum"),
            "",
            &format!("set mode = \"{right}\", or leave it out"),
        );
    }
    (column, right.to_owned())
}
