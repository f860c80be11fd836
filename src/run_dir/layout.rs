//! Every name in a run directory, once.

/// The config as the user typed it.
pub const CONFIG: &str = "config.toml";
/// The config with every value spelled out and the overrides applied.
pub const RESOLVED: &str = "resolved.toml";
/// Who this run is: [`super::identity::Identity`].
pub const IDENTITY: &str = "run.json";
/// One row an epoch; equal runs have equal bytes.
pub const METRICS: &str = "metrics.csv";
/// One row an epoch and attempt: what no two runs share.
pub const TIMING: &str = "timing.csv";
/// Every image file with its checksum, its class and what it is for, where each image has a file.
pub const DATA: &str = "data.csv";
/// What happened to the run, a JSON object a line.
pub const EVENTS: &str = "events.jsonl";
/// What the commands printed.
pub const LOG: &str = "train.log";
pub const CHECKPOINTS: &str = "checkpoints";
/// Inside `checkpoints`: files that failed their check, kept for whoever wants to look.
pub const DAMAGED: &str = "damaged";
pub const REPORT: &str = "report.txt";
pub const CONFUSION: &str = "confusion_matrix.csv";
pub const PREDICTIONS: &str = "predictions.csv";
/// The same of the images for the last evaluation, where there are some.
pub const TEST_REPORT: &str = "test_report.txt";
pub const TEST_CONFUSION: &str = "test_confusion_matrix.csv";
pub const TEST_PREDICTIONS: &str = "test_predictions.csv";
/// Written last of all: where it is, the run is finished.
pub const RESULT: &str = "result.json";
/// Locked while a process writes to the run.
pub const LOCK: &str = "lock";
/// Beside the run directories: a link to the newest.
pub const LATEST: &str = "latest";
/// Whatever begins so is unfinished and may be removed by the next writer.
pub const TEMPORARY_PREFIX: &str = ".tmp-";
