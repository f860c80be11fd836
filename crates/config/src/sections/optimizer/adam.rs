//! The optimizers `adam` and `adamw`, which differ in their weight decay.

use serde::Serialize;

use super::shared::{BETAS, EPS, L2, NO_DECAY, NoDecay, decoupled};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::BOOLEAN;

/// As `torch.optim.Adam`, whose weight decay is added to the gradient (L2), and `torch.optim.AdamW`,
/// whose is decoupled from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adam {
    /// The decay of the running averages of the gradient and of its square, each in `0..1`.
    pub betas: [f64; 2],
    /// Added to the denominator.
    pub eps: f64,
    /// L2 penalty for Adam, decoupled decay for AdamW.
    pub weight_decay: f64,
    /// Whether the largest average of the squares so far is the one that counts.
    pub amsgrad: bool,
    /// The parameters that weight decay leaves alone.
    pub no_decay: Vec<NoDecay>,
}

const AMSGRAD: Key<bool> = Key::with_default(
    "amsgrad",
    BOOLEAN,
    "false",
    "whether to divide by the largest average of squares so far (AMSGrad)",
);
const DECAY: Key<f64> = decoupled("0.01");

pub(super) const ADAM: KeyInfo = KeyInfo::choice(
    "adam",
    &[BETAS.info, EPS.info, L2.info, AMSGRAD.info, NO_DECAY.info],
    "Adam, like torch.optim.Adam",
);

pub(super) const ADAMW: KeyInfo = KeyInfo::choice(
    "adamw",
    &[
        BETAS.info,
        EPS.info,
        DECAY.info,
        AMSGRAD.info,
        NO_DECAY.info,
    ],
    "Adam with decoupled weight decay, like torch.optim.AdamW",
);

impl Adam {
    pub(super) fn read_adam(section: &Section<'_>) -> Self {
        Self::read(section, &L2)
    }

    pub(super) fn read_adamw(section: &Section<'_>) -> Self {
        Self::read(section, &DECAY)
    }

    fn read(section: &Section<'_>, weight_decay: &Key<f64>) -> Self {
        Self {
            betas: section.read(&BETAS),
            eps: section.read(&EPS),
            weight_decay: section.read(weight_decay),
            amsgrad: section.read(&AMSGRAD),
            no_decay: section.read(&NO_DECAY),
        }
    }
}
