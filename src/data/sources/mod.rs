//! Where images and their labels come from. `source` finds the splits at a place and recognises the format
//! of each; one file a format lists a split as a `listed` without opening any image file.

pub mod cifar;
pub mod idx;
mod image_folder;
pub mod labels;
pub mod listed;
pub mod manifest;
pub mod source;
pub mod synthetic;
