//! Labelled images: where they come from, which are for what, and the batches that training and
//! evaluation see. In the order in which data flow:
//!
//! - what there can be: [`catalog`], `fetch` and `archive` bring it here;
//! - where it is: `source` recognises [`idx`], [`cifar`], `image_folder` and [`manifest`] and gives what
//!   each of them lists, `listed`, with its [`labels`]; `synthetic` makes it up;
//! - what is in it: `scan` opens every file by way of [`picture`], `cache` remembers, `images` keeps the
//!   pixels as far as there is room;
//! - what it is for: `split`; `load` puts all of this together;
//! - what the network sees: `batch`, by way of [`augment`].
//!
//! `inspect`, `sheet` and `export` are for people who look at it.

#[cfg(feature = "fetch")]
pub mod archive;
pub mod augment;
mod batch;
mod cache;
pub mod catalog;
pub mod cifar;
mod dataset;
mod error;
mod export;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod idx;
mod image_folder;
mod images;
mod inspect;
pub mod labels;
mod listed;
mod load;
pub mod manifest;
pub mod picture;
mod role;
mod scan;
mod sheet;
mod source;
mod split;
mod synthetic;

pub use batch::{Batch, Batches, Mixed};
pub use dataset::Dataset;
pub use error::Error;
pub use export::{Encoding, export};
pub use inspect::{Report, SplitReport, inspect};
pub use load::Splits;
pub use role::Role;
pub use scan::Watch;
pub use sheet::contact_sheet;

use crate::run_dir::DataFile;
