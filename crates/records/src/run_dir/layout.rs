//! The name of every file in a run directory.

/// The config as the user typed it.
pub const CONFIG: &str = "config.toml";
/// The config with every value spelled out and the overrides applied.
pub const RESOLVED: &str = "resolved.toml";
/// What this run is: [`super::Identity`].
pub const IDENTITY: &str = "run.json";
/// One row an epoch; equal runs have equal bytes.
pub const METRICS: &str = "metrics.csv";
/// One row an epoch and attempt: what the epoch cost, which no two runs share.
pub const TIMING: &str = "timing.csv";
/// Every image file with its checksum, its class and what it is for, where each image has a file.
pub const DATA: &str = "data.csv";
/// What happened to the run, a JSON object a line.
pub const EVENTS: &str = "events.jsonl";
/// What the commands printed.
pub const LOG: &str = "train.log";
/// The folder of checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// Inside `checkpoints`: files that failed their check, kept for whoever wants to look.
pub const DAMAGED: &str = "damaged";
/// scikit-learn's classification report of the last evaluation.
pub const REPORT: &str = "report.txt";
/// Rows are the truth, columns the prediction.
pub const CONFUSION: &str = "confusion_matrix.csv";
/// One row an image of the evaluation.
pub const PREDICTIONS: &str = "predictions.csv";
/// [`REPORT`] of the test images, where there are some.
pub const TEST_REPORT: &str = "test_report.txt";
/// [`CONFUSION`] of the test images.
pub const TEST_CONFUSION: &str = "test_confusion_matrix.csv";
/// [`PREDICTIONS`] of the test images.
pub const TEST_PREDICTIONS: &str = "test_predictions.csv";
/// [`PREDICTIONS`] by the best checkpoint.
pub const BEST_PREDICTIONS: &str = "best_predictions.csv";
/// [`TEST_PREDICTIONS`] by the best checkpoint.
pub const BEST_TEST_PREDICTIONS: &str = "best_test_predictions.csv";
/// Written last of all: where it is, the run is finished.
pub const RESULT: &str = "result.json";
/// The folder of evaluations that were made after training, a folder each.
pub const EVALUATIONS: &str = "evaluations";
/// In the folder of an evaluation: what was evaluated, and its scores.
pub const EVALUATION: &str = "evaluation.json";
/// What people say of the run: its tags, and a note.
pub const TAGS: &str = "tags.json";
/// Locked while a process writes to the run.
pub const LOCK: &str = "lock";
/// Beside the run directories: a link to the run that was begun last, repetitions of others aside.
pub const LATEST: &str = "latest";
/// Beside the run directories: locked while a run gets its place among them; holds the number of the newest.
pub const SEQUENCE: &str = ".sequence";

/// The files that hold the results of a split.
pub(super) struct SplitFiles {
    pub report: &'static str,
    pub confusion: &'static str,
    pub predictions: &'static str,
    /// By the best checkpoint.
    pub best_predictions: &'static str,
}

/// The results of the evaluation images.
pub(super) const EVAL_FILES: SplitFiles = SplitFiles {
    report: REPORT,
    confusion: CONFUSION,
    predictions: PREDICTIONS,
    best_predictions: BEST_PREDICTIONS,
};

/// The results of the test images.
pub(super) const TEST_FILES: SplitFiles = SplitFiles {
    report: TEST_REPORT,
    confusion: TEST_CONFUSION,
    predictions: TEST_PREDICTIONS,
    best_predictions: BEST_TEST_PREDICTIONS,
};
