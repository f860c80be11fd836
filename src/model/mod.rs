//! The network: built from the config, run forward, taken apart into named arrays.
//!
//! From the inside out: `flow` is what passes between layers, `layer` one layer, `sequence` lists of them,
//! `network` the whole; `initialization` and `builder` give start values, `parameters` names and layouts,
//! `transfer` known weights as far as they fit.

mod builder;
mod flow;
mod initialization;
mod layer;
mod network;
mod parameters;
mod sequence;
mod transfer;

pub use flow::{BatchStatistics, Mode, is_finite};
pub use network::Network;
pub use parameters::Parameter;
pub use transfer::{Anew, Transfer};
