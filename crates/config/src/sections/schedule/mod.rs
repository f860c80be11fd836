//! `[schedule]`: how the learning rate changes, with PyTorch's names; every length is in epochs.
//!
//! A rule's struct, keys and reader stand together in a file; the list of them is here.

mod cosine;
mod factor;
mod noam;
mod one_cycle;
mod planned_run;
mod plateau;
mod ramp;

use serde::Serialize;
use strum::{EnumString, VariantNames};

use self::planned_run::PlannedRun;
use super::training::{EPOCHS, LEARNING_RATE};
use crate::language::choice::{Variant, concatenated, infos};
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{NOT_NEGATIVE, POSITIVE, word};
use crate::language::word::Word;
use crate::text::tree::Value;

pub use cosine::{CosineRestartsRule, CosineRule};
pub use factor::{ExponentialRule, MultiStepRule, StepRule};
pub use noam::NoamRule;
pub use one_cycle::{AnnealStrategy, OneCycleRule};
pub use plateau::{ReduceOnPlateauRule, ThresholdMode};
pub use ramp::{LinearRule, PolynomialRule};

/// How the learning rate changes. Lengths are in epochs and need not be whole, so they do not depend on
/// the batch size; `by` says when the rate changes.
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

/// How the learning rate goes after the warm-up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// `step`: a factor at regular intervals.
    Step(StepRule),
    /// `multi_step`: a factor at given times.
    MultiStep(MultiStepRule),
    /// `exponential`: a factor an epoch.
    Exponential(ExponentialRule),
    /// `cosine`: half a cosine down.
    Cosine(CosineRule),
    /// `cosine_restarts`: half cosines down, one after the other.
    CosineRestarts(CosineRestartsRule),
    /// `linear`: from one factor to another.
    Linear(LinearRule),
    /// `polynomial`: a power down to zero.
    Polynomial(PolynomialRule),
    /// `one_cycle`: up to the learning rate and far down.
    OneCycle(OneCycleRule),
    /// `noam`: a linear rise, then down with the square root of the time.
    Noam(NoamRule),
    /// `reduce_on_plateau`: a factor whenever a monitored column gets no better.
    ReduceOnPlateau(ReduceOnPlateauRule),
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
    "time of a linear warm-up before the rule starts",
)
.unit("epochs");
const WARMUP_FACTOR: Key<f64> = Key::with_default(
    "warmup_factor",
    POSITIVE,
    "0.1",
    "fraction of the learning rate at which the warm-up starts",
);

type Reader = fn(&Section<'_>, &PlannedRun<'_>) -> Rule;

/// The rules of the language; each is a key of the section, and one at most is there.
const RULES: [Variant<Reader>; 10] = [
    Variant::of(factor::STEP, |section, run| {
        Rule::Step(StepRule::read(section, run))
    }),
    Variant::of(factor::MULTI_STEP, |section, run| {
        Rule::MultiStep(MultiStepRule::read(section, run))
    }),
    Variant::of(factor::EXPONENTIAL, |section, _| {
        Rule::Exponential(ExponentialRule::read(section))
    }),
    Variant::of(cosine::COSINE, |section, run| {
        Rule::Cosine(CosineRule::read(section, run))
    }),
    Variant::of(cosine::COSINE_RESTARTS, |section, run| {
        Rule::CosineRestarts(CosineRestartsRule::read(section, run))
    }),
    Variant::of(ramp::LINEAR, |section, run| {
        Rule::Linear(LinearRule::read(section, run))
    }),
    Variant::of(ramp::POLYNOMIAL, |section, run| {
        Rule::Polynomial(PolynomialRule::read(section, run))
    }),
    Variant::of(one_cycle::ONE_CYCLE, |section, run| {
        Rule::OneCycle(OneCycleRule::read(section, run))
    }),
    Variant::of(noam::NOAM, |section, run| {
        Rule::Noam(NoamRule::read(section, run))
    }),
    Variant::of(plateau::REDUCE_ON_PLATEAU, |section, run| {
        Rule::ReduceOnPlateau(ReduceOnPlateauRule::read(section, run))
    }),
];

/// The keys of the section.
pub(crate) const KEYS: &[KeyInfo] = &concatenated::<{ 3 + RULES.len() }>(&[
    &[BY.info, WARMUP.info, WARMUP_FACTOR.info],
    &infos(&RULES),
]);

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
            let message = format!("the warm-up takes the whole run: `warmup` is {warmup}");
            run.warn(section.node(&WARMUP), message, "choose a shorter `warmup`");
        }
        let is_there = |rule: &&Variant<Reader>| section.node(&rule.info).is_some();
        let rules: Vec<&Variant<Reader>> = RULES.iter().filter(is_there).collect();
        if let [first, second, ..] = rules[..] {
            section.report_two(&first.info, &second.info, "");
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
