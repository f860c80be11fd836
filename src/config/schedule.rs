//! `[schedule]`: how the learning rate changes, with PyTorch's names; every length is in epochs.

use serde::Serialize;

use super::key::{Fallback, Key, Kind};
use super::section::Section;
use super::training::{EPOCHS, LEARNING_RATE};
use super::tree::{Node, Value};

/// Lengths are in epochs, and need not be whole: they do not depend on the batch size, and `by` says
/// when the rate changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedule {
    /// `epoch` or `step`.
    pub by: String,
    /// Epochs in which the rate rises to `training.learning_rate`; the rule begins after them.
    pub warmup: f64,
    /// The part of `training.learning_rate` that the first of them begins with.
    pub warmup_factor: f64,
    /// The rate stays as it is where there is none.
    #[serde(flatten)]
    pub rule: Option<Rule>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    Step(StepRule),
    MultiStep(MultiStepRule),
    Exponential(ExponentialRule),
    Cosine(CosineRule),
    CosineRestarts(CosineRestartsRule),
    Linear(LinearRule),
    Polynomial(PolynomialRule),
}

/// As `torch.optim.lr_scheduler.StepLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRule {
    pub step_size: f64,
    pub gamma: f64,
}

/// As `torch.optim.lr_scheduler.MultiStepLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MultiStepRule {
    pub milestones: Vec<f64>,
    pub gamma: f64,
}

/// As `torch.optim.lr_scheduler.ExponentialLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExponentialRule {
    pub gamma: f64,
}

/// As `torch.optim.lr_scheduler.CosineAnnealingLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CosineRule {
    pub t_max: f64,
    pub eta_min: f64,
}

/// As `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CosineRestartsRule {
    pub t_0: f64,
    pub t_mult: u64,
    pub eta_min: f64,
}

/// As `torch.optim.lr_scheduler.LinearLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinearRule {
    pub start_factor: f64,
    pub end_factor: f64,
    pub total_iters: f64,
}

/// As `torch.optim.lr_scheduler.PolynomialLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolynomialRule {
    pub total_iters: f64,
    pub power: f64,
}

const BY: Key = Key::optional(
    "by",
    Kind::Word(&["epoch", "step"]),
    "\"epoch\"",
    "whether the rate changes after every epoch or after every step; lengths are in epochs either way",
);
const WARMUP: Key = Key::optional(
    "warmup",
    Kind::NOT_NEGATIVE,
    "0.0",
    "how long the rate rises, linearly, before the rule begins",
)
.unit("epochs");
const WARMUP_FACTOR: Key = Key::optional(
    "warmup_factor",
    Kind::POSITIVE,
    "0.1",
    "the part of the learning rate that the warm-up begins with",
);
const GAMMA: Key = Key::optional(
    "gamma",
    Kind::POSITIVE,
    "0.1",
    "the factor on the rate each time",
);
const EXPONENTIAL_GAMMA: Key = Key::required(
    "gamma",
    Kind::POSITIVE,
    "the factor on the rate after every epoch",
);
const STEP_SIZE: Key = Key::required(
    "step_size",
    Kind::POSITIVE,
    "how long the rate stays before it is multiplied by gamma",
)
.unit("epochs");
const MILESTONES: Key = Key::required(
    "milestones",
    Kind::Array {
        each: &Kind::POSITIVE,
        length: None,
        words: "an array of numbers greater than 0, each larger than the one before",
    },
    "when the rate is multiplied by gamma",
)
.unit("epochs");
const T_MAX: Key = Key::new(
    "t_max",
    Kind::POSITIVE,
    Fallback::Derived("the epochs after the warm-up"),
    "how long the rate falls from the learning rate to eta_min; it would rise again after that",
)
.unit("epochs");
const T_0: Key =
    Key::required("t_0", Kind::POSITIVE, "how long it is to the first restart").unit("epochs");
const T_MULT: Key = Key::optional(
    "t_mult",
    Kind::COUNT,
    "1",
    "the factor on the time from one restart to the next",
);
const ETA_MIN: Key = Key::optional(
    "eta_min",
    Kind::NOT_NEGATIVE,
    "0.0",
    "the lowest learning rate",
);
const START_FACTOR: Key = Key::optional(
    "start_factor",
    Kind::POSITIVE,
    "0.3333333333333333",
    "the part of the learning rate to begin with",
);
const END_FACTOR: Key = Key::optional(
    "end_factor",
    Kind::NOT_NEGATIVE,
    "1.0",
    "the part of the learning rate to end with",
);
const LINEAR_ITERS: Key = Key::optional(
    "total_iters",
    Kind::POSITIVE,
    "5.0",
    "how long the rate changes from the first factor to the last",
)
.unit("epochs");
const POLYNOMIAL_ITERS: Key = Key::optional(
    "total_iters",
    Kind::POSITIVE,
    "5.0",
    "how long the rate falls to zero",
)
.unit("epochs");
const POWER: Key = Key::optional(
    "power",
    Kind::POSITIVE,
    "1.0",
    "the power of the polynomial",
);

const STEP: Key = rule(
    "step",
    &[STEP_SIZE, GAMMA],
    "a factor at regular intervals, as PyTorch's StepLR",
);
const MULTI_STEP: Key = rule(
    "multi_step",
    &[MILESTONES, GAMMA],
    "a factor at given times, as PyTorch's MultiStepLR",
);
const EXPONENTIAL: Key = rule(
    "exponential",
    &[EXPONENTIAL_GAMMA],
    "a factor an epoch, as PyTorch's ExponentialLR",
);
const COSINE: Key = rule(
    "cosine",
    &[T_MAX, ETA_MIN],
    "half a cosine down, as PyTorch's CosineAnnealingLR",
);
const COSINE_RESTARTS: Key = rule(
    "cosine_restarts",
    &[T_0, T_MULT, ETA_MIN],
    "half cosines down one after the other, as PyTorch's CosineAnnealingWarmRestarts",
);
const LINEAR: Key = rule(
    "linear",
    &[START_FACTOR, END_FACTOR, LINEAR_ITERS],
    "from one factor to another, as PyTorch's LinearLR",
);
const POLYNOMIAL: Key = rule(
    "polynomial",
    &[POLYNOMIAL_ITERS, POWER],
    "a power down to zero, as PyTorch's PolynomialLR",
);

const fn rule(name: &'static str, keys: &'static [Key], meaning: &'static str) -> Key {
    Key::new(name, Kind::Table(keys), Fallback::Nothing, meaning)
}

pub const KEYS: &[Key] = &[
    BY,
    WARMUP,
    WARMUP_FACTOR,
    STEP,
    MULTI_STEP,
    EXPONENTIAL,
    COSINE,
    COSINE_RESTARTS,
    LINEAR,
    POLYNOMIAL,
];

impl Schedule {
    /// `training` is the table of that name.
    pub(super) fn read(section: &Section<'_>, training: &Section<'_>) -> Self {
        let warmup = section.float(&WARMUP);
        let epochs = training.node(&EPOCHS).and_then(|node| match node.value {
            Value::Integer(count) if count > 0 => Some((node, count as f64)),
            _ => None,
        });
        let run = Run {
            section,
            epochs,
            left: epochs.map_or(1.0, |(_, epochs)| epochs - warmup),
            rate: training.node(&LEARNING_RATE),
        };
        if let Some((_, count)) = epochs
            && warmup >= count
        {
            let message = format!("the warm-up of {warmup} epochs is not over before the run is");
            run.warn(section.node(&WARMUP), message, "choose a shorter `warmup`");
        }
        // The rules are the keys that are tables.
        let rules: Vec<&Key> = KEYS
            .iter()
            .filter(|key| matches!(key.kind, Kind::Table(_)) && section.node(key).is_some())
            .collect();
        if let [first, second, ..] = rules[..] {
            section.report_two(first, second, "`schedule` takes one rule");
        }
        Self {
            by: section.text(&BY),
            warmup,
            warmup_factor: section.float(&WARMUP_FACTOR),
            rule: rules.first().map(|key| Rule::read(key, &run)),
        }
    }
}

/// The run that a schedule is for.
struct Run<'a> {
    section: &'a Section<'a>,
    /// Where their number stands.
    epochs: Option<(&'a Node, f64)>,
    /// Epochs after the warm-up.
    left: f64,
    /// The learning rate, where it is typed.
    rate: Option<&'a Node>,
}

impl Run<'_> {
    fn warn(&self, node: Option<&Node>, message: String, help: &str) {
        if let (Some(node), Some((epochs, count))) = (node, self.epochs) {
            let related = Some((epochs, format!("the run has {count}")));
            self.section.warn(node, message, related, help);
        }
    }

    /// Warns of a length that the run does not come to the end of.
    fn check_length(&self, rule: &Section<'_>, key: &Key, length: f64) {
        if self.epochs.is_some() && length > self.left {
            let message = format!(
                "`{}` of {length} epochs is longer than the run, which has {} after the warm-up",
                rule.path_of(key.name),
                self.left
            );
            let help = format!("choose a `{}` of at most {}", key.name, self.left);
            self.warn(rule.node(key), message, &help);
        }
    }
}

impl Run<'_> {
    /// Reads the lowest learning rate of a rule; warns of one above the learning rate.
    fn eta_min(&self, rule: &Section<'_>) -> f64 {
        let eta_min = rule.float(&ETA_MIN);
        if let (Some(node), Some(typed)) = (rule.node(&ETA_MIN), self.rate) {
            let is_below = match typed.value {
                Value::Float(rate) => rate < eta_min,
                Value::Integer(rate) => (rate as f64) < eta_min,
                _ => false,
            };
            if is_below {
                rule.warn(
                    node,
                    "the lowest learning rate is above the one to begin with".to_owned(),
                    Some((typed, "this one".to_owned())),
                    "choose a smaller `eta_min`",
                );
            }
        }
        eta_min
    }
}

impl Rule {
    fn read(key: &Key, run: &Run<'_>) -> Self {
        let section = run.section.table(key);
        let length = |key: &Key| {
            let length = section.float(key);
            run.check_length(&section, key, length);
            length
        };
        match key.name {
            "step" => Rule::Step(StepRule {
                step_size: length(&STEP_SIZE),
                gamma: section.float(&GAMMA),
            }),
            "multi_step" => Rule::MultiStep(MultiStepRule {
                milestones: read_milestones(&section, run),
                gamma: section.float(&GAMMA),
            }),
            "exponential" => Rule::Exponential(ExponentialRule {
                gamma: section.float(&EXPONENTIAL_GAMMA),
            }),
            "cosine" => Rule::Cosine(CosineRule {
                t_max: read_t_max(&section, run),
                eta_min: run.eta_min(&section),
            }),
            "cosine_restarts" => Rule::CosineRestarts(CosineRestartsRule {
                t_0: length(&T_0),
                t_mult: section.integer(&T_MULT),
                eta_min: run.eta_min(&section),
            }),
            "linear" => Rule::Linear(LinearRule {
                start_factor: section.float(&START_FACTOR),
                end_factor: section.float(&END_FACTOR),
                total_iters: length(&LINEAR_ITERS),
            }),
            "polynomial" => Rule::Polynomial(PolynomialRule {
                total_iters: length(&POLYNOMIAL_ITERS),
                power: section.float(&POWER),
            }),
            _ => unreachable!("every rule of the language is read"),
        }
    }
}

fn read_milestones(section: &Section<'_>, run: &Run<'_>) -> Vec<f64> {
    let milestones = section.floats(&MILESTONES).unwrap_or_default();
    if !milestones.is_sorted_by(|a, b| a < b) {
        let message = format!(
            "`{}` must be {}",
            section.path_of(MILESTONES.name),
            MILESTONES.kind
        );
        section.report(&MILESTONES, message, "", "put them in order, each once");
    }
    if let Some(beyond) = milestones.iter().find(|it| **it >= run.left) {
        let message = format!(
            "the milestone {beyond} lies beyond the run, which has {} epochs after the warm-up",
            run.left
        );
        run.warn(section.node(&MILESTONES), message, "take it out");
    }
    milestones
}

fn read_t_max(section: &Section<'_>, run: &Run<'_>) -> f64 {
    let Some(node) = section.node(&T_MAX) else {
        // A run that is all warm-up has been warned of.
        return if run.left > 0.0 { run.left } else { 1.0 };
    };
    let t_max = section.float(&T_MAX);
    run.check_length(section, &T_MAX, t_max);
    if run.epochs.is_some() && t_max < run.left {
        let message = format!("the learning rate rises again {t_max} epochs after the warm-up");
        let help = format!("choose a `t_max` of {}, or leave it out", run.left);
        run.warn(Some(node), message, &help);
    }
    t_max
}
