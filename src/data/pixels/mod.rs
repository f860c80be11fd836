//! From image files to bytes in memory: `picture` decodes one file (`jpeg` if it is one) within the `memory` of all
//! decoders, `encoded` finds their bytes, `scan` decodes and measures all files of a split, `cache` remembers both for
//! the next run, `images` serves pixels within a memory limit, `load` fills
//! them.

pub mod cache;
mod encoded;
pub mod images;
pub mod jpeg;
pub mod load;
pub mod memory;
pub mod picture;
pub mod scan;
