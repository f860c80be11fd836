//! A folder that appears complete or not at all, with a folder for each class in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::data::Error;
use crate::files;

/// A folder that is being filled under another name.
pub struct NewFolder {
    unfinished: TempDir,
    to: PathBuf,
}

impl NewFolder {
    /// Begins the folder `to`, which must not exist yet; those around it are made.
    ///
    /// # Errors
    ///
    /// If it exists, or cannot be made.
    pub fn begin(to: &Path) -> Result<Self, Error> {
        let unwritable = unwritable(to);
        if to.exists() {
            return Err(unwritable(io::ErrorKind::AlreadyExists.into()));
        }
        let parent = files::folder_of(to);
        fs::create_dir_all(parent).map_err(&unwritable)?;
        let unfinished = tempfile::Builder::new()
            .prefix(files::TEMPORARY_PREFIX)
            .tempdir_in(parent)
            .map_err(&unwritable)?;
        Ok(Self {
            unfinished,
            to: to.to_owned(),
        })
    }

    /// Where its files are written meanwhile.
    pub fn path(&self) -> &Path {
        self.unfinished.path()
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    pub fn publish(self) -> Result<(), Error> {
        let unwritable = unwritable(&self.to);
        let whole = self.unfinished.keep();
        #[cfg(unix)]
        {
            // Temporary folders are made for the owner alone.
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&whole, mode).map_err(&unwritable)?;
        }
        fs::rename(&whole, &self.to).map_err(&unwritable)
    }
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Unwritable {
        path: path.to_owned(),
        source,
    }
}

/// Makes the folder of a class inside another, if it is not there; `source` is what has the class.
///
/// # Errors
///
/// If its name cannot be one of a folder, or the folder cannot be made.
pub fn class_folder(parent: &Path, class: &str, source: &Path) -> Result<PathBuf, Error> {
    if class.is_empty() || class.starts_with('.') || class.contains(['/', '\\', ':']) {
        return Err(Error::Mismatch {
            path: source.to_owned(),
            what: format!("its class {class:?} cannot be the name of a folder"),
            remedy: "rename the class".to_owned(),
        });
    }
    let folder = parent.join(class);
    fs::create_dir_all(&folder).map_err(unwritable(&folder))?;
    Ok(folder)
}
