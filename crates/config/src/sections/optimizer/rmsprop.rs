//! The optimizer `rmsprop`.

use serde::Serialize;

use super::shared::{EPS, L2, NO_DECAY, NoDecay};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{BOOLEAN, SHARE};

/// As `torch.optim.RMSprop`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rmsprop {
    /// The decay of the running average of the gradient's square, in `0..1`.
    pub alpha: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// The share of the last step that goes into the next, in `0..1`.
    pub momentum: f64,
    /// Whether the gradient is divided by its standard deviation rather than by its root mean square.
    pub centered: bool,
    /// The L2 penalty: its product with the parameter is added to the gradient.
    pub weight_decay: f64,
    /// The parameters that weight decay leaves alone.
    pub no_decay: Vec<NoDecay>,
}

const ALPHA: Key<f64> = Key::with_default(
    "alpha",
    SHARE,
    "0.99",
    "decay of the running average of the squared gradient",
);
const MOMENTUM: Key<f64> = Key::with_default(
    "momentum",
    SHARE,
    "0.0",
    "momentum: fraction of the previous step that is added to the next",
);
const CENTERED: Key<bool> = Key::with_default(
    "centered",
    BOOLEAN,
    "false",
    "whether to divide the gradient by its standard deviation instead of its root mean square",
);

pub(super) const RMSPROP: KeyInfo = KeyInfo::choice(
    "rmsprop",
    &[
        ALPHA.info,
        EPS.info,
        MOMENTUM.info,
        CENTERED.info,
        L2.info,
        NO_DECAY.info,
    ],
    "RMSprop, like torch.optim.RMSprop",
);

impl Rmsprop {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            alpha: section.read(&ALPHA),
            eps: section.read(&EPS),
            momentum: section.read(&MOMENTUM),
            centered: section.read(&CENTERED),
            weight_decay: section.read(&L2),
            no_decay: section.read(&NO_DECAY),
        }
    }
}
