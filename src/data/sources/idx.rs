//! IDX files, plain or gzip: two zero bytes, a type byte (8: unsigned bytes), the number of
//! dimensions, each dimension as a big-endian `u32`, then the bytes in row-major order.
//! Source of the format: the page of the MNIST database of LeCun, Cortes and Burges.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::labelled::{ImageData, LabelledImages};
use super::labels::Labels;
use super::source::{Source, SourceFormat, missing, read_file};
use crate::config::Format;
use crate::data::pieces::read_up_to;
use crate::data::{Error, Role};
use crate::run_dir::DataFile;

/// The unpacked content of one file.
pub struct Idx {
    /// As many numbers as the file has dimensions.
    pub dimensions: Vec<usize>,
    /// Row-major.
    pub bytes: Vec<u8>,
    /// For the record of the run.
    pub file: DataFile,
}

/// A file may not unpack to more than this: more is a mistake or a trap.
const MAX_BYTES: usize = 1 << 34;

/// Reads a file whose number of dimensions is one of `ranks`; the first is the usual one.
pub fn read(path: &Path, ranks: &[usize]) -> Result<Idx, Error> {
    let raw = read_file(path)?;
    let (dimensions, bytes) = parse(&raw, ranks).map_err(|what| Error::File {
        path: path.to_owned(),
        what,
    })?;
    Ok(Idx {
        dimensions,
        bytes,
        file: DataFile::of(path, &raw),
    })
}

/// Sizes and values of a file, plain or gzip; says what is wrong with it otherwise.
pub fn parse(raw: &[u8], ranks: &[usize]) -> Result<(Vec<usize>, Vec<u8>), String> {
    let gzip = raw.starts_with(&[0x1f, 0x8b]);
    let mut reader: Box<dyn Read> = if gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(raw)))
    } else {
        Box::new(raw)
    };
    let damaged = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof if gzip => {
            "the gzip stream ends early: the file is truncated".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "the file ends early: it is truncated".to_owned(),
        _ => format!("damaged gzip stream: {error}"),
    };

    let mut magic = [0; 4];
    reader.read_exact(&mut magic).map_err(damaged)?;
    let [zero, nothing, element_type, rank] = magic.map(usize::from);
    if [zero, nothing, element_type] != [0, 0, 8] || !ranks.contains(&rank) {
        let expected = [0, 0, 8, ranks[0] as u8];
        return Err(format!(
            "magic number {} instead of {}: not an IDX file of {}",
            hex(&magic),
            hex(&expected),
            if ranks == [1] { "labels" } else { "images" },
        ));
    }
    let mut dimensions = Vec::with_capacity(rank);
    for _ in 0..rank {
        let mut size = [0; 4];
        reader.read_exact(&mut size).map_err(damaged)?;
        dimensions.push(u32::from_be_bytes(size) as usize);
    }
    let length = dimensions
        .iter()
        .try_fold(1usize, |product, size| product.checked_mul(*size))
        .filter(|length| *length <= MAX_BYTES)
        .ok_or_else(|| {
            format!(
                "its header announces {} bytes, which is too many",
                join(&dimensions)
            )
        })?;

    let bytes = read_up_to(&mut reader, length + 1).map_err(damaged)?;
    if bytes.len() == length {
        return Ok((dimensions, bytes));
    }
    Err(if bytes.len() < length {
        format!(
            "its header announces {length} bytes ({}), but {} follow: the file is truncated",
            join(&dimensions),
            bytes.len()
        )
    } else {
        format!(
            "more bytes follow than the {length} that its header announces ({})",
            join(&dimensions)
        )
    })
}

/// The ends of the names of the two files of a split, after `train-` or `t10k-`.
const IMAGES: &str = "images-idx3-ubyte";
const LABELS: &str = "labels-idx1-ubyte";
/// The same as some programs name what they unpack: with a dot, as if the rest were an ending.
const DOTTED: [(&str, &str); 2] = [
    ("-idx3-ubyte", ".idx3-ubyte"),
    ("-idx1-ubyte", ".idx1-ubyte"),
];

const FOLDER: &str = "a folder of IDX files contains train-images-idx3-ubyte, \
                      train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, \
                      each plain or .gz, perhaps with a dot before idx";

/// Pairs of an images file and a labels file under MNIST's names, or with the name of the set before them
/// as EMNIST's have it.
pub(super) struct IdxFiles;

impl SourceFormat for IdxFiles {
    fn folder_contents(&self) -> &'static str {
        FOLDER
    }

    fn find_in_folder(
        &self,
        folder: &Path,
        role: Role,
        _is_whole: bool,
    ) -> Result<Option<Source>, Error> {
        let splits: &[&str] = match role {
            Role::Train => &["train"],
            Role::Eval | Role::Test => &["t10k", "test"],
        };
        for split in splits {
            let [images, labels] =
                [IMAGES, LABELS].map(|content| find_ending(folder, &format!("{split}-{content}")));
            match (images?, labels?) {
                (Some(images), Some(labels)) => return Ok(Some(pair(role, images, labels))),
                (Some(images), None) => {
                    let remedy = format!("put the labels of {} there; {FOLDER}", images.display());
                    let wanted = format!("{split}-{LABELS} or {split}-{LABELS}.gz");
                    return Err(missing(folder, &wanted, remedy));
                }
                (None, Some(_)) => {
                    let wanted = format!("{split}-{IMAGES} or {split}-{IMAGES}.gz");
                    return Err(missing(folder, &wanted, FOLDER.to_owned()));
                }
                (None, None) => {}
            }
        }
        Ok(None)
    }

    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        let [images, labels] = source.paths.as_slice() else {
            unreachable!("a source of IDX files has two paths");
        };
        list(images, labels)
    }
}

/// A source of two files.
fn pair(role: Role, images: PathBuf, labels: PathBuf) -> Source {
    let split = match role {
        Role::Train => Role::Train,
        Role::Eval | Role::Test => Role::Test,
    };
    Source::new(Format::Idx, split, vec![images, labels])
}

/// A single images file with the labels file beside it, whatever they are called.
///
/// # Errors
///
/// If it is no images file, or there are no labels.
pub(super) fn pair_of(images: &Path, role: Role) -> Result<Source, Error> {
    Ok(pair(role, images.to_owned(), labels_beside(images)?))
}

/// The images of one file with the labels of another.
fn list(images_path: &Path, labels_path: &Path) -> Result<LabelledImages, Error> {
    let images = read(images_path, &[3, 4])?;
    let labels = read(labels_path, &[1])?;
    let shape = match images.dimensions[..] {
        [_, channels, height, width] => [channels, height, width],
        [_, height, width] => [1, height, width],
        _ => unreachable!("the ranks that were asked for"),
    };
    let (count, labelled) = (images.dimensions[0], labels.bytes.len());
    let mismatch = |path: &Path, what: String, remedy: &str| Error::Mismatch {
        path: path.to_owned(),
        what,
        remedy: remedy.to_owned(),
    };
    if count != labelled {
        let what = format!(
            "{labelled} labels for {count} images in {}",
            images_path.display()
        );
        return Err(mismatch(
            labels_path,
            what,
            "use both files from the same source",
        ));
    }
    if images.bytes.is_empty() {
        let what = "no images in this file".to_owned();
        return Err(mismatch(
            images_path,
            what,
            "name a file that contains images",
        ));
    }
    Ok(LabelledImages {
        labels: Labels::Numbers(labels.bytes.iter().map(|label| u32::from(*label)).collect()),
        images: ImageData::Pixels {
            shape,
            bytes: images.bytes,
            source: images.file.path.clone(),
        },
        files: vec![images.file, labels.file],
        warnings: guessed(images_path, labels_path).into_iter().collect(),
    })
}

/// Says which labels were taken where the names do not say so.
fn guessed(images: &Path, labels: &Path) -> Option<String> {
    twin(images).is_none().then(|| {
        format!(
            "{}: its labels are taken from {}, the only file next to it with as many labels",
            images.display(),
            labels.display()
        )
    })
}

/// The file in a folder whose name is `end` or ends in `-end`, plain or gzip; the plain one of two.
fn find_ending(folder: &Path, end: &str) -> Result<Option<PathBuf>, Error> {
    if let Some(exact) = find(folder, end) {
        return Ok(Some(exact));
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| name.strip_suffix(".gz").unwrap_or(&name).to_owned())
        .filter(|name| {
            name.ends_with(&format!("-{end}")) || name.ends_with(&format!("-{}", dotted(end)))
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => Ok(None),
        [one] => Ok(find(folder, one)),
        [first, second, ..] => Err(Error::Mismatch {
            path: folder.to_owned(),
            what: format!("it has both {first} and {second}"),
            remedy: "name the images files separately with data.train and data.eval".to_owned(),
        }),
    }
}

/// `name` or `name.gz` in a folder, or the same with a dot before `idx`, whichever is there; the plain one if both
/// are.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [name.to_owned(), dotted(name)]
        .iter()
        .flat_map(|name| [name.clone(), format!("{name}.gz")])
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

/// A name with a dot before `idx`.
fn dotted(name: &str) -> String {
    let replaced = |name: String, (hyphen, dot): &(&str, &str)| name.replace(hyphen, dot);
    DOTTED.iter().fold(name.to_owned(), replaced)
}

/// The labels file that belongs to an images file: the one whose name says labels where this one's says images; of a
/// name that does not, the only one in its folder with as many labels as there are images.
fn labels_beside(images: &Path) -> Result<PathBuf, Error> {
    let folder = images.parent().unwrap_or(Path::new(""));
    if let Some(twin) = twin(images) {
        return find(folder, &twin).ok_or_else(|| {
            let remedy = format!("put the labels of {} there", images.display());
            missing(folder, &format!("{twin} or {twin}.gz"), remedy)
        });
    }
    let Some((3 | 4, count)) = header(images) else {
        return Err(missing(
            images,
            "IDX images file",
            "an IDX file of images begins with the bytes 0, 0, 8, 3, plain or within gzip; files of other \
             formats end in .csv, .npz, .tar or .parquet"
                .to_owned(),
        ));
    };
    let entries = fs::read_dir(match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    });
    let entries = entries.into_iter().flatten().flatten();
    let paths = entries.map(|entry| folder.join(entry.file_name()));
    let mut fitting: Vec<PathBuf> = paths
        .filter(|path| header(path) == Some((1, count)))
        .collect();
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        found => Err(missing(
            folder,
            "labels file that clearly belongs to it",
            format!(
                "{found} files here have {count} labels, as many as {} has images: keep only its labels there, or name both files as MNIST does: {IMAGES} and {LABELS}",
                images.display()
            ),
        )),
    }
}

/// What the labels file is called by the name of the images file, without `.gz`; `None` if that does not say images.
fn twin(images: &Path) -> Option<String> {
    let name = images.file_name()?.to_string_lossy();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let twin = stem.replace("image", "label").replace("idx3", "idx1");
    stem.contains("image").then_some(twin)
}

/// The number of dimensions and the size of the first, where a file begins as IDX files of unsigned bytes do.
fn header(path: &Path) -> Option<(u8, u32)> {
    let mut file = fs::File::open(path).ok().filter(|_| path.is_file())?;
    let mut beginning = Vec::new();
    // More than enough of a gzip stream for eight bytes.
    file.by_ref().take(4096).read_to_end(&mut beginning).ok()?;
    let mut bytes = [0; 8];
    match beginning.starts_with(&[0x1f, 0x8b]) {
        true => MultiGzDecoder::new(beginning.as_slice()).read_exact(&mut bytes),
        false => beginning.as_slice().read_exact(&mut bytes),
    }
    .ok()?;
    let [zero, nothing, element_type, rank, count @ ..] = bytes;
    let is_idx = [zero, nothing, element_type] == [0, 0, 8];
    is_idx.then(|| (rank, u32::from_be_bytes(count)))
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

fn join(dimensions: &[usize]) -> String {
    let sizes: Vec<String> = dimensions.iter().map(usize::to_string).collect();
    sizes.join(" x ")
}
