//! Classification scores with scikit-learn's definitions, in whole numbers and `f64`; and the columns of
//! metrics.csv, each with its score and the direction in which it gets better.

#![warn(missing_docs)]

mod best;
mod calibration;
mod columns;
mod confusion;
mod evaluation;
mod report;
mod scored;
mod tally;

pub use best::{BestSoFar, Margin, Mode, best_first};
pub use columns::{COLUMNS, EpochColumn, EpochRecord, MONITORS, ValueType, column, mode_of};
pub use confusion::{ClassScores, ConfusionMatrix, Scores};
pub use evaluation::Evaluation;
pub use report::classification_report;
pub use scored::{Scored, argmax, softmax};
pub use tally::Tally;
