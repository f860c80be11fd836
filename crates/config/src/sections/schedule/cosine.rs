//! Rules along a cosine: `cosine`, `cosine_restarts`.

use serde::Serialize;

use super::planned_run::PlannedRun;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{NOT_NEGATIVE, POSITIVE, count};
use crate::text::tree::Value;

/// As `torch.optim.lr_scheduler.CosineAnnealingLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CosineRule {
    /// Epochs in which the rate falls to `eta_min`.
    pub t_max: f64,
    /// The lowest rate.
    pub eta_min: f64,
}

const T_MAX: Key<Option<f64>> = Key::derived(
    "t_max",
    POSITIVE,
    "the epochs after the warm-up",
    "time of the decay from the learning rate to eta_min; after it the rate rises again",
)
.unit("epochs");
const ETA_MIN: Key<f64> = Key::with_default("eta_min", NOT_NEGATIVE, "0.0", "lowest learning rate");

pub(super) const COSINE: KeyInfo = KeyInfo::choice(
    "cosine",
    &[T_MAX.info, ETA_MIN.info],
    "half a cosine from the learning rate down to eta_min, like PyTorch's CosineAnnealingLR",
);

impl CosineRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        Self {
            t_max: read_t_max(section, run),
            eta_min: read_eta_min(section, run),
        }
    }
}

fn read_t_max(section: &Section<'_>, run: &PlannedRun<'_>) -> f64 {
    let Some(t_max) = section.read(&T_MAX) else {
        return run.epochs_after_warmup();
    };
    run.check_length(section, &T_MAX, t_max);
    if run.epochs.is_some() && t_max < run.left {
        let message = format!("the learning rate rises again {t_max} epochs after the warm-up");
        let help = format!("choose a `t_max` of {}, or leave it out", run.left);
        run.warn(section.node(&T_MAX), message, &help);
    }
    t_max
}

/// As `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CosineRestartsRule {
    /// Epochs to the first restart.
    pub t_0: f64,
    /// The factor on the length of each cycle after the first.
    pub t_mult: u64,
    /// The lowest rate.
    pub eta_min: f64,
}

const T_0: Key<f64> = Key::required("t_0", POSITIVE, "time until the first restart").unit("epochs");
const T_MULT: Key<u64> = Key::with_default(
    "t_mult",
    count(),
    "1",
    "factor applied to the time between restarts after each restart",
);

pub(super) const COSINE_RESTARTS: KeyInfo = KeyInfo::choice(
    "cosine_restarts",
    &[T_0.info, T_MULT.info, ETA_MIN.info],
    "repeated half cosines from the learning rate down to eta_min, like PyTorch's \
     CosineAnnealingWarmRestarts",
);

impl CosineRestartsRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        Self {
            t_0: run.length(section, &T_0),
            t_mult: section.read(&T_MULT),
            eta_min: read_eta_min(section, run),
        }
    }
}

/// Reads the lowest learning rate of a rule; warns of one above the learning rate.
fn read_eta_min(section: &Section<'_>, run: &PlannedRun<'_>) -> f64 {
    let eta_min = section.read(&ETA_MIN);
    if let (Some(node), Some(typed)) = (section.node(&ETA_MIN), run.rate) {
        let is_below = match typed.value {
            Value::Float(rate) => rate < eta_min,
            Value::Integer(rate) => (rate as f64) < eta_min,
            _ => false,
        };
        if is_below {
            section.warn(
                node,
                "the lowest learning rate is above the initial one".to_owned(),
                Some((typed, "the initial learning rate".to_owned())),
                "choose a smaller `eta_min`",
            );
        }
    }
    eta_min
}
