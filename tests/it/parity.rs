//! Parity with PyTorch: given PyTorch's parameters, the baseline's network gives its logits, loss,
//! gradients and Adam steps. The numbers are those of `fixtures/pytorch_tutorial.py`.
//!
//! Other summation orders round in other ways, so equal means equal to a few digits.

use std::fs;

use runner::array::{Array, Arrays, Values};
use runner::data::{Batches, Splits};
use safetensors::SafeTensors;

use crate::by_hand::{Trainer, experiment};
use crate::support::project;

#[test]
fn logits_and_loss_are_pytorchs() {
    let (trainer, splits) = tutorial();
    let (logits, loss) = trainer.forward(&batches(&trainer, &splits).get(0).unwrap());
    let logits: Vec<f32> = logits.inner().into_data().try_into_vec().unwrap();
    let expected = one("logits");
    assert_close(
        "logits",
        &logits,
        &expected,
        1e-4 * largest(&expected).max(1.0),
    );
    let expected = one("loss");
    assert_close("loss", &[loss.into_scalar()], &expected, 1e-4 * expected[0]);
}

/// Red if a linear weight keeps Burn's layout.
#[test]
fn every_gradient_is_pytorchs() {
    let (trainer, splits) = tutorial();
    let gradients = trainer.gradients(&batches(&trainer, &splits).get(0).unwrap());
    let mut arrays = Arrays::new();
    trainer.network.visit_parameters(|parameter| {
        let gradient = parameter.gradient(&gradients).unwrap();
        let array = parameter.array_of(gradient);
        arrays.insert(parameter.name, array);
    });
    let expected = all("gradient.");
    assert!(arrays.keys().eq(expected.keys()));
    for (name, expected) in &expected {
        let gradient = &arrays[name];
        assert_eq!(gradient.shape, expected.shape, "{name}");
        let expected = floats(expected);
        assert_close(name, floats(gradient), expected, 1e-3 * largest(expected));
    }
}

/// Red for Burn's own epsilon (1e-5), and if a step does not get the state of the one before.
#[test]
fn ten_adam_steps_are_pytorchs() {
    let (mut trainer, splits) = tutorial();
    let expected = one("losses");
    for (step, expected) in expected.iter().enumerate() {
        let loss = trainer.train(&batches(&trainer, &splits).get(step).unwrap());
        let what = format!("the loss of step {step}");
        assert_close(&what, &[loss], &[*expected], 1e-3 * expected);
    }
    let parameters = trainer.network.parameters();
    let expected = all("final.");
    assert!(!expected.is_empty());
    for (name, expected) in &expected {
        // A step moves a parameter by at most about the learning rate, 1e-3.
        assert_close(name, floats(&parameters[name]), floats(expected), 3e-4);
    }
}

/// The baseline without dropout, with PyTorch's parameters, and the bundled data.
fn tutorial() -> (Trainer, Splits) {
    let text = fs::read_to_string(project().join("configs/baseline.toml")).unwrap();
    let data = format!("data.path={}", project().join("data/digits").display());
    let experiment = experiment(
        &text,
        &[
            &data,
            "training.batch_size=32",
            "model.layers[7].dropout.p=0",
        ],
    );
    let input = experiment.model.input;
    let classes = experiment.classes();
    let splits = Splits::load(&experiment.data, input, classes, &|_, _| {}).unwrap();
    let mut trainer = Trainer::new(experiment);
    trainer.network = trainer.network.with_parameters(&all("parameter.")).unwrap();
    (trainer, splits)
}

fn batches<'a>(trainer: &Trainer, splits: &'a Splits) -> Batches<'a> {
    let experiment = &trainer.experiment;
    let (data, input) = (&experiment.data, experiment.model.input);
    let batch_size = experiment.training.batch_size;
    Batches::in_order(
        &splits.train,
        data,
        splits.normalize.clone(),
        input,
        batch_size,
    )
}

/// The fixture's arrays whose names begin so; `parameter.0.weight` is the program's `layers.0.weight`.
fn all(prefix: &str) -> Arrays {
    let named = read_fixture().into_iter().filter_map(|(name, array)| {
        let name = name.strip_prefix(prefix)?;
        Some((format!("layers.{name}"), array))
    });
    named.collect()
}

/// The numbers of one of the fixture's arrays.
fn one(name: &str) -> Vec<f32> {
    floats(&read_fixture()[name]).to_vec()
}

fn read_fixture() -> Arrays {
    let bytes = fs::read(project().join("tests/fixtures/pytorch_tutorial.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let arrays = tensors.iter().map(|(name, view)| {
        assert_eq!(view.dtype(), safetensors::Dtype::F32);
        let values = view.data().as_chunks().0.iter();
        let values = Values::F32(values.map(|bytes| f32::from_le_bytes(*bytes)).collect());
        let shape = view.shape().to_vec();
        (name.to_owned(), Array { shape, values })
    });
    arrays.collect()
}

fn floats(array: &Array) -> &[f32] {
    match &array.values {
        Values::F32(values) => values,
        Values::I64(_) => panic!("these are whole numbers"),
    }
}

fn largest(values: &[f32]) -> f32 {
    values
        .iter()
        .fold(0.0, |largest, value| largest.max(value.abs()))
}

#[track_caller]
fn assert_close(what: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (our, their)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (our - their).abs() <= tolerance,
            "{what}, number {index}: {our} is not {their}, give or take {tolerance}"
        );
    }
}
