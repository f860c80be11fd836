//! CIFAR's binary batches: records of one label byte, in CIFAR-100 two, and 3072 bytes of red, green and
//! blue, 32 rows of 32 each. Source of the format: the page of the CIFAR data sets of A. Krizhevsky.

use std::fs;
use std::path::{Path, PathBuf};

use super::labelled::{ImageData, LabelledImages};
use super::labels::Labels;
use super::source::{Source, SourceFormat, missing, read_file};
use crate::config::Format;
use crate::data::{Error, Role};
use crate::run_dir::DataFile;

/// Which of the two data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// 10 classes; one label byte.
    Cifar10,
    /// 100 fine classes; a coarse and a fine label byte.
    Cifar100,
}

/// Channels, height, width.
const SHAPE: [usize; 3] = [3, 32, 32];
const IMAGE: usize = 3 * 32 * 32;

/// The names of the classes where no file beside the batches gives them.
const CIFAR10: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

impl Variant {
    fn classes(self) -> usize {
        match self {
            Variant::Cifar10 => 10,
            Variant::Cifar100 => 100,
        }
    }

    /// Bytes before the pixels; the last of them is the label.
    fn label_bytes(self) -> usize {
        match self {
            Variant::Cifar10 => 1,
            Variant::Cifar100 => 2,
        }
    }

    /// An error where there are Python's batches: pickles, which are programs for Python and can do anything.
    fn refuse_python_version(self, folder: &Path) -> Result<(), Error> {
        let (inside, files, set): (_, &[&str], _) = match self {
            Variant::Cifar10 => (
                "cifar-10-batches-py",
                &["data_batch_1", "test_batch"],
                "cifar-10",
            ),
            Variant::Cifar100 => ("cifar-100-python", &["meta", "train", "test"], "cifar-100"),
        };
        let are_there = |place: &PathBuf| files.iter().all(|name| place.join(name).is_file());
        let places = [folder.to_owned(), folder.join(inside)];
        let Some(found) = places.into_iter().find(are_there) else {
            return Ok(());
        };
        Err(Error::Mismatch {
            path: found,
            what: format!(
                "these are the batches of CIFAR-{} for Python (pickle), which are not supported",
                self.classes()
            ),
            remedy: format!(
                "get the binary version, which has the same images: runner data fetch {set}"
            ),
        })
    }

    fn source(self, role: Role, batches: Vec<PathBuf>) -> Source {
        let format = match self {
            Variant::Cifar10 => Format::Cifar10,
            Variant::Cifar100 => Format::Cifar100,
        };
        let split = match role {
            Role::Train => Role::Train,
            Role::Eval | Role::Test => Role::Test,
        };
        Source::new(format, split, batches)
    }
}

impl SourceFormat for Variant {
    fn folder_contents(&self) -> &'static str {
        "a folder of CIFAR batches contains data_batch_1.bin and so on, or train.bin and test.bin"
    }

    fn find_in_folder(
        &self,
        folder: &Path,
        role: Role,
        _is_whole: bool,
    ) -> Result<Option<Source>, Error> {
        // The batches themselves, or what their archives unpack to.
        let inside = ["", "cifar-10-batches-bin", "cifar-100-binary"];
        let found = inside
            .iter()
            .find_map(|name| find(&folder.join(name), role == Role::Train));
        let Some((_, batches)) = found.filter(|(variant, _)| variant == self) else {
            self.refuse_python_version(folder)?;
            return Ok(None);
        };
        match batches.iter().find(|batch| !batch.is_file()) {
            Some(batch) => Err(missing_batch(batch)),
            None => Ok(Some(self.source(role, batches))),
        }
    }

    fn is_named_like(&self, file: &Path) -> bool {
        variant_of(file) == Some(*self)
    }

    fn find_in_file(&self, file: &Path, role: Role) -> Option<Source> {
        Some(self.source(role, vec![file.to_owned()]))
    }

    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        list(*self, &source.paths)
    }
}

/// The batches in a folder: those for training, or for evaluation; none where there are no such files.
fn find(folder: &Path, is_training: bool) -> Option<(Variant, Vec<PathBuf>)> {
    let there = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let batches: Vec<PathBuf> = match is_training {
        true => {
            let all = (1..=5).map(|number| folder.join(format!("data_batch_{number}.bin")));
            let all: Vec<PathBuf> = all.collect();
            // With any of them all are meant.
            match all.iter().any(|batch| batch.is_file()) {
                true => all,
                false => Vec::new(),
            }
        }
        false => there("test_batch.bin").into_iter().collect(),
    };
    if !batches.is_empty() {
        return Some((Variant::Cifar10, batches));
    }
    let whole = there(if is_training { "train.bin" } else { "test.bin" })?;
    Some((Variant::Cifar100, vec![whole]))
}

/// The error that one of five batches is not there.
fn missing_batch(batch: &Path) -> Error {
    let name = batch.file_name().unwrap_or_default().to_string_lossy();
    missing(
        batch.parent().unwrap_or(Path::new("")),
        &name,
        "the training images of CIFAR-10 are five batches: fetch the set again, or name the batch \
         that is to be used alone with data.train"
            .to_owned(),
    )
}

/// Which kind a file is by its name.
fn variant_of(file: &Path) -> Option<Variant> {
    let name = file.file_name()?.to_str()?;
    match name {
        "train.bin" | "test.bin" => Some(Variant::Cifar100),
        name if name.ends_with("batch.bin") || name.starts_with("data_batch_") => {
            Some(Variant::Cifar10)
        }
        _ => None,
    }
}

/// Reads batches one after the other.
fn list(variant: Variant, batches: &[PathBuf]) -> Result<LabelledImages, Error> {
    let (mut labels, mut pixels) = (Vec::new(), Vec::new());
    let mut files = Vec::new();
    let folder = batches.first().and_then(|batch| batch.parent());
    let classes = names(variant, folder.unwrap_or(Path::new("")))?;
    for path in batches {
        let bytes = read_file(path)?;
        records(variant, &bytes, &mut labels, &mut pixels).map_err(|what| Error::File {
            path: path.clone(),
            what,
        })?;
        files.push(DataFile::of(path, &bytes));
    }
    let source = match files.as_slice() {
        [one] => one.path.clone(),
        _ => folder.unwrap_or(Path::new("")).display().to_string(),
    };
    Ok(LabelledImages {
        labels: Labels::Names { classes, labels },
        images: ImageData::Pixels {
            shape: SHAPE,
            bytes: pixels,
            source,
        },
        files,
        warnings: Vec::new(),
    })
}

/// Adds the records of one batch to what was read of others; says what is wrong with it otherwise.
pub fn records(
    variant: Variant,
    bytes: &[u8],
    labels: &mut Vec<u32>,
    pixels: &mut Vec<u8>,
) -> Result<(), String> {
    let record = variant.label_bytes() + IMAGE;
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        return Err(format!(
            "{} bytes are not a whole number of records of {record} bytes: the file is truncated, \
             or not a batch of CIFAR-{}",
            bytes.len(),
            variant.classes()
        ));
    }
    for (index, record) in bytes.chunks_exact(record).enumerate() {
        let (label, image) = record.split_at(variant.label_bytes());
        let label = label[variant.label_bytes() - 1];
        if usize::from(label) >= variant.classes() {
            return Err(format!(
                "label {label} of image {index} is outside the {} classes of CIFAR-{}",
                variant.classes(),
                variant.classes()
            ));
        }
        labels.push(u32::from(label));
        pixels.extend_from_slice(image);
    }
    Ok(())
}

/// What the file beside the batches calls the classes.
fn names(variant: Variant, folder: &Path) -> Result<Vec<String>, Error> {
    let file = match variant {
        Variant::Cifar10 => "batches.meta.txt",
        Variant::Cifar100 => "fine_label_names.txt",
    };
    let path = folder.join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(match variant {
            Variant::Cifar10 => CIFAR10.map(str::to_owned).to_vec(),
            Variant::Cifar100 => (0..100).map(|class| class.to_string()).collect(),
        });
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let names: Vec<String> = lines.map(str::to_owned).collect();
    if names.len() != variant.classes() {
        return Err(Error::File {
            path,
            what: format!("{} names for {} classes", names.len(), variant.classes()),
        });
    }
    Ok(names)
}
