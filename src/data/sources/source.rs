//! A split on disk, and what the program must know of a format to find and list one.

use std::fs;
use std::path::{Path, PathBuf};

use super::labelled::LabelledImages;
use crate::config::{Columns, Format};
use crate::data::{Error, Role};
use crate::digest;
use crate::run_dir::DataFile;

/// The files or the folder that hold one split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How to read them; never `Format::Auto`.
    pub format: Format,
    /// The split that these files are by their own names or columns. An evaluation may take its images from
    /// the test split.
    pub split: Role,
    /// In the order in which the format reads them.
    pub paths: Vec<PathBuf>,
    /// What the columns are called, where these files have columns.
    pub columns: Columns,
}

impl Source {
    /// A source whose columns, if it has any, have their usual names.
    pub fn new(format: Format, split: Role, paths: Vec<PathBuf>) -> Self {
        Self {
            format,
            split,
            paths,
            columns: Columns::default(),
        }
    }
}

/// One format of images on disk: how to recognise it and how to list a split. A row of `FORMATS` in the
/// room's mod.rs makes an implementation known.
pub trait SourceFormat: Sync {
    /// What a folder of this format contains, for the message that nothing was found; empty for a format
    /// that has no folder.
    fn folder_contents(&self) -> &'static str {
        ""
    }

    /// The images of a split in a folder; `None` if the folder does not have this format. With `is_whole`
    /// all images of a folder without splits may be the training images.
    ///
    /// # Errors
    ///
    /// If the folder has this format and is incomplete or ambiguous.
    fn find_in_folder(
        &self,
        _folder: &Path,
        _role: Role,
        _is_whole: bool,
    ) -> Result<Option<Source>, Error> {
        Ok(None)
    }

    /// The test images of a folder whose evaluation images are others: those of a validation split, or
    /// others altogether (`has_other_eval`).
    fn find_spare_test(&self, _folder: &Path, _has_other_eval: bool) -> Option<Source> {
        None
    }

    /// Whether a single file has this format by its name.
    fn is_named_like(&self, _file: &Path) -> bool {
        false
    }

    /// A split in a single file; `None` if this format needs more than one file or a folder.
    fn find_in_file(&self, _file: &Path, _role: Role) -> Option<Source> {
        None
    }

    /// A split in several files, such as shards; `None` if this format does not come in them.
    fn find_in_files(&self, _files: &[PathBuf], _role: Role) -> Option<Source> {
        None
    }

    /// The splits of files that say of each image which split it is in; `None` for other files.
    fn splits_in_files(&self, _files: &[PathBuf], _columns: &Columns) -> Option<Vec<Role>> {
        None
    }

    /// Lists the images and labels of a split without opening image files.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or is not of this format.
    fn list(&self, source: &Source) -> Result<LabelledImages, Error>;
}

/// The error that a folder lacks something.
pub fn missing(folder: &Path, wanted: &str, remedy: String) -> Error {
    Error::Missing {
        // The folder of a bare file name is empty.
        path: match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        },
        wanted: wanted.to_owned(),
        remedy,
    }
}

/// The record of a file that is too large to be read at once.
///
/// # Errors
///
/// If the system refuses.
pub fn digest_file(path: &Path) -> Result<DataFile, Error> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let (digest, bytes) = digest::of_file(path).map_err(unreadable)?;
    Ok(DataFile {
        path: path.display().to_string(),
        bytes,
        sha256: digest.hex(),
        files: None,
    })
}

/// Reads a whole file.
///
/// # Errors
///
/// If the system refuses.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })
}
