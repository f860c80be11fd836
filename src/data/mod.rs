//! Labelled images in memory, and the batches that training and evaluation see.

mod batch;
mod idx;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use batch::{Batch, Batches};

use crate::config;
use crate::digest::Digest;

/// One split: images of equal size with a class each.
#[derive(Debug)]
pub struct Dataset {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// Bytes of all images, row-major `[image, channel, height, width]`.
    pub pixels: Vec<u8>,
    /// Class of each image, from 0.
    pub labels: Vec<u32>,
    /// The file that the images came from.
    pub source: String,
}

/// A file that was read, as the run directory records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

/// Everything a run reads.
#[derive(Debug)]
pub struct Splits {
    pub train: Dataset,
    pub eval: Dataset,
    pub class_names: Vec<String>,
    /// Images before labels, training before evaluation.
    pub files: Vec<DataFile>,
}

/// Every message names the file and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {source}\ncheck `data` in the config; paths start at the folder the command runs in", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: {what}\nfetch or make the file again", path.display())]
    File { path: PathBuf, what: String },
    #[error("{}: no {wanted} here\n{remedy}", path.display())]
    Missing {
        path: PathBuf,
        wanted: String,
        remedy: String,
    },
    #[error("{}: {what}\n{remedy}", path.display())]
    Mismatch {
        path: PathBuf,
        what: String,
        remedy: String,
    },
}

impl Dataset {
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The number of images of each of the classes.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for label in &self.labels {
            counts[*label as usize] += 1;
        }
        counts
    }

    /// Leaves the first images only.
    pub fn truncate(&mut self, images: usize) {
        self.labels.truncate(images);
        self.pixels
            .truncate(images * self.shape.iter().product::<usize>());
    }

    /// Bytes of one image.
    fn image(&self, index: usize) -> &[u8] {
        let size: usize = self.shape.iter().product();
        &self.pixels[index * size..][..size]
    }
}

impl Splits {
    /// Loads both splits for images of `input` (channels, height, width) in `classes` classes.
    pub fn load(data: &config::Data, input: [usize; 3], classes: usize) -> Result<Self, Error> {
        if data.train == data.eval && Path::new(&data.train).is_file() {
            return Err(Error::Mismatch {
                path: PathBuf::from(&data.train),
                what: "a file, and both splits cannot be in one".to_owned(),
                remedy:
                    "data.path is a folder that holds both; or name them apart with data.train \
                         and data.eval"
                        .to_owned(),
            });
        }
        let mut files = Vec::new();
        let train = load_split(&data.train, "train", input, classes, &mut files)?;
        let eval = load_split(&data.eval, "t10k", input, classes, &mut files)?;
        Ok(Self {
            train,
            eval,
            class_names: (0..classes).map(|class| class.to_string()).collect(),
            files,
        })
    }

    /// SHA-256 (hex) over the checksums of all files.
    pub fn digest(&self) -> String {
        let mut digest = Digest::default();
        for file in &self.files {
            digest.update(&file.sha256);
        }
        digest.hex()
    }
}

/// `location` is a folder with files under MNIST's own names, or an images file with its labels beside it.
fn load_split(
    location: &str,
    prefix: &str,
    input: [usize; 3],
    classes: usize,
    files: &mut Vec<DataFile>,
) -> Result<Dataset, Error> {
    let location = Path::new(location);
    let (images_path, labels_path) = if location.is_dir() {
        (
            find(location, &format!("{prefix}-images-idx3-ubyte"), FOLDER)?,
            find(location, &format!("{prefix}-labels-idx1-ubyte"), FOLDER)?,
        )
    } else {
        (location.to_owned(), labels_beside(location)?)
    };
    let images = idx::read(&images_path, &[3, 4])?;
    let labels = idx::read(&labels_path, &[1])?;
    let dataset = Dataset {
        shape: match images.dimensions[..] {
            [_, channels, height, width] => [channels, height, width],
            [_, height, width] => [1, height, width],
            _ => unreachable!("the ranks that were asked for"),
        },
        pixels: images.bytes,
        labels: labels.bytes.iter().map(|label| u32::from(*label)).collect(),
        source: images.file.path.clone(),
    };
    check(
        &dataset,
        images.dimensions[0],
        &images_path,
        &labels_path,
        input,
        classes,
    )?;
    files.push(images.file);
    files.push(labels.file);
    Ok(dataset)
}

fn check(
    dataset: &Dataset,
    images: usize,
    images_path: &Path,
    labels_path: &Path,
    input: [usize; 3],
    classes: usize,
) -> Result<(), Error> {
    let mismatch = |path: &Path, what: String, remedy: String| Error::Mismatch {
        path: path.to_owned(),
        what,
        remedy,
    };
    if images != dataset.len() {
        return Err(mismatch(
            labels_path,
            format!(
                "{} labels for {images} images in {}",
                dataset.len(),
                images_path.display()
            ),
            "take both files from one source".to_owned(),
        ));
    }
    if dataset.is_empty() {
        let what = "no images in this file".to_owned();
        return Err(mismatch(
            images_path,
            what,
            "name a file that has some".to_owned(),
        ));
    }
    if dataset.shape != input {
        return Err(mismatch(
            images_path,
            format!(
                "its images are {:?}, `model.input` is {input:?}",
                dataset.shape
            ),
            format!("set model.input = {:?}, or name other data", dataset.shape),
        ));
    }
    let beyond = dataset
        .labels
        .iter()
        .position(|label| *label as usize >= classes);
    if let Some(index) = beyond {
        return Err(mismatch(
            labels_path,
            format!(
                "label {} of image {index} lies outside the {classes} classes of the network's last layer",
                dataset.labels[index]
            ),
            format!(
                "give the last layer out_features = {} or more, or name other data",
                dataset.labels.iter().max().map_or(0, |label| label + 1)
            ),
        ));
    }
    Ok(())
}

const FOLDER: &str = "a folder of IDX files has train-images-idx3-ubyte, train-labels-idx1-ubyte, \
                      t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or .gz";

fn find(folder: &Path, name: &str, remedy: &str) -> Result<PathBuf, Error> {
    idx::find(folder, name).ok_or_else(|| Error::Missing {
        // The folder of a bare file name is empty.
        path: if folder.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            folder.to_owned()
        },
        wanted: format!("{name} or {name}.gz"),
        remedy: remedy.to_owned(),
    })
}

/// `x-labels-idx1-ubyte` for `x-images-idx3-ubyte`, each plain or gzip.
fn labels_beside(images: &Path) -> Result<PathBuf, Error> {
    let name = images.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    std::fs::metadata(images).map_err(|source| Error::Unreadable {
        path: images.to_owned(),
        source,
    })?;
    let folder = images.parent().unwrap_or(Path::new(""));
    match stem.strip_suffix("images-idx3-ubyte") {
        Some(prefix) => {
            let remedy = format!("put the labels of {} there", images.display());
            find(folder, &format!("{prefix}labels-idx1-ubyte"), &remedy)
        }
        None => Err(Error::Missing {
            path: images.to_owned(),
            wanted: "IDX images file".to_owned(),
            remedy: "its name must end in images-idx3-ubyte or images-idx3-ubyte.gz, so that its \
                     labels can be found beside it"
                .to_owned(),
        }),
    }
}
