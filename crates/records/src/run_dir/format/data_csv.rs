//! The files that a run's images come from: in run.json those that were read as a whole and folders, in
//! data.csv each image file of a source that has a file an image.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::rows;
use crate::digest;
use crate::run_dir::layout;

/// A file that was read as a whole, or a folder of image files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// As the config names it.
    pub path: String,
    /// The size of all files together.
    pub bytes: u64,
    /// SHA-256 (hex); of a folder, over the names and checksums of its files.
    pub sha256: String,
    /// How many files there are, where it is a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<usize>,
}

impl DataFile {
    /// A file that was read as a whole.
    pub fn of(path: &Path, bytes: &[u8]) -> Self {
        Self {
            path: path.display().to_string(),
            bytes: bytes.len() as u64,
            sha256: digest::of(bytes).hex(),
            files: None,
        }
    }
}

/// A row of data.csv: an image file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// The folder or list that it is part of: the path of a [`DataFile`].
    pub source: String,
    /// Where it is.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 (hex).
    pub sha256: String,
    /// The name of its class.
    pub label: String,
    /// `train`, `eval` or `test`; empty for one that is not used.
    pub split: Cow<'static, str>,
    /// Why it cannot be used; empty if it can.
    pub problem: String,
}

/// The text of data.csv.
pub fn text(images: &[ImageFile]) -> String {
    rows::header::<ImageFile>() + &rows::lines(images)
}

/// The checksum of each evaluation image that is a file, by its path; none where images have no files of their own.
///
/// # Errors
///
/// What is wrong with data.csv, in words.
pub fn eval_images(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let path = folder.join(layout::DATA);
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let damaged = |error: csv::Error| format!("{}: {error}", layout::DATA);
    let mut reader = csv::Reader::from_path(path).map_err(damaged)?;
    let mut images = BTreeMap::new();
    for image in reader.deserialize() {
        let image: ImageFile = image.map_err(damaged)?;
        if image.split == "eval" {
            images.insert(image.path, image.sha256);
        }
    }
    Ok(images)
}

/// The image files of one source that could be used when the run began, as its data.csv lists them.
///
/// # Errors
///
/// What is wrong with the file, in words.
pub fn listed_images(folder: &Path, source: &str) -> Result<Vec<ImageFile>, String> {
    let damaged = |error: csv::Error| format!("{}: {error}", layout::DATA);
    let mut reader = csv::Reader::from_path(folder.join(layout::DATA)).map_err(damaged)?;
    let mut listed = Vec::new();
    for image in reader.deserialize() {
        let image: ImageFile = image.map_err(damaged)?;
        // One that is not used may be anything.
        if image.source == source && image.problem.is_empty() {
            listed.push(image);
        }
    }
    Ok(listed)
}
