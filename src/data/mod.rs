//! Labelled images, from files to batches. One room a step, in the order in which data flow:
//!
//! - `download`: brings a known data set here;
//! - `sources`: recognises the format of a folder or file, and lists its images and labels;
//! - `pixels`: decodes image files, caches them, and keeps pixels within a memory limit;
//! - `splits`: says which images are for training, evaluation and test;
//! - `batches`: orders, augments and normalizes the images of an epoch;
//! - `tools`: reports on a data set and writes it in other forms, for people.
//!
//! A room imports from rooms above it only.

#![warn(missing_docs)]

mod batches;
mod download;
mod error;
mod metered;
mod pieces;
mod pixels;
mod role;
mod sources;
mod splits;
mod tools;

pub use batches::batch::{Batch, Batches, Mixed};
pub use batches::loose::{LooseBatch, LooseImages};
pub use batches::{augment, resample};
pub use download::catalog;
#[cfg(feature = "fetch")]
pub use download::{archive, fetch};
pub use error::{Error, LoadError};
pub use pixels::scan::Watch;
pub use pixels::{geometry, jpeg, memory, picture, rows};
pub use role::Role;
pub use sources::meant::check_place;
pub use sources::place::ImagePlace;
pub use sources::unlabelled::{images_at, images_piped};
pub use sources::{labels, shards};
pub use splits::classes::some_of;
pub use splits::dataset::Dataset;
pub use splits::load::Splits;
pub use splits::other::OtherSet;
pub use tools::export::{Encoding, Exported, export};
pub use tools::inspect::{Report, SplitReport, inspect, inspect_run};
pub use tools::sheet::contact_sheet;
pub use tools::sorted::SortedImages;
