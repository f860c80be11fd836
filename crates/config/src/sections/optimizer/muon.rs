//! The optimizer `muon`.

use serde::Serialize;
use strum::{EnumString, VariantNames};

use super::shared::{NO_DECAY, NoDecay, PAIR_OF_SHARES, decoupled, epsilon};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{BOOLEAN, EPSILON, SHARE, integer, word};
use crate::language::word::Word;

/// As `torch.optim.Muon`, for parameters of two dimensions or more, in single precision; AdamW for the
/// others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Muon {
    /// The decay of the running average of the gradient, in `0..1`.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
    /// The share of a parameter taken off in each step, times the learning rate.
    pub weight_decay: f64,
    /// Steps of the Newton-Schulz iteration.
    pub ns_steps: usize,
    /// Added to the norm that the iteration divides by.
    pub eps: f64,
    /// How the learning rate is fitted to the shape of a matrix.
    pub adjust_lr_fn: AdjustLrFn,
    /// The betas of AdamW.
    pub betas: [f64; 2],
    /// The eps of AdamW.
    pub adamw_eps: f64,
    /// The parameters that weight decay leaves alone.
    pub no_decay: Vec<NoDecay>,
}

/// How Muon fits the learning rate to the shape of a matrix, as `torch.optim.Muon`'s `adjust_lr_fn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AdjustLrFn {
    /// Updates have the root mean square of AdamW's.
    MatchRmsAdamw,
    /// As in the first publication.
    Original,
}

impl Word for AdjustLrFn {}

const MOMENTUM: Key<f64> = Key::with_default(
    "momentum",
    SHARE,
    "0.95",
    "decay of the running average of the gradient",
);
const NESTEROV: Key<bool> = Key::with_default(
    "nesterov",
    BOOLEAN,
    "true",
    "whether to use Nesterov momentum",
);
const NS_STEPS: Key<usize> = Key::with_default(
    "ns_steps",
    integer(1, 100),
    "5",
    "number of iterations that orthogonalize the update",
);
const ADJUST_LR_FN: Key<AdjustLrFn> = Key::with_default(
    "adjust_lr_fn",
    word(),
    "\"match_rms_adamw\"",
    "how the learning rate is adjusted to the shape of a matrix; PyTorch's default is \"original\"",
);
const ADAMW_BETAS: Key<[f64; 2]> = Key::with_default(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.999]",
    "betas of AdamW, which updates one-dimensional parameters",
);
const ADAMW_EPS: Key<f64> = Key::with_default(
    "adamw_eps",
    EPSILON,
    "1e-8",
    "eps of AdamW, which updates one-dimensional parameters",
);
const EPS: Key<f64> = epsilon("1e-7");
const DECAY: Key<f64> = decoupled("0.1");

pub(super) const MUON: KeyInfo = KeyInfo::choice(
    "muon",
    &[
        MOMENTUM.info,
        NESTEROV.info,
        DECAY.info,
        NS_STEPS.info,
        EPS.info,
        ADJUST_LR_FN.info,
        ADAMW_BETAS.info,
        ADAMW_EPS.info,
        NO_DECAY.info,
    ],
    "Muon, like torch.optim.Muon, for matrices and convolutions; AdamW for the rest",
);

impl Muon {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            momentum: section.read(&MOMENTUM),
            nesterov: section.read(&NESTEROV),
            weight_decay: section.read(&DECAY),
            ns_steps: section.read(&NS_STEPS),
            eps: section.read(&EPS),
            adjust_lr_fn: section.read(&ADJUST_LR_FN),
            betas: section.read(&ADAMW_BETAS),
            adamw_eps: section.read(&ADAMW_EPS),
            no_decay: section.read(&NO_DECAY),
        }
    }
}
