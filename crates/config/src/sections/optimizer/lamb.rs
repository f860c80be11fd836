//! The optimizer `lamb`.

use serde::Serialize;

use super::shared::{BETAS, NO_DECAY, NoDecay, decoupled, epsilon};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;

/// `Y. You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2020`;
/// the weight decay is decoupled, and within the trust ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lamb {
    /// The decay of the running averages of the gradient and of its square, each in `0..1`.
    pub betas: [f64; 2],
    /// Added to the denominator.
    pub eps: f64,
    /// The share of a parameter taken off in each step, times the learning rate.
    pub weight_decay: f64,
    /// The parameters that weight decay leaves alone.
    pub no_decay: Vec<NoDecay>,
}

const EPS: Key<f64> = epsilon("1e-6");
const DECAY: Key<f64> = decoupled("0.01");

pub(super) const LAMB: KeyInfo = KeyInfo::choice(
    "lamb",
    &[BETAS.info, EPS.info, DECAY.info, NO_DECAY.info],
    "LAMB, like timm's with always_adapt",
);

impl Lamb {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            betas: section.read(&BETAS),
            eps: section.read(&EPS),
            weight_decay: section.read(&DECAY),
            no_decay: section.read(&NO_DECAY),
        }
    }
}
