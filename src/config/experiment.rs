//! The experiment: every value resolved and valid. Nothing downstream sees anything else.

use serde::Serialize;

use super::checkpoint::{self, Checkpoint};
use super::data::{self, Data};
use super::diagnostic::Diagnostic;
use super::early_stop::{self, EarlyStop};
use super::key::{Key, Kind, OnResume};
use super::model::{self, Model};
use super::optimizer::{self, Optimizer};
use super::section::{Diagnostics, Section};
use super::shape::{self, Shape};
use super::source::Origin;
use super::training::{self, Training};
use super::tree::{Node, Value};
use crate::digest::Digest;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// Part of the run directory's name.
    pub name: String,
    /// Every random draw of the run follows from it.
    pub seed: u64,
    pub device: String,
    pub data: Data,
    pub training: Training,
    pub optimizer: Optimizer,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<EarlyStop>,
    pub checkpoint: Checkpoint,
    pub model: Model,
}

const NAME: Key = Key::optional(
    "name",
    Kind::Other("letters, digits, `.`, `_` and `-`, at most 64, the first a letter or a digit"),
    "\"\"",
    "the experiment's name, part of the run directory's; the file's own name unless stated",
);
const SEED: Key = Key::required(
    "seed",
    Kind::Integer {
        min: 0,
        max: i64::MAX as u64,
    },
    "the number that every random draw follows from",
);
const DEVICE: Key = Key::optional(
    "device",
    Kind::Other("\"auto\", \"cpu\", \"flex\", \"ndarray\", \"cuda\" or \"cuda:1\""),
    "\"auto\"",
    "what computes: auto takes CUDA where it can be used, else cpu; cpu is flex",
)
.on_resume(OnResume::Free);
const DATA: Key = Key::required("data", Kind::Other("a table"), "where the images are");
const TRAINING: Key = Key::required("training", Kind::Other("a table"), "how the network trains");
const OPTIMIZER: Key = Key::optional(
    "optimizer",
    Kind::Other("a table with one table named after the rule"),
    "{ adam = {} }",
    "the update rule",
);
const EARLY_STOP: Key = Key::optional(
    "early_stop",
    Kind::Other("a table"),
    "{}",
    "when to end before the last epoch; absent: never",
);
const CHECKPOINT: Key = Key::optional(
    "checkpoint",
    Kind::Other("a table"),
    "{}",
    "when checkpoints are written and which are kept",
);
const MODEL: Key = Key::required("model", Kind::Other("a table"), "the network");

const KEYS: &[Key] = &[
    NAME, SEED, DEVICE, DATA, TRAINING, OPTIMIZER, EARLY_STOP, CHECKPOINT, MODEL,
];

/// Every table of the language but the layers, with its dotted path.
pub const SECTIONS: &[(&str, &[Key])] = &[
    ("", KEYS),
    ("data", data::KEYS),
    ("data.normalize", data::NORMALIZE_KEYS),
    ("training", training::KEYS),
    ("optimizer", optimizer::KEYS),
    ("optimizer.adam", optimizer::ADAM_KEYS),
    ("early_stop", early_stop::KEYS),
    ("checkpoint", checkpoint::KEYS),
    ("model", model::KEYS),
];

impl Experiment {
    pub(super) fn read(root: &Node, default_name: &str, diagnostics: &Diagnostics) -> Self {
        let section = Section::new("", root, Origin::start(), KEYS, diagnostics);
        let before_model = diagnostics.len();
        let model = Model::read(&section.section(&MODEL, model::KEYS));
        if diagnostics.len() == before_model
            && let Err(misfit) = shape::infer(&model)
        {
            let origin = layer_origin(root, misfit.layer);
            diagnostics.push(Diagnostic::new(misfit.message, origin, "").help(misfit.help));
        }
        let channels = Some(model.input[0]).filter(|_| model.input != model::UNREAD);
        Self {
            name: read_name(&section, default_name),
            seed: section.integer(&SEED),
            device: read_device(&section),
            data: Data::read(&section.section(&DATA, data::KEYS), channels),
            training: Training::read(&section.section(&TRAINING, training::KEYS)),
            optimizer: Optimizer::read(&section.section(&OPTIMIZER, optimizer::KEYS)),
            early_stop: section
                .node(&EARLY_STOP)
                .map(|_| EarlyStop::read(&section.section(&EARLY_STOP, early_stop::KEYS))),
            checkpoint: Checkpoint::read(&section.section(&CHECKPOINT, checkpoint::KEYS)),
            model,
        }
    }

    /// The shape after every layer.
    pub fn shapes(&self) -> Vec<Shape> {
        shape::infer(&self.model).expect("an experiment's shapes were checked when it was read")
    }

    /// The number of classes the network tells apart.
    pub fn classes(&self) -> usize {
        shape::classes(&self.shapes())
    }

    /// Bytes that a training step needs at the least.
    pub fn step_bytes(&self) -> u64 {
        shape::step_bytes(&self.model, &self.shapes(), self.training.batch_size)
    }

    /// Every value spelled out as TOML; reading it gives an equal experiment.
    pub fn to_toml(&self) -> String {
        let mut head = self.clone();
        let layers = std::mem::take(&mut head.model.layers);
        let mut text = toml::to_string(&head).expect("an experiment has only what TOML can say");
        // The layers come last, and read best one a line.
        let empty = "layers = []\n";
        assert!(text.ends_with(empty), "the layers are the last key");
        text.truncate(text.len() - empty.len());
        text.push_str("layers = [\n");
        for layer in layers {
            let mut line = String::new();
            layer
                .serialize(toml::ser::ValueSerializer::new(&mut line))
                .expect("a layer has only what TOML can say");
            text.push_str(&format!("  {line},\n"));
        }
        text.push_str("]\n");
        text
    }

    /// Every value under its dotted path, `model.layers[0].conv2d.stride[1]` for one, as TOML text.
    pub fn flatten(&self) -> Vec<(String, String)> {
        let value = toml::Value::try_from(self).expect("an experiment has only what TOML can say");
        let mut pairs = Vec::new();
        flatten_into(&value, String::new(), &mut pairs);
        pairs
    }

    /// SHA-256 (hex) over all values that a resume may not change.
    pub fn digest(&self) -> String {
        let mut digest = Digest::default();
        for (path, value) in self.flatten() {
            if on_resume(&path) == OnResume::Fixed {
                digest.update(format!("{path}={value}\n"));
            }
        }
        digest.hex()
    }
}

/// Whether a resume may change the value at a dotted path.
pub fn on_resume(path: &str) -> OnResume {
    let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
    SECTIONS
        .iter()
        .find(|(section, _)| *section == table)
        .and_then(|(_, keys)| keys.iter().find(|key| key.name == name))
        .map_or(OnResume::Fixed, |key| key.on_resume)
}

fn flatten_into(value: &toml::Value, path: String, pairs: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flatten_into(value, path, pairs);
            }
        }
        toml::Value::Array(items) if items.iter().any(|item| item.is_table()) => {
            for (index, item) in items.iter().enumerate() {
                flatten_into(item, format!("{path}[{index}]"), pairs);
            }
        }
        leaf => pairs.push((path, leaf.to_string())),
    }
}

fn read_name(section: &Section<'_>, default: &str) -> String {
    let typed = section.optional_text(&NAME);
    let name = typed.clone().unwrap_or_else(|| default.to_owned());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(allowed)
        && name.len() <= 64;
    let message = format!("`name` must be {}", NAME.kind);
    if !good && typed.is_none() {
        let label = format!("there is no `name`, and the file's own is {name:?}");
        section.report(&NAME, message, &label, "add a line name = \"...\"");
    } else if !good && section.has_text(&NAME) {
        let label = format!("this is {name:?}");
        section.report(&NAME, message, &label, "it becomes part of a folder's name");
    }
    name
}

fn read_device(section: &Section<'_>) -> String {
    let device = section.text(&DEVICE);
    let known = matches!(
        device.as_str(),
        "auto" | "cpu" | "flex" | "ndarray" | "cuda"
    ) || device
        .strip_prefix("cuda:")
        .is_some_and(|index| !index.starts_with('+') && index.parse::<u16>().is_ok());
    // What is not even a string has been reported by the read.
    if !known && section.has_text(&DEVICE) {
        let message = format!("unknown device \"{device}\"");
        let help = format!("`device` is {}", DEVICE.kind);
        section.report(&DEVICE, message, "", &help);
    }
    device
}

/// Where layer `index` stands in the document.
fn layer_origin(root: &Node, index: usize) -> Origin {
    let layer = || -> Option<Origin> {
        let Value::Table(root) = &root.value else {
            return None;
        };
        let Value::Table(model) = &root.get("model")?.node.value else {
            return None;
        };
        match &model.get("layers")?.node.value {
            Value::Array(layers) => Some(layers.get(index)?.origin.clone()),
            _ => None,
        }
    };
    layer().unwrap_or_else(Origin::start)
}
