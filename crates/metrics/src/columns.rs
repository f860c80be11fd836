//! metrics.csv: one row an epoch, holding everything that two equal runs share; and one table of its
//! columns, from which follow the header and the rows, how the file is read, which columns a config may
//! monitor, and what `show`, `compare` and `verify` do with each.

use super::best::Mode::{self, Max, Min};
use super::confusion::ConfusionMatrix;
use super::evaluation::Evaluation;
use super::tally::Tally;

/// What an epoch came to: a row of metrics.csv before it is text.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochRecord {
    /// 1-based.
    pub epoch: u64,
    /// Optimizer steps since the start of the run.
    pub step: u64,
    /// That of the epoch's last step.
    pub learning_rate: f64,
    /// Over the epoch's training batches.
    pub train: Tally,
    /// `None` where the epoch was not evaluated: its cells are empty.
    pub eval: Option<Evaluation>,
    /// The first 16 hex digits of the SHA-256 over all parameters, optimizer state and averages.
    pub digest: String,
}

/// A column of metrics.csv, and all that the program knows of it.
#[derive(Debug, Clone, Copy)]
pub struct EpochColumn {
    /// In the header.
    pub name: &'static str,
    /// The direction in which it gets better; only a column that has one can be monitored.
    pub mode: Option<Mode>,
    /// What `compare` calls it for readers; without one it is for programs, unless it was asked for.
    pub heading: Option<&'static str>,
    /// Whether `show` lists it.
    pub is_shown: bool,
    /// What it is, for the table of scores in docs/language.md; empty for what everybody knows.
    pub meaning: &'static str,
    value: Value,
}

/// Where the value of a column comes from.
#[derive(Debug, Clone, Copy)]
enum Value {
    Count(fn(&EpochRecord) -> u64),
    Number(fn(&EpochRecord) -> f64),
    Text(fn(&EpochRecord) -> &str),
    Train(fn(&Tally) -> f64),
    Eval(fn(&Evaluation) -> f64),
    /// Of an evaluation, from labels and predictions alone: what predictions.csv can be held against.
    Confusion(fn(&ConfusionMatrix) -> f64),
}

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Whole numbers.
    Count,
    /// Numbers.
    Number,
    /// Anything else.
    Text,
}

/// The columns in their order. New ones come only at the end, so that readers by position stay right.
pub const COLUMNS: &[EpochColumn] = &[
    EpochColumn::new("epoch", Value::Count(|row| row.epoch)),
    EpochColumn::new("step", Value::Count(|row| row.step)),
    EpochColumn::new("learning_rate", Value::Number(|row| row.learning_rate)).not_shown(),
    EpochColumn::new("train_loss", Value::Train(Tally::loss)).better(Min),
    EpochColumn::new(
        "train_accuracy",
        Value::Train(|it| it.confusion().accuracy()),
    )
    .better(Max),
    EpochColumn::new(
        "train_precision",
        Value::Train(|it| it.confusion().macro_precision()),
    )
    .better(Max)
    .not_shown(),
    EpochColumn::new(
        "train_recall",
        Value::Train(|it| it.confusion().macro_recall()),
    )
    .better(Max)
    .not_shown(),
    EpochColumn::new("train_f1", Value::Train(|it| it.confusion().macro_f1())).better(Max),
    EpochColumn::new("eval_loss", Value::Eval(Evaluation::loss))
        .better(Min)
        .headed("loss"),
    EpochColumn::new("eval_accuracy", Value::Confusion(ConfusionMatrix::accuracy))
        .better(Max)
        .headed("acc"),
    EpochColumn::new(
        "eval_precision",
        Value::Confusion(ConfusionMatrix::macro_precision),
    )
    .better(Max)
    .not_shown(),
    EpochColumn::new(
        "eval_recall",
        Value::Confusion(ConfusionMatrix::macro_recall),
    )
    .better(Max)
    .not_shown(),
    EpochColumn::new("eval_f1", Value::Confusion(ConfusionMatrix::macro_f1))
        .better(Max)
        .headed("f1"),
    EpochColumn::new("digest", Value::Text(|row| &row.digest)).not_shown(),
    EpochColumn::new(
        "eval_balanced_accuracy",
        Value::Confusion(ConfusionMatrix::balanced_accuracy),
    )
    .better(Max)
    .means("mean recall of the classes that occur, like `balanced_accuracy_score`"),
    EpochColumn::new(
        "eval_cohen_kappa",
        Value::Confusion(ConfusionMatrix::cohen_kappa),
    )
    .better(Max)
    .means("agreement beyond chance, like `cohen_kappa_score`; 0 where it is undefined"),
    EpochColumn::new("eval_mcc", Value::Confusion(ConfusionMatrix::mcc))
        .better(Max)
        .means("Matthews correlation coefficient, like `matthews_corrcoef`"),
    EpochColumn::new(
        "eval_top_k_accuracy",
        Value::Eval(Evaluation::top_k_accuracy),
    )
    .better(Max)
    .means(
        "fraction of images whose label is among the `metrics.top_k` highest scores, like \
         `top_k_accuracy_score`; of equal scores the first counts as higher",
    ),
    EpochColumn::new(
        "eval_calibration_error",
        Value::Eval(Evaluation::calibration_error),
    )
    .better(Min)
    .means(
        "gap between confidence and accuracy, over `metrics.calibration_bins` bins of equal width",
    ),
];

/// The names of the columns that can be monitored.
pub const MONITORS: &[&str] = &monitors();

const fn monitors() -> [&'static str; monitor_count()] {
    let mut names = [""; monitor_count()];
    let (mut column, mut found) = (0, 0);
    while column < COLUMNS.len() {
        if COLUMNS[column].mode.is_some() {
            names[found] = COLUMNS[column].name;
            found += 1;
        }
        column += 1;
    }
    names
}

const fn monitor_count() -> usize {
    let (mut column, mut count) = (0, 0);
    while column < COLUMNS.len() {
        count += COLUMNS[column].mode.is_some() as usize;
        column += 1;
    }
    count
}

/// The column of this name.
pub fn column(name: &str) -> Option<&'static EpochColumn> {
    COLUMNS.iter().find(|column| column.name == name)
}

/// The direction in which a column gets better; higher for one that is not known.
pub fn mode_of(monitor: &str) -> Mode {
    column(monitor)
        .and_then(|column| column.mode)
        .unwrap_or(Max)
}

impl EpochColumn {
    /// A column that `show` lists and that cannot be monitored.
    const fn new(name: &'static str, value: Value) -> Self {
        Self {
            name,
            mode: None,
            heading: None,
            is_shown: true,
            meaning: "",
            value,
        }
    }

    const fn better(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    const fn headed(mut self, heading: &'static str) -> Self {
        self.heading = Some(heading);
        self
    }

    const fn not_shown(mut self) -> Self {
        self.is_shown = false;
        self
    }

    const fn means(mut self, meaning: &'static str) -> Self {
        self.meaning = meaning;
        self
    }

    /// What its cells are.
    pub fn value_type(&self) -> ValueType {
        match self.value {
            Value::Count(_) => ValueType::Count,
            Value::Text(_) => ValueType::Text,
            Value::Number(_) | Value::Train(_) | Value::Eval(_) | Value::Confusion(_) => {
                ValueType::Number
            }
        }
    }

    /// Whether its cells are empty for an epoch that was not evaluated.
    pub fn is_of_evaluation(&self) -> bool {
        matches!(self.value, Value::Eval(_) | Value::Confusion(_))
    }

    /// Its value where that follows from the labels and predictions of an evaluation.
    pub fn from_predictions(&self, confusion: &ConfusionMatrix) -> Option<f64> {
        match self.value {
            Value::Confusion(score) => Some(score(confusion)),
            _ => None,
        }
    }

    /// Its value for an evaluation; `None` for other columns.
    pub fn of_evaluation(&self, evaluation: &Evaluation) -> Option<f64> {
        match self.value {
            Value::Eval(of) => Some(of(evaluation)),
            Value::Confusion(of) => Some(of(evaluation.confusion())),
            _ => None,
        }
    }

    /// Its cell. A float is in the shortest form that reads back exactly.
    fn cell(&self, row: &EpochRecord) -> String {
        let number = match self.value {
            Value::Count(count) => return count(row).to_string(),
            Value::Text(text) => return text(row).to_owned(),
            Value::Number(number) => Some(number(row)),
            Value::Train(score) => Some(score(&row.train)),
            Value::Eval(score) => row.eval.as_ref().map(score),
            Value::Confusion(score) => row.eval.as_ref().map(|eval| score(eval.confusion())),
        };
        number.map_or_else(String::new, |number| number.to_string())
    }
}

impl EpochRecord {
    /// The cells, in the order of [`COLUMNS`].
    pub fn cells(&self) -> Vec<String> {
        COLUMNS.iter().map(|column| column.cell(self)).collect()
    }
}
