//! The network: built from the config, run forward, taken apart into named arrays.

mod batch_norm;
mod convolution;
mod dropout;
mod fusion;
mod group_norm;
mod initialization;
mod layer;
mod mode;
mod network;
mod parameters;

pub use batch_norm::BatchStatistics;
pub use layer::is_finite;
pub use mode::Mode;
pub use network::Network;
pub use parameters::Parameter;
