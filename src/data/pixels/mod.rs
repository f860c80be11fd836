//! From image files to bytes in memory: `picture` decodes one file to a `raster` (`png`, `jpeg`, `gif`, `tiff` and, if it is large, `bmp` if it is one; `rows` makes fewer of its rows as they come, `samples` keeps what is kept of them) within the
//! `memory` of all decoders, turned as its `exif` says and with the `depth` of its samples, `geometry` brings it to its size, `encoded` finds their bytes, `scan` decodes and measures all files of a split, `cache` remembers both for
//! the next run, `images` serves pixels within a memory limit, `load` fills
//! them.

mod bmp;
pub mod cache;
pub mod depth;
mod encoded;
pub mod exif;
pub mod geometry;
mod gif;
pub mod images;
pub mod jpeg;
pub mod load;
pub mod memory;
pub mod picture;
mod png;
mod raster;
pub mod rows;
mod samples;
pub mod scan;
mod tiff;
