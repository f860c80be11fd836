//! The bytes of an image file, wherever they are, and what tells that they changed.

use std::fs;

use super::picture;
use super::scan::Stamp;
use crate::data::sources::place::ImagePlace;

impl ImagePlace {
    /// The bytes of the image file; says why there are none otherwise.
    pub(in crate::data) fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => picture::read(path),
            Self::Member { container, index } => container.read(*index),
        }
    }

    /// The stamp of the file that has to be read for the image.
    pub(in crate::data) fn stamp(&self) -> std::io::Result<Stamp> {
        Ok(Stamp::of(&fs::metadata(self.file())?))
    }

    /// Whether an image whose file had this stamp after it was read is still the same. What changes a member changes
    /// the times of its container, whose size is not the member's.
    pub(in crate::data) fn is_unchanged(&self, then: Stamp, now: Stamp) -> bool {
        let times = |stamp: Stamp| (stamp.modified, stamp.changed);
        match self {
            Self::File(_) => then == now,
            Self::Member { .. } => times(then) == times(now),
        }
    }
}
