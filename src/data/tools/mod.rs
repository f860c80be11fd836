//! What people use to look at a data set outside of a run: `inspect` reports on it, `sheet` draws augmented
//! images on a `canvas`, `export` writes image files, `sorted` copies images by predictions, both into a `new_folder`. `reading` is how files are
//! read that no experiment names.

mod canvas;
pub mod export;
pub mod inspect;
mod new_folder;
mod reading;
pub mod sheet;
pub mod sorted;
