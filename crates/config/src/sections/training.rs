//! `[training]`: how long, in what portions, at what rate.

use serde::Serialize;

use super::groups::{GROUPS, Group};
use crate::language::info::{KeyInfo, MAX_SIZE, OnResume};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{NOT_NEGATIVE, POSITIVE, SHARE, count, integer};
use crate::model::layer::{Layer, Normalization};

/// How long, in what batches and at what rate a network trains.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Training {
    /// Passes over the training data.
    pub epochs: u64,
    /// Images that go through the network together; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// The step size of the optimizer, greater than 0; a schedule changes it.
    pub learning_rate: f64,
    /// Batches whose gradients make one step.
    pub accumulate_grad_batches: usize,
    /// What the norm of all gradients together is cut to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_grad_norm: Option<f64>,
    /// What each number of the gradients is cut to, up and down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_grad_value: Option<f64>,
    /// Evaluation takes a running average of the weights with this decay a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema_decay: Option<f64>,
    /// Number of epochs between evaluations; 0: none before the results.
    pub eval_every_epochs: u64,
    /// Minutes after which a process writes a checkpoint and stops; 0: no limit.
    pub max_minutes: f64,
    /// Parameters that are trained in another way than the rest; a parameter belongs to the first that matches it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

pub(crate) const EPOCHS: Key<u64> =
    Key::required("epochs", count(), "number of passes over the training data")
        .unit("epochs")
        .on_resume(OnResume::Upward);
pub(crate) const BATCH_SIZE: Key<usize> =
    Key::required("batch_size", count(), "number of images per batch").unit("images");
pub(crate) const LEARNING_RATE: Key<f64> =
    Key::required("learning_rate", POSITIVE, "step size of the optimizer");

const ACCUMULATE_GRAD_BATCHES: Key<usize> = Key::with_default(
    "accumulate_grad_batches",
    count(),
    "1",
    "number of batches whose gradients are combined into one optimizer step",
)
.unit("batches");
const CLIP_GRAD_NORM: Key<Option<f64>> = Key::optional(
    "clip_grad_norm",
    POSITIVE,
    "maximum norm of all gradients together; larger gradients are scaled down, like clip_grad_norm_",
);
const CLIP_GRAD_VALUE: Key<Option<f64>> = Key::optional(
    "clip_grad_value",
    POSITIVE,
    "maximum absolute value of a gradient's elements; larger ones are clipped, like \
     clip_grad_value_",
);
const EMA_DECAY: Key<Option<f64>> = Key::optional(
    "ema_decay",
    SHARE,
    "decay of a running average of the weights, which evaluation uses in place of the weights",
);

pub(crate) const EVAL_EVERY_EPOCHS: Key<u64> = Key::with_default(
    "eval_every_epochs",
    integer(0, MAX_SIZE),
    "1",
    "number of epochs between evaluations; 0: only the last epoch is evaluated, for the results",
)
.unit("epochs");
const MAX_MINUTES: Key<f64> = Key::with_default(
    "max_minutes",
    NOT_NEGATIVE,
    "0.0",
    "time after which a process writes a checkpoint and stops (exit code 75), in minutes; 0: no \
     limit",
)
.unit("minutes")
.on_resume(OnResume::Free);

pub(crate) const KEYS: &[KeyInfo] = &[
    EPOCHS.info,
    BATCH_SIZE.info,
    LEARNING_RATE.info,
    ACCUMULATE_GRAD_BATCHES.info,
    CLIP_GRAD_NORM.info,
    CLIP_GRAD_VALUE.info,
    EMA_DECAY.info,
    EVAL_EVERY_EPOCHS.info,
    MAX_MINUTES.info,
    GROUPS.info,
];

impl Training {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            epochs: section.read(&EPOCHS),
            batch_size: section.read(&BATCH_SIZE),
            learning_rate: section.read(&LEARNING_RATE),
            accumulate_grad_batches: section.read(&ACCUMULATE_GRAD_BATCHES),
            clip_grad_norm: section.read(&CLIP_GRAD_NORM),
            clip_grad_value: section.read(&CLIP_GRAD_VALUE),
            ema_decay: section.read(&EMA_DECAY),
            eval_every_epochs: section.read(&EVAL_EVERY_EPOCHS),
            max_minutes: section.read(&MAX_MINUTES),
            groups: Group::read_all(section),
        }
    }

    /// Warns of batch norms in batches of one image.
    pub(crate) fn check_statistics(&self, section: &Section<'_>, layers: &[Layer]) {
        if let Some(node) = section.node(&BATCH_SIZE)
            && self.batch_size == 1
            && has_batch_norm(layers)
        {
            section.warn(
                node,
                "batch norm with batches of one image: its statistics are of that image alone, not of the data"
                    .to_owned(),
                None,
                "choose a larger `batch_size`, or `group_norm`, which needs no other images",
            );
        }
    }

    /// Images of an optimizer step; the last of an epoch may have fewer.
    pub fn images_per_step(&self) -> usize {
        self.batch_size.saturating_mul(self.accumulate_grad_batches)
    }

    /// Whether an epoch, from 1, is evaluated.
    pub fn is_evaluated(&self, epoch: u64) -> bool {
        epoch.is_multiple_of(self.eval_every_epochs)
    }

    /// Epochs of the run that are evaluated.
    pub fn evaluations(&self) -> u64 {
        self.epochs.checked_div(self.eval_every_epochs).unwrap_or(0)
    }
}

fn has_batch_norm(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| match layer {
        Layer::Normalization(Normalization::BatchNorm2d(_) | Normalization::BatchNorm1d(_)) => true,
        _ => {
            let mut branches = layer.branches().into_iter();
            branches.any(|(_, layers)| has_batch_norm(layers))
        }
    })
}
