//! The resolved experiment: every value spelled out, as TOML, as a list of paths and as a digest.

use std::collections::BTreeMap;

use runner_digest::Digest;
use serde::Serialize;

use crate::experiment::{Experiment, LANGUAGE};
use crate::language::info::OnResume;
use crate::model::layer::Layer;
use crate::sections::checkpoint::Checkpoint;
use crate::sections::data::Data;
use crate::sections::device::Device;
use crate::sections::early_stop::EarlyStop;
use crate::sections::log::Log;
use crate::sections::loss::Loss;
use crate::sections::metrics::Metrics;
use crate::sections::optimizer::Optimizer;
use crate::sections::schedule::Schedule;
use crate::sections::training::Training;

const REPRESENTABLE: &str = "an experiment has only what TOML can say";

/// Keys that are younger than the first run directories, with the value that a run without them has: their default.
const YOUNGER: &[(&str, &str)] = &[
    ("data.stratify", "false"),
    ("data.first_label", "0"),
    ("data.bit_depth", "16"),
    ("data.exif", "\"ignore\""),
];

/// A value that differs between two experiments, as TOML text; `None` where the key is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its dotted path.
    pub key: String,
    /// The value in the first one.
    pub was: Option<String>,
    /// The value in the second one.
    pub is: Option<String>,
}

/// An experiment but for its model, which comes last and reads best one layer a line.
#[derive(Serialize)]
struct Head<'a> {
    name: &'a str,
    seed: &'a u64,
    device: &'a Device,
    data: &'a Data,
    training: &'a Training,
    loss: &'a Loss,
    optimizer: &'a Optimizer,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: &'a Option<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    early_stop: &'a Option<EarlyStop>,
    checkpoint: &'a Checkpoint,
    metrics: &'a Metrics,
    log: &'a Log,
}

impl Experiment {
    /// Every value spelled out as TOML; reading it gives an equal experiment.
    pub fn to_toml(&self) -> String {
        let Self {
            name,
            seed,
            device,
            data,
            training,
            loss,
            optimizer,
            schedule,
            early_stop,
            checkpoint,
            metrics,
            log,
            model,
        } = self;
        let head = Head {
            name,
            seed,
            device,
            data,
            training,
            loss,
            optimizer,
            schedule,
            early_stop,
            checkpoint,
            metrics,
            log,
        };
        let mut text = toml::to_string(&head).expect(REPRESENTABLE);
        text.push_str(&format!("\n[model]\ninput = {}\n", in_line(&model.input)));
        text.push_str(&format!("init = {}\n", in_line(&model.init)));
        if let Some(weights) = &model.weights {
            text.push_str(&format!("weights = {}\n", in_line(weights)));
        }
        text.push_str("layers = [\n");
        write_layers(&mut text, &model.layers, "  ");
        text.push_str("]\n");
        text
    }

    /// Every value under its dotted path, `model.layers[0].conv2d.stride[1]` for one, as TOML text.
    pub fn flatten(&self) -> Vec<(String, String)> {
        let value = toml::Value::try_from(self).expect(REPRESENTABLE);
        let mut pairs = Vec::new();
        flatten_into(&value, String::new(), &mut pairs);
        pairs
    }

    /// All values that differ in another experiment, by the order of their keys.
    pub fn changes(&self, other: &Self) -> Vec<Change> {
        let mut old: BTreeMap<String, String> = self.flatten().into_iter().collect();
        let mut changes = Vec::new();
        for (key, is) in other.flatten() {
            let was = old.remove(&key);
            if was.as_ref() != Some(&is) {
                let is = Some(is);
                changes.push(Change { key, was, is });
            }
        }
        changes.extend(old.into_iter().map(|(key, was)| Change {
            key,
            was: Some(was),
            is: None,
        }));
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        changes
    }

    /// SHA-256 (hex) over all values that a resume may not change, and over where the data were when the run began. A key that is younger than the first run directories
    /// is left out where it has the value that those have without knowing it, so that their digests stay right.
    pub fn digest(&self) -> String {
        let mut digest = Digest::default();
        for (path, value) in self.flatten() {
            let is_as_ever = YOUNGER.contains(&(path.as_str(), value.as_str()));
            let is_part = matches!(
                LANGUAGE.on_resume(&path),
                OnResume::Fixed | OnResume::SameData
            );
            if is_part && !is_as_ever {
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
    written.expect(REPRESENTABLE);
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
