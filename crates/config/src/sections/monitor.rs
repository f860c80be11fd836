//! A column of metrics.csv that is watched, and the direction in which it gets better.

use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::word;
use crate::language::word::Word;
use runner_metrics::{EpochColumn, Mode, column as column_of, mode_of};

use super::training::{EPOCHS, EVAL_EVERY_EPOCHS};
use crate::text::tree::Value;

impl Word for Mode {}

pub(crate) const MODE: Key<Option<Mode>> = Key::derived(
    "mode",
    word(),
    "\"min\" for a loss or an error, else \"max\"",
    "whether better is higher or lower",
);

/// Reports a column of the evaluation that the run, whose table `training` is, never measures.
/// `purpose` says what then cannot be.
pub(crate) fn check_measured(
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
    let is_of_evaluation = column_of(column).is_some_and(EpochColumn::is_of_evaluation);
    if !is_of_evaluation || (1..=epochs).contains(&count) {
        return;
    }
    let message = format!("{purpose}: `{column}` is never measured");
    let label = match count {
        0 => "no epoch is evaluated".to_owned(),
        _ => format!("the run ends with epoch {epochs}, before the first evaluation"),
    };
    let help = "evaluate more often, or monitor a training column such as train_loss";
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
pub(crate) fn read(
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
            format!("`{column}` improves towards its {word}imum"),
            "",
            &format!("set mode = \"{word}\", or leave it out"),
        );
    }
    (column, right)
}
