//! Classification metrics with scikit-learn's definitions, in whole numbers and `f64`.

mod confusion;
mod record;
mod report;
mod tally;

pub use confusion::{ClassScores, ConfusionMatrix, Scores};
pub use record::{COLUMNS, EpochRecord};
pub use report::classification_report;
pub use tally::Tally;
