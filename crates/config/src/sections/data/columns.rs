//! `columns`: what the columns of a list of images are called.

use serde::Serialize;

use crate::language::key::{Key, TableKey};
use crate::language::section::Section;
use crate::language::values::TEXT;

/// The names of the columns of a list of images; those that are absent are found by their usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Columns {
    /// The file of each image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The split that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
}

pub(super) const COLUMNS: TableKey = TableKey::optional(
    "columns",
    &[FILE.info, LABEL.info, SPLIT.info],
    "names of the columns of a CSV or Parquet file, if they are not the usual ones",
);

const FILE: Key<Option<String>> = Key::derived(
    "path",
    TEXT,
    "a column with a usual name, such as path, file_name or image",
    "column with the image of each row: the path of its file, in Parquet also its bytes",
);
const LABEL: Key<Option<String>> = Key::derived(
    "label",
    TEXT,
    "a column with a usual name, such as label or class",
    "column with the class of each image",
);
const SPLIT: Key<Option<String>> = Key::derived(
    "split",
    TEXT,
    "a column named split or subset, if there is one",
    "column that says what each image is for: train, val or test",
);

impl Columns {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let [path, label, split] = [&FILE, &LABEL, &SPLIT].map(|key| {
            let name = section.read(key);
            if name.as_deref() == Some("") && section.has_text(key) {
                let message = format!("`{}` is empty", section.path_of(key.name));
                section.report(key, message, "", "name a column of the file");
            }
            name
        });
        Self { path, label, split }
    }
}
