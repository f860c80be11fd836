//! What people use to look at a data set outside of a run: `inspect` reports on it, `sheet` draws augmented
//! images on a `canvas`, `export` writes image files.

mod canvas;
pub mod export;
pub mod inspect;
pub mod sheet;
