//! `[optimizer]`: the update rule, one table named after it, with PyTorch's names and defaults.

use serde::Serialize;

use super::key::{Key, Kind};
use super::section::Section;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    Adam(Adam),
}

/// As `torch.optim.Adam`; the weight decay is added to the gradient (L2), not decoupled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adam {
    pub betas: [f64; 2],
    pub eps: f64,
    pub weight_decay: f64,
}

const ADAM: Key = Key::optional(
    "adam",
    Kind::Table(&[BETAS, EPS, WEIGHT_DECAY]),
    "{}",
    "the Adam optimizer, as torch.optim.Adam",
);
const BETAS: Key = Key::optional(
    "betas",
    Kind::Array {
        each: &Kind::SHARE,
        length: Some(2),
        words: "an array of two numbers of at least 0 and less than 1",
    },
    "[0.9, 0.999]",
    "the decay of the running averages of the gradient and of its square",
);
const EPS: Key = Key::optional(
    "eps",
    Kind::EPSILON,
    "1e-8",
    "the term added to the denominator for numerical stability",
);
const WEIGHT_DECAY: Key = Key::optional(
    "weight_decay",
    Kind::NOT_NEGATIVE,
    "0.0",
    "the L2 penalty added to the gradient",
);

pub const KEYS: &[Key] = &[ADAM];

impl Optimizer {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Optimizer::Adam(Adam::read(&section.table(&ADAM)))
    }
}

impl Adam {
    fn read(section: &Section<'_>) -> Self {
        // A placeholder where the array cannot be read.
        let betas = section
            .floats(&BETAS)
            .and_then(|betas| betas.try_into().ok());
        Self {
            betas: betas.unwrap_or_default(),
            eps: section.float(&EPS),
            weight_decay: section.float(&WEIGHT_DECAY),
        }
    }
}
