//! `[schedule]`: how the learning rate changes, with PyTorch's names; every length is in epochs.

use runner_metrics::{MONITORS, Mode};
use serde::Serialize;
use strum::{EnumString, VariantNames};

use super::monitor::{self, MODE};
use super::training::{EPOCHS, LEARNING_RATE};
use crate::language::choice::{Variant, infos, joined};
use crate::language::key::{Key, KeyInfo};
use crate::language::kind::{Kind, MAX_SIZE};
use crate::language::section::Section;
use crate::language::values::{
    BOOLEAN, NOT_NEGATIVE, PART, POSITIVE, SHARE, Values, count, integer, name, numbers, word,
};
use crate::language::word::Word;
use crate::text::tree::{Node, Value};

/// Lengths are in epochs, and need not be whole: they do not depend on the batch size, and `by` says
/// when the rate changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedule {
    /// When the rate changes.
    pub by: Interval,
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
    /// The form of rise and fall.
    pub anneal_strategy: AnnealStrategy,
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
    /// Whether better is higher or lower.
    pub mode: Mode,
    pub factor: f64,
    /// Measured epochs.
    pub patience: u64,
    pub threshold: f64,
    /// What the threshold is a part of.
    pub threshold_mode: ThresholdMode,
    /// Measured epochs.
    pub cooldown: u64,
    pub min_lr: f64,
    pub eps: f64,
}

/// When the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Interval {
    /// After every epoch.
    Epoch,
    /// After every step.
    Step,
}

impl Word for Interval {}

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

/// What the threshold of `ReduceLROnPlateau` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ThresholdMode {
    /// A part of the best value.
    Rel,
    /// A number itself.
    Abs,
}

impl Word for ThresholdMode {}

const BY: Key<Option<Interval>> = Key::derived(
    "by",
    word(),
    "\"step\" for one_cycle and noam, else \"epoch\"",
    "whether the rate changes after every epoch or after every step; lengths are in epochs either way",
);
const WARMUP: Key<f64> = Key::with_default(
    "warmup",
    NOT_NEGATIVE,
    "0.0",
    "how long the rate rises, linearly, before the rule begins",
)
.unit("epochs");
const WARMUP_FACTOR: Key<f64> = Key::with_default(
    "warmup_factor",
    POSITIVE,
    "0.1",
    "the part of the learning rate that the warm-up begins with",
);
const GAMMA: Key<f64> =
    Key::with_default("gamma", POSITIVE, "0.1", "the factor on the rate each time");
const EXPONENTIAL_GAMMA: Key<f64> = Key::required(
    "gamma",
    POSITIVE,
    "the factor on the rate after every epoch",
);
const STEP_SIZE: Key<f64> = Key::required(
    "step_size",
    POSITIVE,
    "how long the rate stays before it is multiplied by gamma",
)
.unit("epochs");
const MILESTONES: Key<Vec<f64>> = Key::required(
    "milestones",
    numbers(
        &Kind::POSITIVE,
        "an array of numbers greater than 0, each larger than the one before",
    ),
    "when the rate is multiplied by gamma",
)
.unit("epochs");
const T_MAX: Key<Option<f64>> = Key::derived(
    "t_max",
    POSITIVE,
    "the epochs after the warm-up",
    "how long the rate falls from the learning rate to eta_min; it would rise again after that",
)
.unit("epochs");
const T_0: Key<f64> =
    Key::required("t_0", POSITIVE, "how long it is to the first restart").unit("epochs");
const T_MULT: Key<u64> = Key::with_default(
    "t_mult",
    count(),
    "1",
    "the factor on the time from one restart to the next",
);
const ETA_MIN: Key<f64> =
    Key::with_default("eta_min", NOT_NEGATIVE, "0.0", "the lowest learning rate");
const START_FACTOR: Key<f64> = Key::with_default(
    "start_factor",
    POSITIVE,
    "0.3333333333333333",
    "the part of the learning rate to begin with",
);
const END_FACTOR: Key<f64> = Key::with_default(
    "end_factor",
    NOT_NEGATIVE,
    "1.0",
    "the part of the learning rate to end with",
);
const LINEAR_ITERS: Key<f64> = Key::with_default(
    "total_iters",
    POSITIVE,
    "5.0",
    "how long the rate changes from the first factor to the last",
)
.unit("epochs");
const POLYNOMIAL_ITERS: Key<f64> = Key::with_default(
    "total_iters",
    POSITIVE,
    "5.0",
    "how long the rate falls to zero",
)
.unit("epochs");
const POWER: Key<f64> = Key::with_default("power", POSITIVE, "1.0", "the power of the polynomial");

const TOTAL: Key<Option<f64>> = Key::derived(
    "total",
    POSITIVE,
    "the epochs after the warm-up",
    "how long the whole cycle is",
)
.unit("epochs");
const PCT_START: Key<f64> = Key::with_default(
    "pct_start",
    SHARE,
    "0.3",
    "the part of the cycle in which the rate rises",
);
const ANNEAL_STRATEGY: Key<AnnealStrategy> = Key::with_default(
    "anneal_strategy",
    word(),
    "\"cos\"",
    "the form of rise and fall",
);
const DIV_FACTOR: Key<f64> = Key::with_default(
    "div_factor",
    POSITIVE,
    "25.0",
    "what the learning rate is divided by to begin with",
);
const FINAL_DIV_FACTOR: Key<f64> = Key::with_default(
    "final_div_factor",
    POSITIVE,
    "1e4",
    "what the rate of the beginning is divided by to end with",
);
const THREE_PHASE: Key<bool> = Key::with_default(
    "three_phase",
    BOOLEAN,
    "false",
    "whether the rate falls as fast as it rose, and then on to its end",
);
const NOAM_WARMUP: Key<f64> = Key::required(
    "warmup",
    POSITIVE,
    "how long the rate rises to the learning rate; then it falls with the root of the time",
)
.unit("epochs");
const MONITOR: Key<String> = Key::with_default(
    "monitor",
    name(MONITORS),
    "\"eval_loss\"",
    "the column of metrics.csv that is to get better",
);
const FACTOR: Key<f64> =
    Key::with_default("factor", PART, "0.1", "the factor on the rate each time");
const PLATEAU_PATIENCE: Key<u64> = Key::with_default(
    "patience",
    COUNT_FROM_ZERO,
    "10",
    "the number of measured epochs in a row without improvement that are borne",
)
.unit("epochs");
const THRESHOLD: Key<f64> = Key::with_default(
    "threshold",
    NOT_NEGATIVE,
    "1e-4",
    "the difference to the best that counts as improvement only if it is exceeded",
);
const THRESHOLD_MODE: Key<ThresholdMode> = Key::with_default(
    "threshold_mode",
    word(),
    "\"rel\"",
    "whether the threshold is a part of the best, or a number itself",
);
const COOLDOWN: Key<u64> = Key::with_default(
    "cooldown",
    COUNT_FROM_ZERO,
    "0",
    "the number of measured epochs after a change in which none are counted",
)
.unit("epochs");
const MIN_LR: Key<f64> =
    Key::with_default("min_lr", NOT_NEGATIVE, "0.0", "the lowest learning rate");
const PLATEAU_EPS: Key<f64> = Key::with_default(
    "eps",
    NOT_NEGATIVE,
    "1e-8",
    "a change of the rate that is not larger is left out",
);
const COUNT_FROM_ZERO: Values<u64> = integer(0, MAX_SIZE);

type Reader = fn(&Section<'_>, &PlannedRun<'_>) -> Rule;

/// The rules of the language; each is a key of the section, and one at most is there.
const RULES: [Variant<Reader>; 10] = [
    Variant::new(
        "step",
        &[STEP_SIZE.info, GAMMA.info],
        "a factor at regular intervals, as PyTorch's StepLR",
        |section, run| {
            Rule::Step(StepRule {
                step_size: run.length(section, &STEP_SIZE),
                gamma: section.read(&GAMMA),
            })
        },
    ),
    Variant::new(
        "multi_step",
        &[MILESTONES.info, GAMMA.info],
        "a factor at given times, as PyTorch's MultiStepLR",
        |section, run| {
            Rule::MultiStep(MultiStepRule {
                milestones: read_milestones(section, run),
                gamma: section.read(&GAMMA),
            })
        },
    ),
    Variant::new(
        "exponential",
        &[EXPONENTIAL_GAMMA.info],
        "a factor an epoch, as PyTorch's ExponentialLR",
        |section, _| {
            Rule::Exponential(ExponentialRule {
                gamma: section.read(&EXPONENTIAL_GAMMA),
            })
        },
    ),
    Variant::new(
        "cosine",
        &[T_MAX.info, ETA_MIN.info],
        "half a cosine down, as PyTorch's CosineAnnealingLR",
        |section, run| {
            Rule::Cosine(CosineRule {
                t_max: read_t_max(section, run),
                eta_min: run.eta_min(section),
            })
        },
    ),
    Variant::new(
        "cosine_restarts",
        &[T_0.info, T_MULT.info, ETA_MIN.info],
        "half cosines down one after the other, as PyTorch's CosineAnnealingWarmRestarts",
        |section, run| {
            Rule::CosineRestarts(CosineRestartsRule {
                t_0: run.length(section, &T_0),
                t_mult: section.read(&T_MULT),
                eta_min: run.eta_min(section),
            })
        },
    ),
    Variant::new(
        "linear",
        &[START_FACTOR.info, END_FACTOR.info, LINEAR_ITERS.info],
        "from one factor to another, as PyTorch's LinearLR",
        |section, run| {
            Rule::Linear(LinearRule {
                start_factor: section.read(&START_FACTOR),
                end_factor: section.read(&END_FACTOR),
                total_iters: run.length(section, &LINEAR_ITERS),
            })
        },
    ),
    Variant::new(
        "polynomial",
        &[POLYNOMIAL_ITERS.info, POWER.info],
        "a power down to zero, as PyTorch's PolynomialLR",
        |section, run| {
            Rule::Polynomial(PolynomialRule {
                total_iters: run.length(section, &POLYNOMIAL_ITERS),
                power: section.read(&POWER),
            })
        },
    ),
    Variant::new(
        "one_cycle",
        &[
            TOTAL.info,
            PCT_START.info,
            ANNEAL_STRATEGY.info,
            DIV_FACTOR.info,
            FINAL_DIV_FACTOR.info,
            THREE_PHASE.info,
        ],
        "up to the learning rate and far down, as PyTorch's OneCycleLR with cycle_momentum=False",
        |section, run| {
            Rule::OneCycle(OneCycleRule {
                total: read_total(section, run),
                pct_start: section.read(&PCT_START),
                anneal_strategy: section.read(&ANNEAL_STRATEGY),
                div_factor: section.read(&DIV_FACTOR),
                final_div_factor: section.read(&FINAL_DIV_FACTOR),
                three_phase: read_three_phase(section),
            })
        },
    ),
    Variant::new(
        "noam",
        &[NOAM_WARMUP.info],
        "a linear rise, then down with the root of the time, as for the first transformer",
        |section, run| {
            Rule::Noam(NoamRule {
                warmup: run.length(section, &NOAM_WARMUP),
            })
        },
    ),
    Variant::new(
        "reduce_on_plateau",
        &[
            MONITOR.info,
            MODE.info,
            FACTOR.info,
            PLATEAU_PATIENCE.info,
            THRESHOLD.info,
            THRESHOLD_MODE.info,
            COOLDOWN.info,
            MIN_LR.info,
            PLATEAU_EPS.info,
        ],
        "a factor whenever a column of metrics.csv gets no better, as PyTorch's ReduceLROnPlateau",
        |section, run| Rule::ReduceOnPlateau(read_plateau(section, run)),
    ),
];

/// The keys of the section.
pub(crate) const KEYS: &[KeyInfo] =
    &joined::<3, 10, 13>([BY.info, WARMUP.info, WARMUP_FACTOR.info], infos(&RULES));

impl Schedule {
    /// `training` is the table of that name.
    pub(crate) fn read(section: &Section<'_>, training: &Section<'_>) -> Self {
        let warmup = section.read(&WARMUP);
        let epochs = training.node(&EPOCHS).and_then(|node| match node.value {
            Value::Integer(count) if count > 0 => Some((node, count as f64)),
            _ => None,
        });
        let run = PlannedRun {
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
        let is_there = |rule: &&Variant<Reader>| section.node(&rule.info).is_some();
        let rules: Vec<&Variant<Reader>> = RULES.iter().filter(is_there).collect();
        if let [first, second, ..] = rules[..] {
            section.report_two(&first.info, &second.info, "`schedule` takes one rule");
        }
        let rule = rules
            .first()
            .map(|rule| (rule.read)(&section.variant(rule), &run));
        let by = section.read(&BY).unwrap_or(match rule {
            Some(Rule::OneCycle(_) | Rule::Noam(_)) => Interval::Step,
            _ => Interval::Epoch,
        });
        Self {
            by,
            warmup,
            warmup_factor: section.read(&WARMUP_FACTOR),
            rule,
        }
    }
}

/// The run that a schedule is for.
struct PlannedRun<'a> {
    section: &'a Section<'a>,
    training: &'a Section<'a>,
    /// Where their number stands.
    epochs: Option<(&'a Node, f64)>,
    /// Epochs after the warm-up.
    left: f64,
    /// The learning rate, where it is typed.
    rate: Option<&'a Node>,
}

impl PlannedRun<'_> {
    fn warn(&self, node: Option<&Node>, message: String, help: &str) {
        if let (Some(node), Some((epochs, count))) = (node, self.epochs) {
            let related = Some((epochs, format!("the run has {count}")));
            self.section.warn(node, message, related, help);
        }
    }

    /// What a rule's length is unless stated; 1 for a run that is all warm-up, of which it is warned.
    fn epochs_after_warmup(&self) -> f64 {
        if self.left > 0.0 { self.left } else { 1.0 }
    }

    /// Reads a length in epochs; warns of one that the run does not come to the end of.
    fn length(&self, rule: &Section<'_>, key: &Key<f64>) -> f64 {
        let length = rule.read(key);
        self.check_length(rule, key, length);
        length
    }

    /// Warns of a length that the run does not come to the end of.
    fn check_length(&self, rule: &Section<'_>, key: &KeyInfo, length: f64) {
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

impl PlannedRun<'_> {
    /// Reads the lowest learning rate of a rule; warns of one above the learning rate.
    fn eta_min(&self, rule: &Section<'_>) -> f64 {
        let eta_min = rule.read(&ETA_MIN);
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

fn read_three_phase(section: &Section<'_>) -> bool {
    let three_phase = section.read(&THREE_PHASE);
    if let Some(node) = section.node(&PCT_START)
        && three_phase
        && section.read(&PCT_START) > 0.5
    {
        let message = "with three phases, rise and fall take more than the whole cycle".to_owned();
        section.warn(node, message, None, "choose a `pct_start` of at most 0.5");
    }
    three_phase
}

fn read_plateau(section: &Section<'_>, run: &PlannedRun<'_>) -> ReduceOnPlateauRule {
    let (monitor, mode) = monitor::read(section, &MONITOR, &MODE);
    let purpose = "`schedule.reduce_on_plateau` can never change the rate";
    monitor::check_measured(section, &MONITOR, &monitor, run.training, purpose);
    ReduceOnPlateauRule {
        monitor,
        mode,
        factor: section.read(&FACTOR),
        patience: section.read(&PLATEAU_PATIENCE),
        threshold: section.read(&THRESHOLD),
        threshold_mode: section.read(&THRESHOLD_MODE),
        cooldown: section.read(&COOLDOWN),
        min_lr: section.read(&MIN_LR),
        eps: section.read(&PLATEAU_EPS),
    }
}

fn read_milestones(section: &Section<'_>, run: &PlannedRun<'_>) -> Vec<f64> {
    let milestones = section.read(&MILESTONES);
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

fn read_total(section: &Section<'_>, run: &PlannedRun<'_>) -> f64 {
    let Some(total) = section.read(&TOTAL) else {
        return run.epochs_after_warmup();
    };
    run.check_length(section, &TOTAL, total);
    total
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
