//! Groups of parameters: what is frozen, against PyTorch.

use std::collections::BTreeMap;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor, TensorData};
use runner::array::{Array, Arrays, Values};
use runner::model::{Mode, Network};
use runner::optimizer::Optimizer;
use serde::Deserialize;

use super::{assert_close, autodiff, cases, experiment_with, floats, tensor};

#[derive(Deserialize)]
struct Case {
    input: [usize; 3],
    layers: String,
    groups: String,
    images: Vec<Vec<f32>>,
    labels: Vec<Vec<i64>>,
    start: BTreeMap<String, Parameter>,
    steps: Vec<BTreeMap<String, Parameter>>,
}

#[derive(Deserialize)]
struct Parameter {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn arrays(parameters: &BTreeMap<String, Parameter>) -> Arrays {
    let arrays = parameters.iter().map(|(name, parameter)| {
        let shape = parameter.shape.clone();
        let values = Values::F32(parameter.values.clone());
        (name.clone(), Array { shape, values })
    });
    arrays.collect()
}

#[test]
fn what_is_frozen_stays_and_the_rest_moves_as_in_pytorch() {
    let [case] = <[Case; 1]>::try_from(cases("frozen.json")).ok().unwrap();
    let optimizer = "optimizer = { sgd = { momentum = 0.9, weight_decay = 0.01 } }";
    let groups = format!("training.groups={}", case.groups);
    let experiment = experiment_with(case.input, &case.layers, optimizer, &[groups]);
    let device = autodiff();
    let start = arrays(&case.start);
    let mut network = Network::new(&experiment, &device)
        .with_parameters(&start)
        .unwrap();
    let mut optimizer = Optimizer::new(&experiment.optimizer, &experiment.training.groups);
    for (step, theirs) in case.steps.iter().enumerate() {
        let [channels, height, width] = case.input;
        let shape = [4, channels, height, width];
        let images = tensor(case.images[step].clone(), shape, &device);
        let mode = Mode::Training {
            seed: 1,
            step: step as u64,
            part: 0,
        };
        let (logits, statistics) = network.forward(images, mode);
        let labels = TensorData::new(case.labels[step].clone(), [4]);
        let labels = Tensor::<1, Int>::from_data(labels, &device);
        let loss = CrossEntropyLossConfig::new()
            .init(&device)
            .forward(logits, labels);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network.visit_parameters(|parameter| {
            let is_frozen =
                parameter.name.starts_with("layers.0.") || parameter.name.starts_with("layers.1.");
            let is_trained = !is_frozen && !parameter.name.contains("running");
            let gradient = parameter.gradient(&gradients);
            assert_eq!(gradient.is_some(), is_trained, "{}", parameter.name);
        });
        network = network.with_statistics(statistics);
        network = optimizer.step(0.1, network, &gradients);
        let ours = network.parameters();
        for (name, theirs) in arrays(theirs) {
            let what = format!("{name} after step {step}");
            assert_close(&what, floats(&ours[&name]), floats(&theirs), 1e-5, 1e-6);
            if name.starts_with("layers.0.") || name.starts_with("layers.1.") {
                assert_eq!(ours[&name], start[&name], "{what}");
            }
        }
    }
}
