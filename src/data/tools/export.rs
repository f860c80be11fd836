//! A data set as a folder tree of image files, a folder a class: to look at, and for other programs.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;

use super::new_folder::{NewFolder, class_folder};
use crate::config::{Columns, Format};
use crate::data::pixels::picture::{Picture, Request};
use crate::data::pixels::scan::{Progress, Watch};
use crate::data::sources;
use crate::data::sources::labelled::{ImageData, LabelledImages};
use crate::data::sources::labels::Labels;
use crate::data::{Error, Role};

/// What the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Loses a little of each image; of this quality, 1 to 100.
    Jpeg(u8),
    /// Lossless.
    Png,
}

/// Writes all images at a place to `folder`, as `train/<class>/<number>.jpg`, `test/...`; returns their number. The folder
/// appears complete or not at all.
///
/// # Errors
///
/// If the images cannot be read, or the folder exists already or cannot be written.
pub fn export(
    place: &Path,
    format: Format,
    folder: &Path,
    encoding: Encoding,
    watch: Watch<'_>,
) -> Result<usize, Error> {
    let sources = sources::all_splits(place, format, &Columns::default())?;
    let folder = NewFolder::begin(folder)?;
    let mut count = 0;
    for (role, source) in sources {
        let split = match role {
            Role::Train => "train",
            Role::Eval if source.split == Role::Eval => "val",
            Role::Eval | Role::Test => "test",
        };
        let labelled = source.list()?;
        count += write(&labelled, &folder.path().join(split), encoding, watch)?;
    }
    folder.publish()?;
    Ok(count)
}

fn write(
    labelled: &LabelledImages,
    folder: &Path,
    encoding: Encoding,
    watch: Watch<'_>,
) -> Result<usize, Error> {
    let name = |label: u32| match &labelled.labels {
        Labels::Names { classes, .. } => classes[label as usize].clone(),
        Labels::Numbers(_) => label.to_string(),
    };
    let labels = labelled.labels.numbers();
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    for class in classes {
        class_folder(folder, &name(class), Path::new(&labelled.name()))?;
    }
    let ending = match encoding {
        Encoding::Jpeg(_) => "jpg",
        Encoding::Png => "png",
    };
    let progress = Progress::new(labels.len(), watch);
    let one = |(index, label): (usize, &u32)| {
        let path = folder
            .join(name(*label))
            .join(format!("{index:06}.{ending}"));
        let encoded = with_image(&labelled.images, index, |picture| {
            encode(&picture, encoding)
        })?;
        let bytes = encoded.map_err(|what| Error::File {
            path: path.clone(),
            what,
        })?;
        fs::write(&path, bytes).map_err(|source| Error::Unwritable { path, source })?;
        progress.advance();
        Ok(())
    };
    labels.par_iter().enumerate().try_for_each(one)?;
    Ok(labels.len())
}

/// Calls `work` with an image.
fn with_image<R>(
    contents: &ImageData,
    index: usize,
    work: impl FnOnce(Picture) -> R,
) -> Result<R, Error> {
    match contents {
        ImageData::Pixels {
            shape,
            bytes,
            source,
        } => {
            let length: usize = shape.iter().product();
            let image = &bytes[index * length..][..length];
            let picture = Picture::from_planes(image, *shape);
            picture.map(work).ok_or_else(|| Error::Mismatch {
                path: PathBuf::from(source),
                what: format!("images with {} channels", shape[0]),
                remedy: "only grey and colour images can be written as files".to_owned(),
            })
        }
        ImageData::Files(files) => {
            let place = &files.places[index];
            let done = place
                .read()
                .and_then(|bytes| Picture::decode_then(&bytes, Request::default(), work));
            done.map_err(|what| Error::File {
                path: place.path().into_owned(),
                what,
            })
        }
    }
}

fn encode(picture: &Picture, encoding: Encoding) -> Result<Vec<u8>, String> {
    let mut bytes = Cursor::new(Vec::new());
    let color = match picture.channels {
        1 => ExtendedColorType::L8,
        _ => ExtendedColorType::Rgb8,
    };
    let (width, height) = (picture.width as u32, picture.height as u32);
    let encoded =
        match encoding {
            Encoding::Jpeg(quality) => JpegEncoder::new_with_quality(&mut bytes, quality)
                .write_image(picture.pixels(), width, height, color),
            Encoding::Png => {
                PngEncoder::new(&mut bytes).write_image(picture.pixels(), width, height, color)
            }
        };
    encoded.map_err(|error| format!("cannot be encoded: {error}"))?;
    Ok(bytes.into_inner())
}
