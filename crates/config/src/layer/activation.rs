//! Activations with options.

use serde::Serialize;

use crate::key::{Key, Kind};
use crate::section::Section;

/// As `torch.nn.LeakyReLU`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LeakyRelu {
    pub negative_slope: f64,
}

/// As `torch.nn.GELU`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gelu {
    /// `none` or `tanh`.
    pub approximate: String,
}

/// As `torch.nn.ELU`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Elu {
    pub alpha: f64,
}

/// As `torch.nn.Softplus`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Softplus {
    pub beta: f64,
    /// Where `beta x` is above it, the layer gives `x` itself.
    pub threshold: f64,
}

/// As `torch.nn.PReLU`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prelu {
    /// 1, or one a channel.
    pub num_parameters: usize,
    /// What each begins with.
    pub init: f64,
}

const NEGATIVE_SLOPE: Key = Key::optional(
    "negative_slope",
    Kind::NUMBER,
    "0.01",
    "the slope for negative inputs",
);
const APPROXIMATE: Key = Key::optional(
    "approximate",
    Kind::Word(&["none", "tanh"]),
    "\"none\"",
    "the exact function, or its approximation with tanh",
);
const ALPHA: Key = Key::optional(
    "alpha",
    Kind::NUMBER,
    "1.0",
    "minus the limit for very negative inputs",
);
const BETA: Key = Key::optional("beta", Kind::POSITIVE, "1.0", "how sharply the curve bends");
const THRESHOLD: Key = Key::optional(
    "threshold",
    Kind::NUMBER,
    "20.0",
    "above so much, of the input times beta, the layer gives the input itself",
);
const NUM_PARAMETERS: Key = Key::optional(
    "num_parameters",
    Kind::COUNT,
    "1",
    "how many slopes are learned: 1, or one a channel",
);
const INIT: Key = Key::optional(
    "init",
    Kind::NUMBER,
    "0.25",
    "the slope for negative inputs to begin with",
);

pub const LEAKY_RELU_KEYS: &[Key] = &[NEGATIVE_SLOPE];
pub const GELU_KEYS: &[Key] = &[APPROXIMATE];
pub const ELU_KEYS: &[Key] = &[ALPHA];
pub const SOFTPLUS_KEYS: &[Key] = &[BETA, THRESHOLD];
pub const PRELU_KEYS: &[Key] = &[NUM_PARAMETERS, INIT];

impl LeakyRelu {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            negative_slope: section.float(&NEGATIVE_SLOPE),
        }
    }
}

impl Gelu {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            approximate: section.text(&APPROXIMATE),
        }
    }
}

impl Elu {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            alpha: section.float(&ALPHA),
        }
    }
}

impl Softplus {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            beta: section.float(&BETA),
            threshold: section.float(&THRESHOLD),
        }
    }
}

impl Prelu {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            num_parameters: section.size(&NUM_PARAMETERS),
            init: section.float(&INIT),
        }
    }
}
