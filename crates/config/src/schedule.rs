//! `[schedule]`: how the learning rate changes, with PyTorch's names; every length is in epochs.

use serde::Serialize;

use super::key::{Fallback, Key, Kind, MAX_SIZE};
use super::monitor::{self, MODE, MONITORS};
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
    OneCycle(OneCycleRule),
    Noam(NoamRule),
    ReduceOnPlateau(ReduceOnPlateauRule),
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

/// As `torch.optim.lr_scheduler.OneCycleLR` without its cycle of the momentum; the learning rate of
/// the training is its `max_lr`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneCycleRule {
    pub total: f64,
    pub pct_start: f64,
    /// `cos` or `linear`.
    pub anneal_strategy: String,
    pub div_factor: f64,
    pub final_div_factor: f64,
    pub three_phase: bool,
}

/// `A. Vaswani et al., "Attention Is All You Need", 2017`, scaled so that the highest rate is the
/// learning rate of the training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoamRule {
    pub warmup: f64,
}

/// As `torch.optim.lr_scheduler.ReduceLROnPlateau`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReduceOnPlateauRule {
    pub monitor: String,
    pub mode: String,
    pub factor: f64,
    /// Measured epochs.
    pub patience: u64,
    pub threshold: f64,
    /// `rel` or `abs`.
    pub threshold_mode: String,
    /// Measured epochs.
    pub cooldown: u64,
    pub min_lr: f64,
    pub eps: f64,
}

const BY: Key = Key::new(
    "by",
    Kind::Word(&["epoch", "step"]),
    Fallback::Derived("\"step\" for one_cycle and noam, else \"epoch\""),
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

const TOTAL: Key = Key::new(
    "total",
    Kind::POSITIVE,
    Fallback::Derived("the epochs after the warm-up"),
    "how long the whole cycle is",
)
.unit("epochs");
const PCT_START: Key = Key::optional(
    "pct_start",
    Kind::SHARE,
    "0.3",
    "the part of the cycle in which the rate rises",
);
const ANNEAL_STRATEGY: Key = Key::optional(
    "anneal_strategy",
    Kind::Word(&["cos", "linear"]),
    "\"cos\"",
    "the form of rise and fall",
);
const DIV_FACTOR: Key = Key::optional(
    "div_factor",
    Kind::POSITIVE,
    "25.0",
    "what the learning rate is divided by to begin with",
);
const FINAL_DIV_FACTOR: Key = Key::optional(
    "final_div_factor",
    Kind::POSITIVE,
    "1e4",
    "what the rate of the beginning is divided by to end with",
);
const THREE_PHASE: Key = Key::optional(
    "three_phase",
    Kind::Boolean,
    "false",
    "whether the rate falls as fast as it rose, and then on to its end",
);
const NOAM_WARMUP: Key = Key::required(
    "warmup",
    Kind::POSITIVE,
    "how long the rate rises to the learning rate; then it falls with the root of the time",
)
.unit("epochs");
const MONITOR: Key = Key::optional(
    "monitor",
    Kind::Word(MONITORS),
    "\"eval_loss\"",
    "the column of metrics.csv that is to get better",
);
const FACTOR: Key = Key::optional(
    "factor",
    Kind::Float {
        min: 0.0,
        max: 1.0,
        open: true,
    },
    "0.1",
    "the factor on the rate each time",
);
const PLATEAU_PATIENCE: Key = Key::optional(
    "patience",
    COUNT_FROM_ZERO,
    "10",
    "the number of measured epochs in a row without improvement that are borne",
)
.unit("epochs");
const THRESHOLD: Key = Key::optional(
    "threshold",
    Kind::NOT_NEGATIVE,
    "1e-4",
    "the difference to the best that counts as improvement only if it is exceeded",
);
const THRESHOLD_MODE: Key = Key::optional(
    "threshold_mode",
    Kind::Word(&["rel", "abs"]),
    "\"rel\"",
    "whether the threshold is a part of the best, or a number itself",
);
const COOLDOWN: Key = Key::optional(
    "cooldown",
    COUNT_FROM_ZERO,
    "0",
    "the number of measured epochs after a change in which none are counted",
)
.unit("epochs");
const MIN_LR: Key = Key::optional(
    "min_lr",
    Kind::NOT_NEGATIVE,
    "0.0",
    "the lowest learning rate",
);
const PLATEAU_EPS: Key = Key::optional(
    "eps",
    Kind::NOT_NEGATIVE,
    "1e-8",
    "a change of the rate that is not larger is left out",
);
const COUNT_FROM_ZERO: Kind = Kind::Integer {
    min: 0,
    max: MAX_SIZE,
};

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

const ONE_CYCLE: Key = rule(
    "one_cycle",
    &[
        TOTAL,
        PCT_START,
        ANNEAL_STRATEGY,
        DIV_FACTOR,
        FINAL_DIV_FACTOR,
        THREE_PHASE,
    ],
    "up to the learning rate and far down, as PyTorch's OneCycleLR with cycle_momentum=False",
);
const NOAM: Key = rule(
    "noam",
    &[NOAM_WARMUP],
    "a linear rise, then down with the root of the time, as for the first transformer",
);
const REDUCE_ON_PLATEAU: Key = rule(
    "reduce_on_plateau",
    &[
        MONITOR,
        MODE,
        FACTOR,
        PLATEAU_PATIENCE,
        THRESHOLD,
        THRESHOLD_MODE,
        COOLDOWN,
        MIN_LR,
        PLATEAU_EPS,
    ],
    "a factor whenever a column of metrics.csv gets no better, as PyTorch's ReduceLROnPlateau",
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
    ONE_CYCLE,
    NOAM,
    REDUCE_ON_PLATEAU,
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
            training,
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
        let by = match (section.optional_text(&BY), rules.first()) {
            (Some(by), _) => by,
            (None, Some(rule)) if [ONE_CYCLE.name, NOAM.name].contains(&rule.name) => {
                "step".to_owned()
            }
            _ => "epoch".to_owned(),
        };
        Self {
            by,
            warmup,
            warmup_factor: section.float(&WARMUP_FACTOR),
            rule: rules.first().map(|key| Rule::read(key, &run)),
        }
    }
}

/// The run that a schedule is for.
struct Run<'a> {
    section: &'a Section<'a>,
    training: &'a Section<'a>,
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
        // Of a warm-up that is too long itself it has been warned.
        if self.epochs.is_some() && self.left > 0.0 && length > self.left {
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
            "one_cycle" => Rule::OneCycle(OneCycleRule {
                total: match section.node(&TOTAL) {
                    Some(_) => length(&TOTAL),
                    // A run that is all warm-up has been warned of.
                    None if run.left > 0.0 => run.left,
                    None => 1.0,
                },
                pct_start: section.float(&PCT_START),
                anneal_strategy: section.text(&ANNEAL_STRATEGY),
                div_factor: section.float(&DIV_FACTOR),
                final_div_factor: section.float(&FINAL_DIV_FACTOR),
                three_phase: read_three_phase(&section),
            }),
            "noam" => Rule::Noam(NoamRule {
                warmup: length(&NOAM_WARMUP),
            }),
            "reduce_on_plateau" => Rule::ReduceOnPlateau(read_plateau(&section, run)),
            _ => unreachable!("every rule of the language is read"),
        }
    }
}

fn read_three_phase(section: &Section<'_>) -> bool {
    let three_phase = section.boolean(&THREE_PHASE);
    if let Some(node) = section.node(&PCT_START)
        && three_phase
        && section.float(&PCT_START) > 0.5
    {
        let message = "with three phases, rise and fall take more than the whole cycle".to_owned();
        section.warn(node, message, None, "choose a `pct_start` of at most 0.5");
    }
    three_phase
}

fn read_plateau(section: &Section<'_>, run: &Run<'_>) -> ReduceOnPlateauRule {
    let (monitor, mode) = monitor::read(section, &MONITOR, &MODE);
    let purpose = "`schedule.reduce_on_plateau` can never change the rate";
    monitor::check_measured(section, &MONITOR, &monitor, run.training, purpose);
    ReduceOnPlateauRule {
        monitor,
        mode,
        factor: section.float(&FACTOR),
        patience: section.integer(&PLATEAU_PATIENCE),
        threshold: section.float(&THRESHOLD),
        threshold_mode: section.text(&THRESHOLD_MODE),
        cooldown: section.integer(&COOLDOWN),
        min_lr: section.float(&MIN_LR),
        eps: section.float(&PLATEAU_EPS),
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
    let beyond = milestones.iter().find(|it| **it >= run.left);
    if let Some(beyond) = beyond.filter(|_| run.left > 0.0) {
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
