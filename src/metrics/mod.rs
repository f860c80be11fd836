//! Classification metrics with scikit-learn's definitions, in whole numbers and `f64`.

mod calibration;
mod confusion;
mod evaluation;
mod record;
mod report;
mod scored;
mod tally;

pub use confusion::{ClassScores, ConfusionMatrix, Scores};
pub use evaluation::{Evaluation, EvaluationScores};
pub use record::{COLUMNS, EpochRecord};
pub use report::classification_report;
pub use scored::{Scored, argmax};
pub use tally::Tally;
