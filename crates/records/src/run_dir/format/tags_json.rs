//! tags.json: what people say of a run. It is no part of what the run is, so it may change at any time.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{self, IoError};
use crate::run_dir::{Error, layout};

/// The tags of a run and a note about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// Single words.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// A text of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Tags {
    /// Reads what is said of a run; nothing is said of one without the file.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if the file is not of this format; [`Error::Io`] if it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(layout::TAGS);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| Error::Damaged {
                path,
                why: format!("{error}\ndelete the file, and tag the run again"),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(IoError::new("read", path, error).into()),
        }
    }

    /// Writes the file, which needs no lock: it is replaced as a whole.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(self).expect("tags are plain data");
        text.push('\n');
        Ok(files::replace(&folder.join(layout::TAGS), text.as_bytes())?)
    }

    /// The tags in a line.
    pub fn line(&self) -> String {
        let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        tags.join(" ")
    }

    /// Whether the run has all of these tags.
    pub fn has_all(&self, tags: &[String]) -> bool {
        tags.iter().all(|tag| self.tags.contains(tag))
    }
}
