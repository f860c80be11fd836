//! The optimizer `adadelta`.

use serde::Serialize;

use super::shared::{L2, NO_DECAY, NoDecay, epsilon};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::SHARE;

/// As `torch.optim.Adadelta`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adadelta {
    /// The decay of the running averages of the squared gradients and updates, in `0..1`.
    pub rho: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// The L2 penalty: its product with the parameter is added to the gradient.
    pub weight_decay: f64,
    /// The parameters that weight decay leaves alone.
    pub no_decay: Vec<NoDecay>,
}

const RHO: Key<f64> = Key::with_default(
    "rho",
    SHARE,
    "0.9",
    "decay of the running averages of squares",
);
const EPS: Key<f64> = epsilon("1e-6");

pub(super) const ADADELTA: KeyInfo = KeyInfo::choice(
    "adadelta",
    &[RHO.info, EPS.info, L2.info, NO_DECAY.info],
    "Adadelta, like torch.optim.Adadelta",
);

impl Adadelta {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            rho: section.read(&RHO),
            eps: section.read(&EPS),
            weight_decay: section.read(&L2),
            no_decay: section.read(&NO_DECAY),
        }
    }
}
