//! A column of metrics.csv that is watched, and the direction in which it gets better.

use crate::language::key::{Key, KeyInfo};
use crate::language::section::Section;
use crate::language::values::word;
use crate::language::word::Word;
use serde::Serialize;
use strum::{EnumString, VariantNames};

use super::training::{EPOCHS, EVAL_EVERY_EPOCHS};
use crate::text::tree::Value;

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
    "eval_balanced_accuracy",
    "eval_cohen_kappa",
    "eval_mcc",
    "eval_top_k_accuracy",
    "eval_calibration_error",
];

/// The direction in which a column gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Mode {
    /// Higher is better.
    Max,
    /// Lower is better.
    Min,
}

impl Word for Mode {}

pub const MODE: Key<Option<Mode>> = Key::derived(
    "mode",
    word(),
    "\"min\" for a loss or an error, else \"max\"",
    "whether better is higher or lower",
);

/// `max` or `min`: a loss or an error gets better downwards, everything else upwards.
pub fn mode_of(monitor: &str) -> Mode {
    if monitor.ends_with("loss") || monitor.ends_with("error") {
        Mode::Min
    } else {
        Mode::Max
    }
}

/// Reports a column of the evaluation that the run, whose table `training` is, never measures.
/// `purpose` says what then cannot be.
pub fn check_measured(
    section: &Section<'_>,
    monitor: &KeyInfo,
    column: &str,
    training: &Section<'_>,
    purpose: &str,
) {
    let Some(every) = training.node(&EVAL_EVERY_EPOCHS) else {
        return;
    };
    let Value::Integer(count) = every.value else {
        return;
    };
    let epochs = match training.node(&EPOCHS).map(|node| &node.value) {
        Some(Value::Integer(epochs)) => *epochs,
        _ => i64::MAX,
    };
    if !column.starts_with("eval_") || (1..=epochs).contains(&count) {
        return;
    }
    let message = format!("{purpose}: `{column}` is never measured");
    let label = match count {
        0 => "no epoch is evaluated".to_owned(),
        _ => format!("the run ends with epoch {epochs}, before the first evaluation"),
    };
    let help = "evaluate more often, or watch a column of the training, for example train_loss";
    // Where the monitor is not stated, what makes it useless is the place to look at.
    let (node, related) = match section.node(monitor) {
        Some(node) => (node, Some((every, label))),
        None => (every, None),
    };
    match count {
        0 => section.report_at(node, message, related, help),
        _ => section.warn(node, message, related, help),
    }
}

/// Reads a column and its direction; a direction that the column does not have is reported.
pub fn read(
    section: &Section<'_>,
    monitor: &Key<String>,
    mode: &Key<Option<Mode>>,
) -> (String, Mode) {
    let Some(column) = section.try_read(monitor) else {
        let mode = section.read(mode);
        return (String::new(), mode.unwrap_or(Mode::Max));
    };
    let right = mode_of(&column);
    if section.read(mode).is_some_and(|typed| typed != right) {
        let word = match right {
            Mode::Max => "max",
            Mode::Min => "min",
        };
        section.report(
            mode,
            format!("`{column}` gets better towards its {word}imum"),
            "",
            &format!("set mode = \"{word}\", or leave it out"),
        );
    }
    (column, right)
}
