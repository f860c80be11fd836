//! What is written: a network with its weights, and how its input and output are to be understood.

use crate::Error;
use crate::array::{Arrays, Values};
use crate::config::{Experiment, Moments};
use crate::run_dir::{Run, Weights};

/// A trained network.
#[derive(Debug, Clone, Copy)]
pub struct Trained<'a> {
    /// What its run declares.
    pub experiment: &'a Experiment,
    /// What its outputs stand for, in their order.
    pub class_names: &'a [String],
    /// Mean and standard deviation of each channel, where images are normalized.
    pub normalize: Option<&'a Moments>,
    /// The run that trained it.
    pub run_id: &'a str,
    /// The name of the checkpoint's file.
    pub checkpoint: &'a str,
    /// Its parameters and running statistics by PyTorch's names and in PyTorch's layouts.
    pub arrays: &'a Arrays,
}

/// A parameter or a running statistic.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// In PyTorch's layout.
    pub shape: &'a [usize],
    /// Row-major.
    pub values: &'a [f32],
}

impl<'a> Trained<'a> {
    /// The network of a run with these weights.
    pub fn new(run: &'a Run, weights: &'a Weights) -> Self {
        let checkpoint = weights.file.file_name().and_then(|name| name.to_str());
        Self {
            experiment: &run.experiment,
            class_names: &run.identity.class_names,
            normalize: run.identity.normalize.as_ref(),
            run_id: &run.identity.run_id,
            checkpoint: checkpoint.unwrap_or_default(),
            arrays: &weights.arrays,
        }
    }

    /// The parameter of this name.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is none.
    pub fn parameter(&self, name: &str) -> Result<Parameter<'a>, Error> {
        let array = self.arrays.get(name);
        match array.map(|array| (&array.shape, &array.values)) {
            Some((shape, Values::F32(values))) => Ok(Parameter { shape, values }),
            _ => Err(Error::Parameter {
                name: name.to_owned(),
            }),
        }
    }

    /// What a reader of the file has to know, as names and texts; lists are JSON.
    pub fn notes(&self) -> Vec<(&'static str, String)> {
        let data = &self.experiment.data;
        let mut notes = vec![
            ("class_names", json(self.class_names)),
            ("input", json(&self.experiment.model.input)),
            ("scale", json(&data.scale)),
        ];
        if let Some(moments) = self.normalize {
            notes.push(("mean", json(&moments.mean)));
            notes.push(("std", json(&moments.std)));
        }
        notes.push(("run", self.run_id.to_owned()));
        notes.push(("checkpoint", self.checkpoint.to_owned()));
        notes.push(("runner_version", env!("CARGO_PKG_VERSION").to_owned()));
        notes
    }
}

/// A value as JSON, which is Python too as long as it is of numbers, texts and lists.
pub(crate) fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("numbers, texts and lists have a JSON")
}
