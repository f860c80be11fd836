//! Parquet files as Hugging Face writes image sets: a column of images, each its encoded bytes and a path, and a column
//! of labels, with the names of the classes in the metadata. The reader is behind the feature `parquet`, since it takes
//! longer to build than all other formats together.

#[cfg(feature = "parquet")]
mod listing;
#[cfg(feature = "parquet")]
pub mod shard;

#[cfg(feature = "parquet")]
use std::path::PathBuf;

use super::labelled::LabelledImages;
use super::shards::Sharded;
use super::source::Source;
#[cfg(feature = "parquet")]
use crate::config::Columns;
use crate::config::Format;
use crate::data::Error;
#[cfg(feature = "parquet")]
use crate::data::Role;

/// Shards of a table of images.
pub(super) struct Parquet;

impl Sharded for Parquet {
    const FORMAT: Format = Format::Parquet;
    const ENDINGS: &[&str] = &[".parquet"];
    const FOLDER_CONTENTS: &str =
        "a folder of Parquet files contains train-00000-of-00001.parquet and so on";

    #[cfg(feature = "parquet")]
    fn splits(files: &[PathBuf], columns: &Columns) -> Option<Vec<Role>> {
        listing::splits(files, columns)
    }

    #[cfg(feature = "parquet")]
    fn list(source: &Source) -> Result<LabelledImages, Error> {
        listing::list(&source.paths, source.split, &source.columns)
    }

    #[cfg(not(feature = "parquet"))]
    fn list(source: &Source) -> Result<LabelledImages, Error> {
        Err(Error::Mismatch {
            path: source.paths.first().cloned().unwrap_or_default(),
            what: "this program was built without the feature `parquet`".to_owned(),
            remedy:
                "build it with `cargo build --release --features parquet`, or convert the set to a \
                     folder of images or to shards of WebDataset"
                    .to_owned(),
        })
    }
}
