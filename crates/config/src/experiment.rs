//! The experiment: every value resolved and valid. Nothing downstream sees anything else.

use serde::Serialize;

use crate::language::diagnostics::Diagnostics;
use crate::language::familiar;
use crate::language::info::KeyInfo;
use crate::language::key::{Key, TableKey};
use crate::language::lookup::Language;
use crate::language::section::Section;
use crate::language::values::{TEXTS, integer};
use crate::model::keys::{self, MODEL, Model};
use crate::model::read::ParsedModel;
use crate::model::shape::{self, Shape};
use crate::model::trace::{self, Traced};
use crate::model::{check, cost};
use crate::sections::checkpoint::{self, Checkpoint};
use crate::sections::data::{self, Data, Reading};
use crate::sections::device::{DEVICE, Device};
use crate::sections::early_stop::{self, EarlyStop};
use crate::sections::log::{self, Log};
use crate::sections::loss::{LOSS, Loss};
use crate::sections::metrics::{self, Metrics};
use crate::sections::name::{self, NAME};
use crate::sections::optimizer::{OPTIMIZER, Optimizer};
use crate::sections::schedule::{self, Schedule};
use crate::sections::training::{self, Training};
use crate::text::source::Origin;
use crate::text::tree::Node;

/// One experiment: every value resolved and valid, all defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// Part of the run directory's name.
    pub name: String,
    /// The seed of every random draw of the run.
    pub seed: u64,
    /// The device that computes.
    pub device: Device,
    /// Where the images are and how they become numbers.
    pub data: Data,
    /// How long, in what batches and at what rate the network trains.
    pub training: Training,
    /// What training minimizes.
    pub loss: Loss,
    /// The update rule.
    pub optimizer: Optimizer,
    /// How the learning rate changes; constant if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// When to end before the last epoch; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<EarlyStop>,
    /// When checkpoints are written and which are kept.
    pub checkpoint: Checkpoint,
    /// How evaluation is measured.
    pub metrics: Metrics,
    /// What is written beyond the usual files.
    pub log: Log,
    /// The network.
    pub model: Model,
}

pub(crate) const EXTENDS: Key<Option<Vec<String>>> = Key::optional(
    "extends",
    TEXTS,
    "experiment files that this one builds on, relative to this file; tables are merged, arrays \
     and values are replaced, `key = { unset = true }` removes a key, and `name` is not inherited",
);
pub(crate) const SEED: Key<u64> = Key::required(
    "seed",
    integer(0, i64::MAX as u64),
    "seed of every random draw",
);
pub(crate) const DATA: TableKey = TableKey::required("data", data::KEYS, "the images");
const TRAINING: TableKey = TableKey::required("training", training::KEYS, "how the network trains");
const SCHEDULE: TableKey = TableKey::optional(
    "schedule",
    schedule::KEYS,
    "how the learning rate changes; without a schedule it is constant",
);
const EARLY_STOP: TableKey = TableKey::optional(
    "early_stop",
    early_stop::KEYS,
    "when to stop before the last epoch",
);
const CHECKPOINT: TableKey = TableKey::with_defaults(
    "checkpoint",
    checkpoint::KEYS,
    "when checkpoints are written, and which are kept",
);
const METRICS: TableKey =
    TableKey::with_defaults("metrics", metrics::KEYS, "how evaluation is scored");

const LOG: TableKey = TableKey::with_defaults(
    "log",
    log::KEYS,
    "what a finished run writes beyond its usual files",
);

/// The keys of the document itself; all others are inside of these.
const KEYS: &[KeyInfo] = &[
    EXTENDS.info,
    NAME.info,
    SEED.info,
    DEVICE.info,
    DATA.info,
    TRAINING.info,
    LOSS.info,
    OPTIMIZER.info,
    SCHEDULE.info,
    EARLY_STOP.info,
    CHECKPOINT.info,
    METRICS.info,
    LOG.info,
    MODEL.info,
];

/// The language of experiment files: the keys of the document and, inside them, all others.
pub const LANGUAGE: Language = Language(KEYS);

impl Experiment {
    pub(crate) fn read(root: &Node, default_name: &str, diagnostics: &Diagnostics) -> Self {
        let foreign = familiar::KEYS;
        let section = Section::new("", root, Origin::start(), KEYS, foreign, diagnostics);
        let before_model = diagnostics.errors();
        let parsed = ParsedModel::read(&section.table(&MODEL));
        let is_whole = diagnostics.errors() == before_model;
        let classes = check::check(root, &parsed, is_whole, diagnostics);
        let model = parsed.model;
        let channels = Some(model.input[0]).filter(|_| model.input != keys::UNREAD);
        let name = name::read(&section, default_name);
        let seed = section.read(&SEED);
        let device = Device::read(&section);
        let data = Data::read(&section.table(&DATA), channels);
        let training_section = section.table(&TRAINING);
        let training = Training::read(&training_section);
        training.check_statistics(&training_section, &model.layers);
        Self {
            name,
            seed,
            device,
            data,
            training,
            loss: Loss::read(&section, classes),
            optimizer: Optimizer::read(&section),
            schedule: section
                .optional_table(&SCHEDULE)
                .map(|it| Schedule::read(&it, &training_section)),
            early_stop: section
                .optional_table(&EARLY_STOP)
                .map(|it| EarlyStop::read(&it, &training_section)),
            checkpoint: Checkpoint::read(&section.table(&CHECKPOINT), &training_section),
            metrics: Metrics::read(&section.table(&METRICS), classes),
            log: Log::read(&section.table(&LOG)),
            model,
        }
    }

    /// How a document that says nothing else has files read.
    pub(crate) fn read_reading(root: &Node, diagnostics: &Diagnostics) -> Reading {
        let (keys, foreign) = (&[DATA.info], familiar::KEYS);
        let section = Section::new("", root, Origin::start(), keys, foreign, diagnostics);
        Data::read_reading(&section.table(&DATA))
    }

    /// All layers with their shapes, each container before the layers inside it.
    pub fn trace(&self) -> Vec<Traced<'_>> {
        trace::infer(&self.model).expect("an experiment's shapes were checked when it was read")
    }

    /// The number of classes the network tells apart.
    pub fn classes(&self) -> usize {
        let input = shape::image_shape(self.model.input);
        match trace::after_all(&self.model.layers, input) {
            Shape::Flat { features } => features,
            Shape::Image { .. } => unreachable!("an experiment's network ends in class scores"),
        }
    }

    /// A lower bound on the memory of a training step, in bytes.
    pub fn step_bytes(&self) -> u64 {
        cost::step_bytes(&self.model.layers, &self.trace(), self.training.batch_size)
    }
}
