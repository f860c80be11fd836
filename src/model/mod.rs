//! The network: built from the config, run forward, taken apart into named arrays.

mod batch_norm;
mod fusion;
mod initialization;
mod layer;
mod network;
mod parameters;

pub use batch_norm::BatchStatistics;
pub use layer::{Mode, is_finite};
pub use network::Network;
pub use parameters::{Path, from_array, to_array};
