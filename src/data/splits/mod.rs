//! Which images are for training, evaluation and test: `load` builds all splits of a run, `split` divides and
//! limits them, `dataset` is one of them.

pub mod dataset;
pub mod load;
pub mod split;
