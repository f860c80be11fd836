//! The readers of data without the rest of the program.

#![allow(dead_code, unused_imports, reason = "only the program uses all of it")]

#[path = "../../src/data/pixels/bmp.rs"]
mod bmp;
#[path = "../../src/data/download/catalog.rs"]
pub mod catalog;
#[path = "../../src/data/pixels/depth.rs"]
mod depth;
#[path = "../../src/data/error.rs"]
mod error;
#[path = "../../src/data/pixels/exif.rs"]
mod exif;
#[path = "../../src/data/pixels/geometry.rs"]
pub mod geometry;
#[path = "../../src/data/pixels/gif.rs"]
mod gif;
#[path = "../../src/data/pixels/jpeg/mod.rs"]
mod jpeg;
#[path = "../../src/data/pixels/memory.rs"]
mod memory;
#[path = "../../src/data/metered.rs"]
mod metered;
#[path = "../../src/data/pixels/picture.rs"]
pub mod picture;
#[path = "../../src/data/pieces.rs"]
mod pieces;
#[path = "../../src/data/pixels/png.rs"]
mod png;
#[path = "../../src/data/pixels/raster.rs"]
mod raster;
#[path = "../../src/data/role.rs"]
mod role;
#[path = "../../src/data/pixels/rows.rs"]
pub mod rows;
#[path = "../../src/data/pixels/samples.rs"]
mod samples;
#[path = "../../src/data/sources/mod.rs"]
pub mod sources;
#[path = "../../src/data/pixels/tiff/mod.rs"]
mod tiff;

pub use error::Error;
pub use role::Role;
pub use runner_config as config;
pub use runner_digest as digest;
pub use runner_random as random;
pub use runner_records::run_dir;
