//! The optimizer `sgd`.

use serde::Serialize;

use super::shared::{L2, NO_DECAY, NoDecay};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{BOOLEAN, NOT_NEGATIVE, SHARE};

/// As `torch.optim.SGD`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sgd {
    /// The share of the last step that goes into the next, in `0..1`.
    pub momentum: f64,
    /// The share of the gradient that does not go into the momentum.
    pub dampening: f64,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
    /// The L2 penalty: its product with the parameter is added to the gradient.
    pub weight_decay: f64,
    /// The parameters that weight decay leaves alone.
    pub no_decay: Vec<NoDecay>,
}

const MOMENTUM: Key<f64> = Key::with_default(
    "momentum",
    SHARE,
    "0.0",
    "momentum: fraction of the previous step that is added to the next",
);
const DAMPENING: Key<f64> = Key::with_default(
    "dampening",
    NOT_NEGATIVE,
    "0.0",
    "fraction of the gradient that is kept out of the momentum",
);
const NESTEROV: Key<bool> = Key::with_default(
    "nesterov",
    BOOLEAN,
    "false",
    "whether to use Nesterov momentum",
);

pub(super) const SGD: KeyInfo = KeyInfo::choice(
    "sgd",
    &[
        MOMENTUM.info,
        DAMPENING.info,
        NESTEROV.info,
        L2.info,
        NO_DECAY.info,
    ],
    "stochastic gradient descent, like torch.optim.SGD",
);

impl Sgd {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let sgd = Self {
            momentum: section.read(&MOMENTUM),
            dampening: section.read(&DAMPENING),
            nesterov: section.read(&NESTEROV),
            weight_decay: section.read(&L2),
            no_decay: section.read(&NO_DECAY),
        };
        if sgd.nesterov && (sgd.momentum == 0.0 || sgd.dampening != 0.0) {
            let message = format!(
                "`{}` needs a momentum and no dampening",
                section.path_of(NESTEROV.name)
            );
            let help = "set momentum, for example to 0.9, and remove `dampening`";
            section.report(&NESTEROV, message, "", help);
        }
        sgd
    }
}
