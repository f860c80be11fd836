//! The optimizer `adagrad`.

use serde::Serialize;

use super::shared::{L2, NO_DECAY, NoDecay, epsilon};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::NOT_NEGATIVE;

/// As `torch.optim.Adagrad`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adagrad {
    /// How fast the learning rate falls with the steps.
    pub lr_decay: f64,
    /// What the sum of the squared gradients begins with.
    pub initial_accumulator_value: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// The L2 penalty: its product with the parameter is added to the gradient.
    pub weight_decay: f64,
    /// The parameters that weight decay leaves alone.
    pub no_decay: Vec<NoDecay>,
}

const LR_DECAY: Key<f64> = Key::with_default(
    "lr_decay",
    NOT_NEGATIVE,
    "0.0",
    "how fast the learning rate decays with the number of steps",
);
const INITIAL_ACCUMULATOR_VALUE: Key<f64> = Key::with_default(
    "initial_accumulator_value",
    NOT_NEGATIVE,
    "0.0",
    "initial value of the sum of squares",
);
const EPS: Key<f64> = epsilon("1e-10");

pub(super) const ADAGRAD: KeyInfo = KeyInfo::choice(
    "adagrad",
    &[
        LR_DECAY.info,
        INITIAL_ACCUMULATOR_VALUE.info,
        EPS.info,
        L2.info,
        NO_DECAY.info,
    ],
    "Adagrad, like torch.optim.Adagrad",
);

impl Adagrad {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            lr_decay: section.read(&LR_DECAY),
            initial_accumulator_value: section.read(&INITIAL_ACCUMULATOR_VALUE),
            eps: section.read(&EPS),
            weight_decay: section.read(&L2),
            no_decay: section.read(&NO_DECAY),
        }
    }
}
