//! What the network sees: `batch` orders the images of an epoch and turns bytes into normalized floats,
//! `augment` changes training images on the way, with what `resample` and `policy` give, the latter of `bytes`; `loose`
//! does the same for images that no split has. Both work `ahead`.

mod ahead;
pub mod augment;
pub mod batch;
mod bytes;
pub mod loose;
mod policy;
pub mod resample;
