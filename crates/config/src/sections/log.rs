//! `[log]`: what a finished run writes beyond its usual files.

use serde::Serialize;

use crate::language::info::{KeyInfo, OnResume};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::BOOLEAN;

/// What a finished run writes beyond its usual files. Nothing here changes what a run computes, so all of it may
/// change on resume.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Log {
    /// Whether files of predictions have the probability of every class.
    pub probabilities: bool,
}

const PROBABILITIES: Key<bool> = Key::with_default(
    "probabilities",
    BOOLEAN,
    "false",
    "whether the predictions files have a column `probability_CLASS` for every class",
)
.on_resume(OnResume::Free);

pub(crate) const KEYS: &[KeyInfo] = &[PROBABILITIES.info];

impl Log {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            probabilities: section.read(&PROBABILITIES),
        }
    }
}
