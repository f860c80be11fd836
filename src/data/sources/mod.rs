//! Where images and their labels come from. `recognize` finds the splits at a place by asking each format of
//! [`FORMATS`]; a format's own file recognises its layout and lists a split as a `labelled` without opening any
//! image file. `place` is where an image file is, in a file of its own or inside another; `shards` are sets cut into several files. `meant` says what a path that leads nowhere was meant for. `kind` tells files by their first bytes. `labels` numbers the classes. `synthetic` draws images without files. `unlabelled` finds images alone.

pub mod cifar;
mod columns;
pub mod idx;
mod image_folder;
pub mod kind;
pub mod labelled;
pub mod labels;
pub mod manifest;
pub mod meant;
pub mod npz;
pub mod parquet;
pub mod place;
mod recognize;
pub mod shards;
mod source;
pub mod synthetic;
pub mod unlabelled;
pub mod webdataset;

pub use recognize::{all_splits, find};

use strum::VariantNames;

use self::source::SourceFormat;
use crate::config::Format;

/// Every format but `Format::Auto`, in the order in which they are tried. The length of the array is that of
/// the enum, so a format without a row does not compile.
static FORMATS: [(Format, &dyn SourceFormat); Format::VARIANTS.len() - 1] = [
    (Format::Csv, &manifest::Manifest),
    (Format::Idx, &idx::IdxFiles),
    (Format::Cifar10, &cifar::Variant::Cifar10),
    (Format::Cifar100, &cifar::Variant::Cifar100),
    (Format::ImageFolder, &image_folder::ImageFolder),
    (Format::Npz, &npz::Npz),
    (Format::Webdataset, &webdataset::WebDataset),
    (Format::Parquet, &parquet::Parquet),
];
