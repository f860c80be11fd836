//! Which images are for training, evaluation and test: `load` builds all splits of a run, `only` leaves classes out, `classes` gives
//! them one numbering of classes, `split` divides and limits them, `warnings` says what is odd, `dataset` is
//! one of them; `other` is a set that is none of them.

pub mod classes;
pub mod dataset;
pub mod load;
mod only;
pub mod other;
pub mod split;
pub mod warnings;
