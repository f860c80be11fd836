//! The rule `one_cycle`.

use serde::Serialize;
use strum::{EnumString, VariantNames};

use super::planned_run::PlannedRun;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{BOOLEAN, POSITIVE, SHARE, word};
use crate::language::word::Word;

/// As `torch.optim.lr_scheduler.OneCycleLR` without its cycle of the momentum; the learning rate of
/// the training is its `max_lr`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneCycleRule {
    /// Epochs of the whole cycle; PyTorch's `total_steps`.
    pub total: f64,
    /// The share of the cycle in which the rate rises, in `0..1`.
    pub pct_start: f64,
    /// The form of rise and fall.
    pub anneal_strategy: AnnealStrategy,
    /// The learning rate divided by it is the first rate.
    pub div_factor: f64,
    /// The first rate divided by it is the last.
    pub final_div_factor: f64,
    /// Whether the rate falls to the first rate as fast as it rose, and then to the last.
    pub three_phase: bool,
}

/// The form of rise and fall of `OneCycleLR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AnnealStrategy {
    /// Half a cosine.
    Cos,
    /// A straight line.
    Linear,
}
impl Word for AnnealStrategy {}

const TOTAL: Key<Option<f64>> = Key::derived(
    "total",
    POSITIVE,
    "the epochs after the warm-up",
    "time of the whole cycle",
)
.unit("epochs");
const PCT_START: Key<f64> = Key::with_default(
    "pct_start",
    SHARE,
    "0.3",
    "fraction of the cycle in which the rate rises",
);
const ANNEAL_STRATEGY: Key<AnnealStrategy> = Key::with_default(
    "anneal_strategy",
    word(),
    "\"cos\"",
    "shape of rise and fall",
);
const DIV_FACTOR: Key<f64> = Key::with_default(
    "div_factor",
    POSITIVE,
    "25.0",
    "the initial rate is the learning rate divided by this",
);
const FINAL_DIV_FACTOR: Key<f64> = Key::with_default(
    "final_div_factor",
    POSITIVE,
    "1e4",
    "the final rate is the initial rate divided by this",
);
const THREE_PHASE: Key<bool> = Key::with_default(
    "three_phase",
    BOOLEAN,
    "false",
    "whether the rate first falls as fast as it rose, then on to the final rate",
);

pub(super) const ONE_CYCLE: KeyInfo = KeyInfo::choice(
    "one_cycle",
    &[
        TOTAL.info,
        PCT_START.info,
        ANNEAL_STRATEGY.info,
        DIV_FACTOR.info,
        FINAL_DIV_FACTOR.info,
        THREE_PHASE.info,
    ],
    "rises to the learning rate, then falls far below where it began, like PyTorch's OneCycleLR with cycle_momentum=False",
);

impl OneCycleRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        Self {
            total: read_total(section, run),
            pct_start: section.read(&PCT_START),
            anneal_strategy: section.read(&ANNEAL_STRATEGY),
            div_factor: section.read(&DIV_FACTOR),
            final_div_factor: section.read(&FINAL_DIV_FACTOR),
            three_phase: read_three_phase(section),
        }
    }
}

fn read_total(section: &Section<'_>, run: &PlannedRun<'_>) -> f64 {
    let Some(total) = section.read(&TOTAL) else {
        return run.epochs_after_warmup();
    };
    run.check_length(section, &TOTAL, total);
    total
}

fn read_three_phase(section: &Section<'_>) -> bool {
    let three_phase = section.read(&THREE_PHASE);
    if let Some(node) = section.node(&PCT_START)
        && three_phase
        && section.read(&PCT_START) > 0.5
    {
        let message =
            "with three phases, rise and fall take longer than the whole cycle".to_owned();
        section.warn(node, message, None, "choose a `pct_start` of at most 0.5");
    }
    three_phase
}
