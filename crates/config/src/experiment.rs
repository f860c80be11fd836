//! The experiment: every value resolved and valid. Nothing downstream sees anything else.

use serde::Serialize;

use super::checkpoint::{self, Checkpoint};
use super::cost;
use super::data::{self, Data};
use super::diagnostic::Diagnostic;
use super::early_stop::{self, EarlyStop};
use super::familiar::{self, Here};
use super::initializer::Initializer;
use super::key::{Fallback, Key, Kind, OnResume};
use super::language::Language;
use super::layer::Layer;
use super::layers::Typed;
use super::loss::{self, Loss};
use super::metrics::{self, Metrics};
use super::model::{self, Model};
use super::optimizer::{self, Optimizer};
use super::schedule::{self, Schedule};
use super::section::{Diagnostics, Section};
use super::shape::{self, Misfit, Shape, Traced};
use super::source::Origin;
use super::training::{self, Training};
use super::tree::Node;
use runner_digest::Digest;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// Part of the run directory's name.
    pub name: String,
    /// Every random draw of the run follows from it.
    pub seed: u64,
    pub device: String,
    pub data: Data,
    pub training: Training,
    pub loss: Loss,
    pub optimizer: Optimizer,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<EarlyStop>,
    pub checkpoint: Checkpoint,
    pub metrics: Metrics,
    pub model: Model,
}

pub const EXTENDS: Key = Key::new(
    "extends",
    Kind::Texts,
    Fallback::Nothing,
    "the experiment files that this one builds on, relative to it; tables merge, arrays and values \
     replace, `key = { unset = true }` takes away, and the name is not taken over",
);
const NAME: Key = Key::new(
    "name",
    Kind::Pattern {
        regex: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        words: "a string of letters, digits, `.`, `_` and `-`, at most 64, the first a letter or a digit",
    },
    Fallback::Derived("the file's own name"),
    "the experiment's name, part of the run directory's",
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
    Kind::Pattern {
        regex: "^(auto|cpu|flex|ndarray|cuda(:[0-9]{1,5})?)$",
        words: "\"auto\", \"cpu\", \"flex\", \"ndarray\", \"cuda\" or \"cuda:1\"",
    },
    "\"auto\"",
    "what computes: auto takes CUDA where it can be used, else cpu; cpu is flex",
)
.on_resume(OnResume::Free);
const DATA: Key = Key::required("data", Kind::Table(data::KEYS), "where the images are");
const TRAINING: Key = Key::required(
    "training",
    Kind::Table(training::KEYS),
    "how the network trains",
);
const LOSS: Key = Key::optional(
    "loss",
    Kind::Choice(loss::KEYS),
    "\"cross_entropy\"",
    "what training makes small; evaluation measures the plain cross entropy",
);
const OPTIMIZER: Key = Key::optional(
    "optimizer",
    Kind::Choice(optimizer::KEYS),
    "\"adam\"",
    "the update rule",
);
const SCHEDULE: Key = Key::new(
    "schedule",
    Kind::Table(schedule::KEYS),
    Fallback::Nothing,
    "how the learning rate changes; it stays as it is without one",
);
const EARLY_STOP: Key = Key::new(
    "early_stop",
    Kind::Table(early_stop::KEYS),
    Fallback::Nothing,
    "when to end before the last epoch",
);
const CHECKPOINT: Key = Key::optional(
    "checkpoint",
    Kind::Table(checkpoint::KEYS),
    "{}",
    "when checkpoints are written and which are kept",
);
const METRICS: Key = Key::optional(
    "metrics",
    Kind::Table(metrics::KEYS),
    "{}",
    "how evaluation is measured",
);
const MODEL: Key = Key::required("model", Kind::Table(model::KEYS), "the network");

/// The keys of the document itself; all others are inside of these.
const KEYS: &[Key] = &[
    EXTENDS, NAME, SEED, DEVICE, DATA, TRAINING, LOSS, OPTIMIZER, SCHEDULE, EARLY_STOP, CHECKPOINT,
    METRICS, MODEL,
];

pub const LANGUAGE: Language = Language(KEYS);

impl Experiment {
    pub(super) fn read(root: &Node, default_name: &str, diagnostics: &Diagnostics) -> Self {
        let foreign = familiar::KEYS;
        let section = Section::new("", root, Origin::start(), KEYS, foreign, diagnostics);
        let before_model = diagnostics.errors();
        let typed = Typed::read(&section.table(&MODEL));
        let is_whole = diagnostics.errors() == before_model;
        let classes = check_shapes(root, &typed, is_whole, diagnostics);
        let model = typed.model;
        let channels = Some(model.input[0]).filter(|_| model.input != model::UNREAD);
        let name = read_name(&section, default_name);
        let seed = section.integer(&SEED);
        let device = read_device(&section);
        let data = Data::read(&section.table(&DATA), channels);
        let training = section.table(&TRAINING);
        Self {
            name,
            seed,
            device,
            data,
            training: Training::read(&training),
            loss: Loss::read(&LOSS, &section, classes),
            optimizer: Optimizer::read(&OPTIMIZER, &section),
            schedule: section
                .node(&SCHEDULE)
                .map(|_| Schedule::read(&section.table(&SCHEDULE), &training)),
            early_stop: section
                .node(&EARLY_STOP)
                .map(|_| EarlyStop::read(&section.table(&EARLY_STOP), &training)),
            checkpoint: Checkpoint::read(&section.table(&CHECKPOINT), &training),
            metrics: Metrics::read(&section.table(&METRICS)),
            model,
        }
    }

    /// All layers with their shapes, those inside of others after them.
    pub fn trace(&self) -> Vec<Traced<'_>> {
        shape::infer(&self.model).expect("an experiment's shapes were checked when it was read")
    }

    /// The number of classes the network tells apart.
    pub fn classes(&self) -> usize {
        let input = shape::of_input(self.model.input);
        match shape::after_all(&self.model.layers, input) {
            Shape::Flat { features } => features,
            Shape::Image { .. } => unreachable!("an experiment's network ends in class scores"),
        }
    }

    /// Bytes that a training step needs at the least.
    pub fn step_bytes(&self) -> u64 {
        cost::step_bytes(&self.model.layers, &self.trace(), self.training.batch_size)
    }

    /// Every value spelled out as TOML; reading it gives an equal experiment.
    pub fn to_toml(&self) -> String {
        let mut head = self.clone();
        // The model comes last, and reads best one layer a line.
        let layers = std::mem::take(&mut head.model.layers);
        let init = std::mem::replace(&mut head.model.init, Initializer::Pytorch);
        let mut text = toml::to_string(&head).expect("an experiment has only what TOML can say");
        let end = "init = \"pytorch\"\nlayers = []\n";
        assert!(text.ends_with(end), "the model is the last table");
        text.truncate(text.len() - end.len());
        text.push_str(&format!("init = {}\nlayers = [\n", in_line(&init)));
        write_layers(&mut text, &layers, "  ");
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
            if LANGUAGE.on_resume(&path) == OnResume::Fixed {
                digest.update(format!("{path}={value}\n"));
            }
        }
        digest.hex()
    }
}

/// A value as TOML in one line.
fn in_line(value: &impl Serialize) -> String {
    let mut line = String::new();
    let serializer = toml::ser::ValueSerializer::new(&mut line);
    let written = value.serialize(serializer);
    written.expect("an experiment has only what TOML can say");
    line
}

/// One layer a line.
fn write_layers(text: &mut String, layers: &[Layer], indent: &str) {
    for layer in layers {
        if let Layer::Residual(residual) = layer {
            let inner = format!("{indent}  ");
            text.push_str(&format!("{indent}{{ residual = {{ layers = [\n"));
            write_layers(text, &residual.layers, &inner);
            text.push_str(&format!("{indent}], shortcut = ["));
            if !residual.shortcut.is_empty() {
                text.push('\n');
                write_layers(text, &residual.shortcut, &inner);
                text.push_str(indent);
            }
            text.push_str("] } },\n");
            continue;
        }
        text.push_str(&format!("{indent}{},\n", in_line(layer)));
    }
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
        let message = format!("{message}; the file's own is {name:?}");
        section.report(&NAME, message, "", "add a line name = \"...\"");
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
        let lower = device.to_lowercase();
        let help = match familiar::find(familiar::WORDS, &device) {
            Some(Here::Word(word)) => format!("here it is called \"{word}\""),
            Some(Here::Note(note)) => note.to_owned(),
            _ if matches!(lower.as_str(), "cpu" | "auto" | "flex" | "ndarray" | "cuda") => {
                format!("write \"{lower}\"")
            }
            _ => format!("`device` is {}", DEVICE.kind),
        };
        section.report(&DEVICE, message, "", &help);
    }
    device
}

/// Reports the first layer that does not fit what it is given, and all that say they are given
/// something else. Gives the number of classes, where it can be told.
fn check_shapes(
    root: &Node,
    typed: &Typed,
    is_whole: bool,
    diagnostics: &Diagnostics,
) -> Option<usize> {
    let model = &typed.model;
    if model.input == model::UNREAD {
        return None;
    }
    let (traced, misfit) = shape::trace(model.input, &model.layers[..typed.good]);
    // Where what a layer takes comes from, and in words what it is.
    let giver = |layer: &Traced<'_>| {
        let shape = layer.input;
        match layer.giver {
            Some(giver) => {
                let Traced { layer, path, .. } = &traced[giver];
                let label = format!("layer {path} `{}` gives {shape}", layer.name());
                (typed.places[giver].clone(), label)
            }
            None => (input_origin(root), format!("the input is {shape}")),
        }
    };
    for stated in &typed.stated {
        let Some(layer) = traced.get(stated.layer) else {
            continue;
        };
        let taken = match layer.input {
            Shape::Image { channels, .. } => channels,
            Shape::Flat { features } => features,
        };
        // What takes no such input at all is a misfit.
        let is_misfit = misfit.as_ref().is_some_and(|m| m.layer == stated.layer);
        if taken != stated.value && !is_misfit {
            let (place, label) = giver(layer);
            diagnostics.push(
                Diagnostic::new(
                    format!(
                        "layer {} `{}`: `{}` is {}, and it is given {taken}",
                        layer.path,
                        layer.layer.name(),
                        stated.key.name,
                        stated.value
                    ),
                    stated.origin.clone(),
                    "",
                )
                .related(place, label)
                .help(format!(
                    "write {taken}, or leave `{}` out: it follows from {}",
                    stated.key.name,
                    match layer.giver {
                        None => "`model.input`",
                        Some(_) => "the layer before",
                    }
                )),
            );
        }
    }
    let end = is_whole.then(|| shape::check_end(model, &traced)).flatten();
    let is_good = is_whole && misfit.is_none() && end.is_none();
    if let Some(misfit) = misfit.or(end) {
        let Misfit { layer, .. } = misfit;
        let origin = typed.places.get(layer).cloned();
        let origin = origin.unwrap_or_else(Origin::start);
        let mut diagnostic = Diagnostic::new(misfit.message, origin, "").help(misfit.help);
        if misfit.is_of_input {
            let (place, label) = giver(&traced[layer]);
            diagnostic = diagnostic.related(place, label);
        }
        diagnostics.push(diagnostic);
    }
    match shape::after_last(model, &traced) {
        Shape::Flat { features } if is_good => Some(features),
        _ => None,
    }
}

fn input_origin(root: &Node) -> Origin {
    root.at("model.input")
        .map_or_else(Origin::start, |node| node.origin.clone())
}
