//! What each file of a run directory says: its format and its reader, a module a file.

pub mod checkpoint;
pub mod confusion_csv;
pub mod data_csv;
pub mod encoding;
pub mod evaluation_json;
pub mod events;
pub mod metrics_csv;
pub mod predictions_csv;
pub mod result_json;
mod rows;
pub mod run_json;
pub mod tags_json;
pub mod timing_csv;
