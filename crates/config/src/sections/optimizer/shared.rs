//! Keys that several optimizers have.

use serde::Serialize;
use strum::{EnumString, VariantNames};

use crate::language::info::Kind;
use crate::language::key::Key;
use crate::language::values::{EPSILON, NOT_NEGATIVE, Values, list_of_words, two_numbers};
use crate::language::word::Word;

/// Parameters that weight decay leaves alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NoDecay {
    /// All biases.
    Bias,
    /// All parameters of normalization layers.
    Norm,
}

impl Word for NoDecay {}

pub(super) const PAIR_OF_SHARES: Values<[f64; 2]> = two_numbers(
    &Kind::SHARE,
    "an array of two numbers of at least 0 and less than 1",
);
pub(super) const BETAS: Key<[f64; 2]> = Key::with_default(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.999]",
    "decay of the running averages of the gradient and of its square",
);
pub(super) const L2: Key<f64> = Key::with_default(
    "weight_decay",
    NOT_NEGATIVE,
    "0.0",
    "L2 penalty added to the gradient",
);
pub(super) const NO_DECAY: Key<Vec<NoDecay>> = Key::with_default(
    "no_decay",
    list_of_words(
        "an array of \"bias\" (all biases), \"norm\" (all parameters of normalization layers) or \
         both",
    ),
    "[]",
    "parameters exempt from weight decay",
);
pub(super) const EPS: Key<f64> = epsilon("1e-8");

/// The term in the denominator, with the default of one rule.
pub(super) const fn epsilon(default: &'static str) -> Key<f64> {
    let meaning = "term added to the denominator for numerical stability";
    Key::with_default("eps", EPSILON, default, meaning)
}

/// A weight decay that is decoupled from the gradient, with the default of one rule.
pub(super) const fn decoupled(default: &'static str) -> Key<f64> {
    let meaning = "fraction of a parameter subtracted in each step, times the learning rate";
    Key::with_default("weight_decay", NOT_NEGATIVE, default, meaning)
}
