//! What the network sees: `batch` orders the images of an epoch and turns bytes into normalized floats,
//! `augment` changes training images on the way.

pub mod augment;
pub mod batch;
