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

const ADAM: Key = Key::optional("adam", Kind::Other("a table"), "{}", "the Adam optimizer");
const BETAS: Key = Key::optional(
    "betas",
    Kind::Other("an array of two numbers of at least 0 and less than 1"),
    "[0.9, 0.999]",
    "the decay of the running averages of the gradient and of its square",
);
const EPS: Key = Key::optional(
    "eps",
    // Less is nothing in single precision.
    Kind::Float {
        min: 1e-37,
        max: f64::INFINITY,
        open: false,
    },
    "1e-8",
    "the term added to the denominator for numerical stability",
);
const WEIGHT_DECAY: Key = Key::optional(
    "weight_decay",
    Kind::Float {
        min: 0.0,
        max: f64::INFINITY,
        open: false,
    },
    "0.0",
    "the L2 penalty added to the gradient",
);

pub const KEYS: &[Key] = &[ADAM];
pub const ADAM_KEYS: &[Key] = &[BETAS, EPS, WEIGHT_DECAY];

impl Optimizer {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Optimizer::Adam(Adam::read(&section.section(&ADAM, ADAM_KEYS)))
    }
}

impl Adam {
    fn read(section: &Section<'_>) -> Self {
        let unit = Kind::Float {
            min: 0.0,
            max: 1.0,
            open: false,
        };
        let standard = [0.9, 0.999];
        let betas = section.floats(&BETAS, unit).unwrap_or(standard.to_vec());
        let betas = <[f64; 2]>::try_from(betas).unwrap_or_else(|betas| {
            let message = format!("`{}` must be {}", section.path_of("betas"), BETAS.kind);
            let label = format!("this is an array of length {}", betas.len());
            section.report(&BETAS, message, &label, "PyTorch's are [0.9, 0.999]");
            standard
        });
        Self {
            betas,
            eps: section.float(&EPS),
            weight_decay: section.float(&WEIGHT_DECAY),
        }
    }
}
