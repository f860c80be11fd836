//! Every word of the vocabulary against PyTorch, timm and scikit-learn: the fixtures that the scripts of the same
//! names wrote.

mod groups;
mod initializers;
mod layers;
mod losses;
mod optimizers;
mod plateau;
mod presets;
mod runs;
mod scores;

use std::collections::BTreeSet;
use std::fs;

use burn::tensor::{Device, Tensor, TensorData};
use runner::array::{Array, Values};
use runner::config::{Document, Experiment};
use runner::device;
use serde::de::DeserializeOwned;

use crate::support::project;

fn cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = project().join("tests/fixtures").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// An experiment with this model, and with these lines before its tables.
fn experiment(input: [usize; 3], layers: &str, lines: &str) -> Experiment {
    experiment_with(input, layers, lines, &[])
}

/// The same with `key=value` overrides.
fn experiment_with(
    input: [usize; 3],
    layers: &str,
    lines: &str,
    overrides: &[String],
) -> Experiment {
    let text = format!(
        "seed = 1\ndata.path = \"data\"\n{lines}\n[training]\nepochs = 9\nbatch_size = 1\n\
         learning_rate = 0.1\n[model]\ninput = {input:?}\nlayers = {layers}\n"
    );
    let mut document = Document::parse("case.toml", text, "case");
    document.set_all(overrides);
    match document.experiment() {
        Ok(experiment) => experiment,
        Err(error) => panic!("{error}"),
    }
}

/// With autodiff.
fn autodiff() -> Device {
    device::choose(runner::config::Device::Cpu, None)
        .unwrap()
        .device
        .autodiff()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn floats(array: &Array) -> &[f32] {
    match &array.values {
        Values::F32(values) => values,
        Values::I64(_) => panic!("these are whole numbers"),
    }
}

/// Equal to `relative` of the largest number, or to `absolute`.
#[track_caller]
fn assert_close(what: &str, ours: &[f32], theirs: &[f32], relative: f32, absolute: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(0.0f32, |most, it| most.max(it.abs()));
    for (index, (our, their)) in ours.iter().zip(theirs).enumerate() {
        let tolerance = (relative * largest).max(absolute);
        assert!(
            (our - their).abs() <= tolerance,
            "{what}, number {index}: {our} is not {their}, give or take {tolerance}"
        );
    }
}

/// The names of a table of the language all occur among some texts, and each often enough.
#[track_caller]
fn assert_all_tried<'a>(
    names: impl IntoIterator<Item = &'a str>,
    least: usize,
    texts: &BTreeSet<String>,
) {
    for name in names {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let has = |text: &&String| text.split(|c| !is_word(c)).any(|word| word == name);
        let count = texts.iter().filter(has).count();
        assert!(count >= least, "`{name}` is tried in {count} cases only");
    }
}
