//! NumPy archives (.npz) in the layout of MedMNIST (`train_images`, `train_labels` and so on) or Keras (`x_train`,
//! `y_train`). The format of arrays is documented at `numpy.lib.format`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::labelled::{ImageData, LabelledImages};
use super::labels::Labels;
use super::source::{Source, SourceFormat, digest_file};
use crate::config::{Columns, Format};
use crate::data::pieces::read_up_to;
use crate::data::{Error, Role};

/// One file with the images and labels of all splits.
pub(super) struct Npz;

/// A file may not unpack to more than this: more is a mistake or a trap.
const MAX_BYTES: u64 = 1 << 34;

impl SourceFormat for Npz {
    fn is_named_like(&self, file: &Path) -> bool {
        file.extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("npz"))
    }

    fn find_in_file(&self, file: &Path, role: Role) -> Option<Source> {
        Some(Source::new(Format::Npz, role, vec![file.to_owned()]))
    }

    fn splits_in_files(&self, files: &[PathBuf], _columns: &Columns) -> Option<Vec<Role>> {
        let [file] = files else { return None };
        let names = names(&mut ZipArchive::new(BufReader::new(File::open(file).ok()?)).ok()?);
        let splits = [Role::Train, Role::Eval, Role::Test];
        let has = |role: &Role| arrays(&names, *role).is_some();
        let splits: Vec<Role> = splits.into_iter().filter(has).collect();
        (!splits.is_empty()).then_some(splits)
    }

    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        let [path] = source.paths.as_slice() else {
            unreachable!("an archive of NumPy is one file");
        };
        list(path, source.split)
    }
}

/// The names of the arrays of a split's images and labels, of which at least the first is among `names`: those of
/// MedMNIST, or those of the sets that come with Keras.
fn arrays(names: &[String], role: Role) -> Option<[String; 2]> {
    let split = match role {
        Role::Train => "train",
        Role::Eval => "val",
        Role::Test => "test",
    };
    let known = [
        [format!("{split}_images"), format!("{split}_labels")],
        [format!("x_{split}"), format!("y_{split}")],
    ];
    let is_there = |pair: &[String; 2]| names.contains(&format!("{}.npy", pair[0]));
    known.into_iter().find(is_there)
}

fn list(path: &Path, role: Role) -> Result<LabelledImages, Error> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let damaged = |what: String| Error::File {
        path: path.to_owned(),
        what,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut zip = ZipArchive::new(BufReader::new(file))
        .map_err(|error| damaged(format!("not a NumPy archive (.npz): {error}")))?;
    let names = names(&mut zip);
    let found = match role {
        Role::Eval => arrays(&names, Role::Eval).or_else(|| arrays(&names, Role::Test)),
        role => arrays(&names, role),
    };
    let missing = |wanted: String| Error::Missing {
        path: path.to_owned(),
        wanted,
        remedy: format!(
            "its arrays are {}; MedMNIST's layout has train_images, train_labels, val_images and so on, Keras's has x_train, y_train and so on",
            names.join(", ").replace(".npy", "")
        ),
    };
    let [images_name, labels_name] =
        found.ok_or_else(|| missing(format!("array of {} images", role.title())))?;
    if !names.contains(&format!("{labels_name}.npy")) {
        return Err(missing(format!("array {labels_name}")));
    }
    let mut read = |name: &str| {
        let member = zip.by_name(&format!("{name}.npy"));
        let member = member.map_err(|error| damaged(format!("{name}: {error}")))?;
        let compressed = member.compressed_size();
        array(member, compressed).map_err(|what| damaged(format!("{name}: {what}")))
    };
    let images = read(&images_name)?;
    let labels = read(&labels_name)?;
    let images = pictures(images).and_then(|(shape, bytes)| {
        let labels = numbers(&labels)?;
        let count = bytes.len() / shape.iter().product::<usize>();
        match count == labels.len() {
            true => Ok((shape, bytes, labels)),
            false => Err(format!("{} labels for {count} images", labels.len())),
        }
    });
    let (shape, bytes, labels) = images.map_err(|what| Error::Mismatch {
        path: path.to_owned(),
        what: format!("{images_name}: {what}"),
        remedy:
            "images must be uint8 of shape [n, height, width] or [n, height, width, 3], labels integers of shape [n] or [n, 1]"
                .to_owned(),
    })?;
    Ok(LabelledImages {
        labels: Labels::Numbers(labels),
        images: ImageData::Pixels {
            shape,
            bytes,
            source: format!("{} ({images_name})", path.display()),
        },
        files: vec![digest_file(path)?],
        warnings: Vec::new(),
    })
}

/// The names of all members.
fn names(zip: &mut ZipArchive<BufReader<File>>) -> Vec<String> {
    let names = zip.file_names().flatten();
    names.map(Cow::into_owned).collect()
}

/// An array as its file has it.
#[derive(Debug)]
pub struct Array {
    /// The letter of the dtype's kind and the bytes per element: `u1`, `i8`.
    pub element: String,
    /// The size of each dimension.
    pub shape: Vec<usize>,
    /// Row-major, elements little-endian.
    pub bytes: Vec<u8>,
}

/// Reads an array of whole numbers that takes `compressed` bytes in the archive; the error says what is wrong with it.
pub fn array(mut reader: impl Read, compressed: u64) -> Result<Array, String> {
    /// Deflate cannot compress better than by this factor.
    const MOST_TIMES: u64 = 1032;
    let cut_off = |error: std::io::Error| format!("it ends early, or is damaged: {error}");
    let mut beginning = [0; 8];
    reader.read_exact(&mut beginning).map_err(cut_off)?;
    let [magic @ .., major, _] = beginning;
    if magic != *b"\x93NUMPY" {
        return Err("not a NumPy array (.npy)".to_owned());
    }
    let length = match major {
        1 => {
            let mut length = [0; 2];
            reader.read_exact(&mut length).map_err(cut_off)?;
            usize::from(u16::from_le_bytes(length))
        }
        2 | 3 => {
            let mut length = [0; 4];
            reader.read_exact(&mut length).map_err(cut_off)?;
            u32::from_le_bytes(length) as usize
        }
        other => {
            return Err(format!(
                "version {other} of NumPy's format is not supported"
            ));
        }
    };
    const LONGEST: usize = 1 << 16;
    if length > LONGEST {
        return Err(format!("its header has {length} bytes"));
    }
    let mut header = vec![0; length];
    reader.read_exact(&mut header).map_err(cut_off)?;
    let header = std::str::from_utf8(&header).map_err(|_| "its header is not text")?;
    let (element, shape) = parse_header(header)?;
    let size = element[1..].parse::<usize>().unwrap_or(1);
    let bytes = shape
        .iter()
        .try_fold(size, |product, size| product.checked_mul(*size));
    let most = MAX_BYTES.min(compressed.saturating_mul(MOST_TIMES));
    let Some(length) = bytes.filter(|bytes| *bytes as u64 <= most) else {
        return Err(format!(
            "its header says {shape:?}, more than its {compressed} bytes in the archive can hold"
        ));
    };
    let bytes = read_up_to(&mut reader, length + 1).map_err(cut_off)?;
    match bytes.len() == length {
        true => Ok(Array {
            element,
            shape,
            bytes,
        }),
        false => Err(format!(
            "its header says {shape:?}, {length} bytes, but {} are there",
            match bytes.len() > length {
                true => "more".to_owned(),
                false => format!("only {}", bytes.len()),
            }
        )),
    }
}

/// The dtype and the shape in the header of an array, which is a Python dictionary with three keys.
fn parse_header(header: &str) -> Result<(String, Vec<usize>), String> {
    let odd = || format!("its header cannot be read: {:?}", header.trim());
    let after = |key: &str| {
        let (_, rest) = header.split_once(&format!("'{key}':")).ok_or_else(odd)?;
        Ok::<&str, String>(rest.trim_start())
    };
    let element = after("descr")?
        .strip_prefix('\'')
        .ok_or_else(|| "its elements are records, not whole numbers".to_owned())?;
    let element = element.split('\'').next().unwrap_or_default();
    let is_fortran = after("fortran_order")?.starts_with("True");
    let shape = after("shape")?.strip_prefix('(').ok_or_else(odd)?;
    let (shape, _) = shape.split_once(')').ok_or_else(odd)?;
    let sizes = shape
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty());
    let shape: Result<Vec<usize>, _> = sizes.map(str::parse).collect();
    let shape = shape.map_err(|_| odd())?;
    if is_fortran && shape.len() > 1 {
        return Err("it is in Fortran's order: save it with numpy.ascontiguousarray".to_owned());
    }
    match element {
        "|u1" | "|i1" | "<u2" | "<i2" | "<u4" | "<i4" | "<u8" | "<i8" => {
            Ok((element[1..].to_owned(), shape))
        }
        _ => Err(format!(
            "its elements are {element:?}, not little-endian integers"
        )),
    }
}

/// The shape (channels, height, width) of images, and their pixels in the order `[image, channel, height, width]`.
fn pictures(images: Array) -> Result<([usize; 3], Vec<u8>), String> {
    let Array {
        element,
        shape,
        mut bytes,
    } = images;
    if element != "u1" {
        return Err(format!("the images are of {element}, not uint8"));
    }
    if shape.contains(&0) {
        return Err(format!("there are no images in the shape {shape:?}"));
    }
    match shape[..] {
        [_, height, width] | [_, height, width, 1] => Ok(([1, height, width], bytes)),
        [_, height, width, 3] => {
            let area = height * width;
            let mut image = vec![0; 3 * area];
            for pixels in bytes.chunks_exact_mut(3 * area) {
                for (index, pixel) in pixels.chunks_exact(3).enumerate() {
                    for channel in 0..3 {
                        image[channel * area + index] = pixel[channel];
                    }
                }
                pixels.copy_from_slice(&image);
            }
            Ok(([3, height, width], bytes))
        }
        [_, _, _, _] | [_, _, _, _, 1 | 3] => Err(format!(
            "the images have the shape {shape:?}: volumes, or other channels than grey and colour"
        )),
        _ => Err(format!("the images have the shape {shape:?}")),
    }
}

/// A whole number for each image.
fn numbers(labels: &Array) -> Result<Vec<u32>, String> {
    const HIGHEST: i64 = 1 << 20;
    match labels.shape[..] {
        [_] | [_, 1] => {}
        [_, several] => {
            return Err(format!(
                "each image has {several} labels, but only one class per image is supported"
            ));
        }
        _ => return Err(format!("the labels have the shape {:?}", labels.shape)),
    }
    let is_signed = labels.element.starts_with('i');
    let size = labels.element[1..].parse::<usize>().unwrap_or(1);
    let number = |bytes: &[u8]| {
        let is_negative = is_signed && bytes[size - 1] >= 0x80;
        let mut filled = [if is_negative { 0xff } else { 0 }; 8];
        filled[..size].copy_from_slice(bytes);
        let number = i64::from_le_bytes(filled);
        match (0..=HIGHEST).contains(&number) {
            true => Ok(number as u32),
            false => Err(format!(
                "{number} is not a label: labels are integers from 0"
            )),
        }
    };
    labels.bytes.chunks_exact(size).map(number).collect()
}
