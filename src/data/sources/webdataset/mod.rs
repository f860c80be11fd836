//! WebDataset shards: tar files in which the members of a sample share their name up to the first dot: an image, and a
//! `.cls` member with its class.

pub mod shard;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::shard::{OtherMembers, Shard, ShardReader, samples};
use super::labelled::{ImageData, ImageFiles, ImagePlace, LabelledImages};
use super::labels::Labels;
use super::place::Container;
use super::shards::{self, Sharded};
use super::source::Source;
use crate::config::Format;
use crate::data::Error;
use crate::run_dir::DataFile;

/// The format of WebDataset shards.
pub(super) struct WebDataset;

impl Sharded for WebDataset {
    const FORMAT: Format = Format::Webdataset;
    const ENDINGS: &[&str] = &[".tar", ".tar.gz", ".tgz"];
    const FOLDER_CONTENTS: &str = "a folder of WebDataset shards contains train-000000.tar and so on, with NAME.jpg and NAME.cls in them";

    fn list(source: &Source) -> Result<LabelledImages, Error> {
        let mut listing = Listing::default();
        for path in &source.paths {
            listing.add(path)?;
        }
        listing.finish(&source.paths)
    }
}
/// What has been read from the shards so far.
#[derive(Default)]
struct Listing {
    places: Vec<ImagePlace>,
    labels: Vec<String>,
    files: Vec<DataFile>,
    /// Images without a class, and classes without an image.
    alone: Vec<String>,
    /// Other members.
    others: OtherMembers,
}
impl Listing {
    fn add(&mut self, path: &Path) -> Result<(), Error> {
        let unreadable = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let mut file = BufReader::new(file);
        let beginning = file.fill_buf().map_err(unreadable)?;
        if beginning.starts_with(&[0x1f, 0x8b]) {
            return Err(Error::Mismatch {
                path: path.to_owned(),
                what: "it is compressed, so an image in it cannot be read without everything before it"
                    .to_owned(),
                remedy:
                    "unpack it to a plain tar file: gunzip FILE.tar.gz, or tar -xzf FILE.tar.gz"
                        .to_owned(),
            });
        }
        let mut reader = ShardReader::new(file);
        let samples = samples(&mut reader, &mut self.others).map_err(|what| Error::File {
            path: path.to_owned(),
            what,
        })?;
        let mut members = Vec::new();
        for (key, sample) in samples {
            match (sample.image, sample.label) {
                (Some(image), Some(label)) => {
                    members.push(image);
                    self.labels.push(label);
                }
                (Some(image), None) => {
                    self.alone.push(format!("{} (no {key}.cls)", image.name));
                }
                (None, _) => self.alone.push(format!("{key}.cls (no image)")),
            }
        }
        let shard: Arc<dyn Container> = Arc::new(Shard {
            path: path.to_owned(),
            members,
        });
        let before = self.places.len();
        for index in 0..self.labels.len() - before {
            let container = Arc::clone(&shard);
            self.places.push(ImagePlace::Member { container, index });
        }
        self.files.push(reader.record(path));
        Ok(())
    }

    fn finish(self, files: &[PathBuf]) -> Result<LabelledImages, Error> {
        let title = shards::title(files);
        if self.places.is_empty() {
            return Err(Error::Missing {
                path: files.first().cloned().unwrap_or_default(),
                wanted: "image with a class".to_owned(),
                remedy: match self.alone.first() {
                    Some(alone) => format!(
                        "{alone}; the image and the class of a sample must have the same name up to the first dot: a/0001.jpg and a/0001.cls"
                    ),
                    None => {
                        "a WebDataset shard has a member NAME.cls with the class of each image NAME.jpg; unpack other tar files"
                            .to_owned()
                    }
                },
            });
        }
        let mut warnings = Vec::new();
        if let Some(first) = self.alone.first() {
            warnings.push(format!(
                "{title}: {} left out, the first of them {first}",
                match self.alone.len() {
                    1 => "1 image or class without a partner".to_owned(),
                    count => format!("{count} images or classes without a partner"),
                }
            ));
        }
        if let Some(first) = self.others.first {
            warnings.push(format!(
                "{title}: {} neither an image nor a .cls, the first of them {first}",
                match self.others.count {
                    1 => "1 member that is".to_owned(),
                    count => format!("{count} members that are"),
                }
            ));
        }
        Ok(LabelledImages {
            labels: Labels::of_texts(&self.labels),
            images: ImageData::Files(ImageFiles {
                root: shards::root(files),
                title,
                places: self.places,
            }),
            files: self.files,
            warnings,
        })
    }
}
