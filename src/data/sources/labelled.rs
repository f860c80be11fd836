//! What a source lists before any image file is opened.

use std::path::{Path, PathBuf};

use super::labels::Labels;
pub use super::place::ImagePlace;
use crate::run_dir::DataFile;

/// The labelled images of one split of one source.
#[derive(Debug)]
pub struct LabelledImages {
    /// One for each image.
    pub labels: Labels,
    /// In the order of the labels.
    pub images: ImageData,
    /// The files that hold all of it, where those are few.
    pub files: Vec<DataFile>,
    /// What a user should know.
    pub warnings: Vec<String>,
}

/// Images before they are brought to the size of a run.
#[derive(Debug)]
pub enum ImageData {
    /// Decoded images.
    Pixels {
        /// Channels, height, width.
        shape: [usize; 3],
        /// Row-major `[image, channel, height, width]`.
        bytes: Vec<u8>,
        /// What they came from.
        source: String,
    },
    /// A file for each image.
    Files(ImageFiles),
}

/// A list of image files, none of them opened yet.
#[derive(Debug, Clone)]
pub struct ImageFiles {
    /// The folder, or the file that lists them.
    pub root: PathBuf,
    /// Names the list in the records of a run, unlike any other list of it.
    pub title: String,
    /// An image file each.
    pub places: Vec<ImagePlace>,
}

impl LabelledImages {
    /// What it came from, for messages.
    pub fn name(&self) -> String {
        match (&self.images, self.files.last()) {
            // For a pair of files, the one with the labels: they are what can be wrong.
            (ImageData::Pixels { .. }, Some(file)) => file.path.clone(),
            (ImageData::Pixels { source, .. }, None) => source.clone(),
            (ImageData::Files(files), _) => files.root.display().to_string(),
        }
    }
}

impl ImageFiles {
    /// The path of an image from the root on.
    pub fn name(&self, index: usize) -> PathBuf {
        let path = self.places[index].path();
        let inside = path.strip_prefix(&self.root);
        let beside = || path.strip_prefix(self.root.parent().unwrap_or(Path::new("")));
        inside.or_else(|_| beside()).unwrap_or(&path).to_owned()
    }
}
