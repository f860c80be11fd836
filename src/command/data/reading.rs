//! What is typed of the files of a set that no experiment names.

use std::path::Path;

use crate::command::exit::Usage;
use crate::config::{Document, Reading};

/// The keys that have an effect then.
const KEYS: [&str; 4] = [
    "data.columns",
    "data.bit_depth",
    "data.exif",
    "data.max_pixels",
];

/// How the files at a place are read. What else is typed would have no effect, and is an error.
pub fn reading_of(place: &Path, typed: &[&String]) -> anyhow::Result<Reading> {
    let has_effect = |typed: &str| {
        let mut keys = KEYS.iter();
        keys.any(|key| {
            typed
                .strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(['=', '.', ' ']))
        })
    };
    if let Some(other) = typed.iter().find(|it| !has_effect(it)) {
        let message = format!(
            "{other} has no effect, as {} is not an experiment file\n\
             for other files only {} can be set: data.columns.label=class_id",
            place.display(),
            KEYS.join(", ")
        );
        return Err(Usage(message).into());
    }
    let mut document = Document::parse("", "data = {}".to_owned(), "");
    document.set_all(typed.iter().copied());
    Ok(document.reading()?)
}
