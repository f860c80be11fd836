//! Where the bytes of an image file are: in a file of their own, or inside one that holds many.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where one image file is.
#[derive(Debug, Clone)]
pub enum ImagePlace {
    /// It is a file of its own.
    File(PathBuf),
    /// It is inside a file that holds many.
    Member {
        /// The file that holds it.
        container: Arc<dyn Container>,
        /// Its number among the members.
        index: usize,
    },
}

/// No member is larger than an image file may be.
pub const MAX_MEMBER: u64 = 1 << 28;

/// A file that holds many image files.
pub trait Container: fmt::Debug + Send + Sync {
    /// The file itself.
    fn path(&self) -> &Path;

    /// What a member is called inside it.
    fn name(&self, index: usize) -> Cow<'_, str>;

    /// The bytes of a member; says why there are none otherwise.
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

    /// The file that holds the image, if it is no file of its own.
    pub fn container(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Member { container, .. } => Some(container.path().display().to_string()),
        }
    }

    /// The path by which messages and records name the image; that of a member goes on inside its container.
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
