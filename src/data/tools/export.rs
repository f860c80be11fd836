//! A data set as a folder tree of image files, a folder a class: to look at, and for other programs.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;

use super::new_folder::{NewFolder, class_folder};
use super::reading;
use crate::config::{Format, Reading};
use crate::data::pixels::picture::{Picture, Request};
use crate::data::pixels::scan::{Progress, Watch};
use crate::data::sources;
use crate::data::sources::labelled::{ImageData, LabelledImages};
use crate::data::sources::labels::Labels;
use crate::data::splits::warnings::of_peak;
use crate::data::{Error, Role};

/// What the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Loses a little of each image; of this quality, 1 to 100.
    Jpeg(u8),
    /// Lossless.
    Png,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The number of images.
    pub images: usize,
    /// What a user should know of 16-bit images, of which 8 bits are written.
    pub of_depth: Option<String>,
}

/// Writes all images at a place to `folder`, as `train/<class>/<number>.jpg`, `test/...`: whole images, with the pixels that
/// a run would see. The folder appears complete or not at all.
///
/// # Errors
///
/// If the images cannot be read, or the folder exists already or cannot be written.
pub fn export(
    place: &Path,
    format: Format,
    reading: &Reading,
    folder: &Path,
    encoding: Encoding,
    watch: Watch<'_>,
) -> Result<Exported, Error> {
    let sources = sources::all_splits(place, format, &reading.columns)?;
    let new_folder = NewFolder::begin(folder)?;
    let (mut images, mut peak, mut request) = (0, None, None);
    for (role, source) in sources {
        let split = match role {
            Role::Train => "train",
            Role::Eval if source.split == Role::Eval => "val",
            Role::Eval | Role::Test => "test",
        };
        let labelled = source.list()?;
        let request = *request.get_or_insert_with(|| reading::request(reading, &labelled));
        let folder = new_folder.path().join(split);
        peak = peak.max(write(&labelled, request, &folder, encoding, watch)?);
        images += labelled.labels.numbers().len();
    }
    new_folder.publish()?;
    let bits = request.unwrap_or_default().bits;
    Ok(Exported {
        images,
        of_depth: peak.and_then(|peak| of_peak(peak, bits)),
    })
}

/// Writes the images of a split; the largest sample of those of 16 bits.
fn write(
    labelled: &LabelledImages,
    request: Request,
    folder: &Path,
    encoding: Encoding,
    watch: Watch<'_>,
) -> Result<Option<u16>, Error> {
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
        let (encoded, peak) = with_image(&labelled.images, index, request, |picture| {
            (encode(&picture, encoding), picture.peak)
        })?;
        let bytes = encoded.map_err(|what| Error::File {
            path: path.clone(),
            what,
        })?;
        fs::write(&path, bytes).map_err(|source| Error::Unwritable { path, source })?;
        progress.advance();
        Ok(peak)
    };
    let peaks = labels.par_iter().enumerate().map(one);
    peaks.try_reduce(|| None, |one, other| Ok(one.max(other)))
}

/// Calls `work` with an image.
fn with_image<R>(
    contents: &ImageData,
    index: usize,
    request: Request,
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
                .and_then(|bytes| Picture::decode_then(&bytes, request, work));
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
