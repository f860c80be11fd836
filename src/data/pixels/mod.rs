//! From image files to bytes in memory: `picture` decodes one file, `scan` decodes and measures all files of
//! a split, `encoded` finds their bytes, `cache` remembers both for the next run, `images` serves pixels within a memory limit, `load` fills
//! them.

pub mod cache;
mod encoded;
pub mod images;
pub mod load;
pub mod picture;
pub mod scan;
