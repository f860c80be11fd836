//! Images in a folder for each class that was predicted, copied from wherever they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::new_folder::{NewFolder, class_folder};
use crate::data::Error;
use crate::data::sources::place::ImagePlace;

/// A folder of copies that is being filled.
pub struct SortedImages {
    folder: NewFolder,
    /// How many files of a class and a name there are.
    taken: BTreeMap<PathBuf, usize>,
}

impl SortedImages {
    /// Begins the folder, which must not exist; makes a folder in it for each class of `source`.
    ///
    /// # Errors
    ///
    /// If it exists or cannot be made, or a class cannot be the name of a folder.
    pub fn begin(folder: &Path, classes: &[String], source: &Path) -> Result<Self, Error> {
        let folder = NewFolder::begin(folder)?;
        for class in classes {
            class_folder(folder.path(), class, source)?;
        }
        Ok(Self {
            folder,
            taken: BTreeMap::new(),
        })
    }

    /// Copies an image to the folder of a class. Where another one there has its name, a number is put behind it.
    ///
    /// # Errors
    ///
    /// If it cannot be read or written.
    pub fn put(&mut self, image: &ImagePlace, class: &str) -> Result<(), Error> {
        let path = image.path();
        let name = Path::new(path.file_name().unwrap_or_default());
        let number = self.taken.entry(Path::new(class).join(name)).or_default();
        let to = loop {
            *number += 1;
            let to = self.folder.path().join(class).join(numbered(name, *number));
            if !to.exists() {
                break to;
            }
        };
        let bytes = image.read().map_err(|what| Error::File {
            path: path.into_owned(),
            what,
        })?;
        fs::write(&to, bytes).map_err(|source| Error::Unwritable { path: to, source })
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    pub fn publish(self) -> Result<(), Error> {
        self.folder.publish()
    }
}

/// `name (2).png`, and so on; the first one has no number.
fn numbered(name: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return name.to_owned();
    }
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let ending = name.extension();
    let ending = ending.map_or_else(String::new, |it| format!(".{}", it.display()));
    format!("{stem} ({number}){ending}").into()
}
