//! Known weights that a run begins with: `model.weights`.

use std::sync::Arc;

use crate::model::{Network, Transfer};
use crate::weights::Source;

/// Known weights, and what became of them.
#[derive(Debug, Clone)]
pub struct Start {
    /// Where they come from.
    pub source: Arc<Source>,
    /// Which of them were taken over.
    pub transfer: Transfer,
}

impl Start {
    /// The network with the weights that fit; what they do not have stays as it was.
    pub fn of(network: Network, source: Arc<Source>) -> (Network, Self) {
        let (network, transfer) = network.with_known(&source.arrays);
        (network, Self { source, transfer })
    }
}
