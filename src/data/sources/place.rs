//! Where the bytes of an image file are: in a file of their own, or inside a container.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where one image file is.
#[derive(Debug, Clone)]
pub enum ImagePlace {
    /// It is a file of its own.
    File(PathBuf),
    /// It is a member of a container.
    Member {
        /// The file that holds it.
        container: Arc<dyn Container>,
        /// Its number among the members.
        index: usize,
    },
}

/// The maximum size of a member in bytes, the same as that of an image file.
pub const MAX_MEMBER: u64 = 1 << 28;

/// A file that holds many image files.
pub trait Container: fmt::Debug + Send + Sync {
    /// The file itself.
    fn path(&self) -> &Path;

    /// The name of a member inside it.
    fn name(&self, index: usize) -> Cow<'_, str>;

    /// Reads the bytes of a member; the error says why it cannot.
    fn read(&self, index: usize) -> Result<Vec<u8>, String>;
}

impl ImagePlace {
    /// The file that has to be there for the image to be read.
    pub fn file(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Member { container, .. } => container.path(),
        }
    }

    /// The container of the image, if it has one.
    pub fn container(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Member { container, .. } => Some(container.path().display().to_string()),
        }
    }

    /// The path by which messages and records name the image; for a member, the path of its container and its name.
    pub fn path(&self) -> Cow<'_, Path> {
        match self {
            Self::File(path) => Cow::Borrowed(path),
            Self::Member { container, index } => {
                Cow::Owned(container.path().join(&*container.name(*index)))
            }
        }
    }

    /// The same as text.
    pub fn name(&self) -> String {
        self.path().display().to_string()
    }
}
