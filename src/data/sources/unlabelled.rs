//! Images without labels, as a user names them: files, folders, patterns, lists in CSV files, or what comes through a
//! pipe.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::meant::unreadable_or;
use super::place::{Container, ImagePlace};
use super::{image_folder, kind, manifest, shards};
use crate::config::{Columns, is_pattern};
use crate::data::Error;

/// The images that a path stands for, none of them opened: a folder for all below it, in the order of their paths; a
/// pattern for what fits it; a CSV file for those that its column of paths lists; any other file for itself.
///
/// # Errors
///
/// If there is nothing at the path, or no image.
pub fn images_at(named: &Path, columns: &Columns) -> Result<Vec<ImagePlace>, Error> {
    let paths = match named.exists() {
        false if is_pattern(named) => {
            let mut paths = Vec::new();
            for found in shards::expand(named)? {
                paths.extend(images_in(found, columns)?);
            }
            paths
        }
        _ => images_in(named.to_owned(), columns)?,
    };
    Ok(paths.into_iter().map(ImagePlace::File).collect())
}

/// As [`images_at`], without patterns.
fn images_in(place: PathBuf, columns: &Columns) -> Result<Vec<PathBuf>, Error> {
    let fallback = "paths are relative to the current folder";
    let metadata =
        fs::metadata(&place).map_err(|source| unreadable_or(&place, source, fallback))?;
    if metadata.is_dir() {
        let mut images = image_folder::images_below(&place)?;
        images.sort_unstable();
        return match images.is_empty() {
            true => Err(Error::Missing {
                path: place,
                wanted: "images".to_owned(),
                remedy: "name a folder with images in it or below it; hidden files do not count"
                    .to_owned(),
            }),
            false => Ok(images),
        };
    }
    match manifest::is_named_as_list(&place) {
        true => manifest::paths(&place, columns),
        false => Ok(vec![place]),
    }
}

/// The images that come through a pipe: one image, or a path a line.
///
/// # Errors
///
/// If the bytes are neither.
pub fn images_piped(bytes: Vec<u8>) -> Result<Vec<ImagePlace>, Error> {
    let refused = |what: &str| Error::Mismatch {
        path: PathBuf::from(Piped::NAME),
        what: what.to_owned(),
        remedy: "send one image, or the paths of images, a line each".to_owned(),
    };
    if kind::is_picture(&bytes[..bytes.len().min(kind::HEAD)]) {
        let container = Arc::new(Piped(bytes));
        return Ok(vec![ImagePlace::Member {
            container,
            index: 0,
        }]);
    }
    let text = String::from_utf8(bytes).map_err(|_| refused("it is neither an image nor text"))?;
    let lines = text.lines().filter(|line| !line.is_empty());
    let places: Vec<ImagePlace> = lines.map(|line| ImagePlace::File(line.into())).collect();
    match places.is_empty() {
        true => Err(refused("nothing came")),
        false => Ok(places),
    }
}

/// The bytes of the one image in a pipe.
#[derive(Debug)]
struct Piped(Vec<u8>);

impl Piped {
    const NAME: &str = "standard input";
}

impl Container for Piped {
    fn path(&self) -> &Path {
        Path::new("")
    }

    fn name(&self, _index: usize) -> Cow<'_, str> {
        Cow::Borrowed(Self::NAME)
    }

    fn read(&self, _index: usize) -> Result<Vec<u8>, String> {
        Ok(self.0.clone())
    }
}
