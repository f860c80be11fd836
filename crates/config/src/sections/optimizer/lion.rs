//! The optimizer `lion`.

use serde::Serialize;

use super::shared::{NO_DECAY, NoDecay, PAIR_OF_SHARES, decoupled};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;

/// `X. Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023`; the weight decay is
/// decoupled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lion {
    /// The weight of the running average of the gradient in a step, and the decay of that average.
    pub betas: [f64; 2],
    /// The share of a parameter taken off in each step, times the learning rate.
    pub weight_decay: f64,
    /// The parameters that weight decay leaves alone.
    pub no_decay: Vec<NoDecay>,
}

const BETAS: Key<[f64; 2]> = Key::with_default(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.99]",
    "weight of the gradient's running average in a step, and the decay of that average",
);
const DECAY: Key<f64> = decoupled("0.0");

pub(super) const LION: KeyInfo = KeyInfo::choice(
    "lion",
    &[BETAS.info, DECAY.info, NO_DECAY.info],
    "Lion, like timm's",
);

impl Lion {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            betas: section.read(&BETAS),
            weight_decay: section.read(&DECAY),
            no_decay: section.read(&NO_DECAY),
        }
    }
}
