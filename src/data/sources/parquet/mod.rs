//! Parquet files as Hugging Face writes image sets: a column of images, each its encoded bytes and a path, and a column
//! of labels, with the names of the classes in the metadata. The reader is behind the feature `parquet`, since it takes
//! longer to build than all other formats together.

#[cfg(feature = "parquet")]
mod listing;
#[cfg(feature = "parquet")]
pub mod shard;

use std::path::{Path, PathBuf};

use super::labelled::LabelledImages;
use super::shards;
use super::source::{Source, SourceFormat};
use crate::config::Format;
use crate::data::{Error, Role};

/// Shards of a table of images.
pub(super) struct Parquet;

const ENDINGS: &[&str] = &[".parquet"];

impl SourceFormat for Parquet {
    fn folder_contents(&self) -> &'static str {
        "a folder of Parquet files contains train-00000-of-00001.parquet and so on"
    }

    fn find_in_folder(
        &self,
        folder: &Path,
        role: Role,
        is_whole: bool,
    ) -> Result<Option<Source>, Error> {
        let found = shards::in_folder(folder, ENDINGS, role, is_whole)?;
        Ok(found.map(|(split, files)| source(split, files)))
    }

    fn find_spare_test(&self, folder: &Path, has_other_eval: bool) -> Option<Source> {
        let (split, files) = shards::spare_test(folder, ENDINGS, has_other_eval)?;
        Some(source(split, files))
    }

    fn is_named_like(&self, file: &Path) -> bool {
        shards::has_ending(file, ENDINGS)
    }

    fn find_in_file(&self, file: &Path, role: Role) -> Option<Source> {
        Some(source(role, vec![file.to_owned()]))
    }

    fn find_in_files(&self, files: &[PathBuf], role: Role) -> Option<Source> {
        Some(source(role, files.to_vec()))
    }

    #[cfg(feature = "parquet")]
    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        listing::list(&source.paths, &source.columns)
    }

    #[cfg(not(feature = "parquet"))]
    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
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

fn source(split: Role, files: Vec<PathBuf>) -> Source {
    Source::new(Format::Parquet, split, files)
}
