//! What a source says it has, before any image file is opened.

use std::path::{Path, PathBuf};

use super::labels::Labels;
use crate::run_dir::DataFile;

/// The labelled images of one split of one source.
#[derive(Debug)]
pub struct LabelledImages {
    pub labels: Labels,
    pub images: ImageData,
    /// The files that hold all of it, where those are few.
    pub files: Vec<DataFile>,
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub enum ImageData {
    /// Decoded already.
    Pixels {
        /// Channels, height, width.
        shape: [usize; 3],
        /// Row-major `[image, channel, height, width]`.
        bytes: Vec<u8>,
        /// What they came from.
        source: String,
    },
    /// A file an image.
    Files(ImageFiles),
}

#[derive(Debug, Clone)]
pub struct ImageFiles {
    /// The folder, or the file that lists them.
    pub root: PathBuf,
    /// What they are called as a whole, as nothing else of a run is.
    pub title: String,
    pub paths: Vec<PathBuf>,
}

impl LabelledImages {
    /// What it came from, for messages.
    pub fn name(&self) -> String {
        match (&self.images, self.files.last()) {
            // Of a pair of files the one with the labels, which are what can be wrong.
            (ImageData::Pixels { .. }, Some(file)) => file.path.clone(),
            (ImageData::Pixels { source, .. }, None) => source.clone(),
            (ImageData::Files(files), _) => files.root.display().to_string(),
        }
    }
}

impl ImageFiles {
    /// The path of an image from the root on.
    pub fn name(&self, index: usize) -> &Path {
        let path = &self.paths[index];
        let inside = path.strip_prefix(&self.root);
        let beside = || path.strip_prefix(self.root.parent().unwrap_or(Path::new("")));
        inside.or_else(|_| beside()).unwrap_or(path)
    }
}
