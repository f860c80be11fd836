//! What people use to look at a data set outside of a run: `inspect` reports on it, `sheet` draws augmented
//! images, `export` writes image files.

pub mod export;
pub mod inspect;
pub mod sheet;
