//! The first five steps of each update rule, and what is done to gradients before them.

use std::collections::{BTreeMap, BTreeSet};

use burn::optim::GradientsParams;
use runner::array::{Array, Arrays, Values};
use runner::config::{Experiment, LANGUAGE};
use runner::model::Network;
use runner::optimizer::{self, Optimizer, WeightAverage};
use serde::Deserialize;

use super::{assert_all_tried, assert_close, autodiff, cases, experiment, experiment_with, floats};

#[derive(Deserialize)]
struct Case {
    optimizer: String,
    learning_rate: f64,
    input: [usize; 3],
    layers: String,
    groups: String,
    parameters: BTreeMap<String, Parameter>,
    state: BTreeMap<String, State>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum State {
    Count(f64),
    Numbers(Vec<f32>),
}

#[derive(Deserialize)]
struct Parameter {
    shape: Vec<usize>,
    start: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    steps: Vec<Vec<f32>>,
}

#[test]
fn five_steps_of_every_optimizer_are_pytorchs() {
    let mut texts = BTreeSet::new();
    for case in cases::<Case>("optimizers.json") {
        check(&case);
        texts.insert(case.optimizer);
    }
    let keys = LANGUAGE.walk();
    let rules = keys
        .iter()
        .filter(|(path, _)| path.starts_with("optimizer.") && path.matches('.').count() == 1);
    for (_, rule) in rules {
        assert_all_tried([rule.name], 3, &texts);
        let of_rule: BTreeSet<String> = texts
            .iter()
            .filter(|text| text.contains(&format!(" {} ", rule.name)))
            .cloned()
            .collect();
        assert_all_tried(rule.keys().iter().map(|key| key.name), 1, &of_rule);
    }
}

fn check(case: &Case) {
    let lines = format!("optimizer = {}", case.optimizer);
    let groups = format!("training.groups={}", case.groups);
    let experiment = experiment_with(case.input, &case.layers, &lines, &[groups]);
    let values = |of: &dyn Fn(&Parameter) -> Vec<f32>| -> Arrays {
        let arrays = case.parameters.iter().map(|(name, parameter)| {
            let values = Values::F32(of(parameter));
            let shape = parameter.shape.clone();
            (name.clone(), Array { shape, values })
        });
        arrays.collect()
    };
    let mut network = network(&experiment, values(&|parameter| parameter.start.clone()));
    let mut optimizer = Optimizer::new(&experiment.optimizer, &experiment.training.groups);
    for step in 0..5 {
        let gradients = gradients(&network, &values(&|it| it.gradients[step].clone()));
        network = optimizer.step(case.learning_rate, network, &gradients);
        let ours = network.parameters();
        for (name, theirs) in values(&|parameter| parameter.steps[step].clone()) {
            let what = format!("{name} after step {step} of {}", case.optimizer);
            assert_close(&what, floats(&ours[&name]), floats(&theirs), 1e-6, 1e-7);
        }
    }
    let state = optimizer.state(&network);
    for (name, theirs) in &case.state {
        let what = format!("{name} of {}", case.optimizer);
        let ours = state
            .get(name)
            .unwrap_or_else(|| panic!("{what} is missing"));
        match (&ours.values, theirs) {
            (Values::F32(ours), State::Numbers(theirs)) => {
                assert_close(&what, ours, theirs, 1e-5, 1e-9);
            }
            (Values::I64(ours), State::Count(theirs)) => {
                assert_eq!(ours[0] as f64, *theirs, "{what}");
            }
            _ => panic!("{what} is of another kind"),
        }
    }
    // What it remembers comes back whole.
    let mut other = Optimizer::new(&experiment.optimizer, &experiment.training.groups);
    other.load_state(&network, &state).unwrap();
    assert_eq!(other.state(&network), state);
}

#[test]
fn gradients_are_clipped_as_pytorch_does() {
    #[derive(Deserialize)]
    struct Case {
        function: String,
        limit: f64,
        gradients: BTreeMap<String, Vec<f32>>,
        clipped: BTreeMap<String, Vec<f32>>,
    }
    let layers = "[{ conv2d = { out_channels = 3, kernel_size = 3 } }, \"batch_norm2d\", \
                  \"flatten\", { linear = { out_features = 2 } }]";
    let experiment = experiment([1, 4, 4], layers, "");
    let network = network(&experiment, Arrays::new());
    let parameters = network.parameters();
    for case in cases::<Case>("clipping.json") {
        let given = case.gradients.iter().map(|(name, values)| {
            let shape = parameters[name].shape.clone();
            let values = Values::F32(values.clone());
            (name.clone(), Array { shape, values })
        });
        let mut gradients = gradients(&network, &given.collect());
        let (norm, value) = match case.function.as_str() {
            "clip_grad_norm_" => (Some(case.limit), None),
            _ => (None, Some(case.limit)),
        };
        optimizer::clip(&network, &mut gradients, norm, value);
        network.visit_parameters(|parameter| {
            if let Some(gradient) = parameter.gradient(&gradients) {
                let ours = parameter.array_of(gradient);
                let theirs = &case.clipped[&parameter.name];
                let what = format!("{} by {} {}", parameter.name, case.function, case.limit);
                assert_close(&what, floats(&ours), theirs, 1e-6, 0.0);
            }
        });
    }
}

/// PyTorch's `AveragedModel` begins with a copy of the first parameters it sees.
#[test]
fn a_weight_average_moves_by_its_decay() {
    let layers = "[\"flatten\", { linear = { out_features = 2, bias = false } }]";
    let experiment = experiment([1, 1, 1], layers, "");
    let with = |values: [f32; 2]| {
        let array = Array {
            shape: vec![2, 1],
            values: Values::F32(values.to_vec()),
        };
        network(&experiment, [("layers.1.weight".to_owned(), array)].into())
    };
    let mut average = WeightAverage::new(0.75);
    average.update(&with([1.0, -8.0]));
    average.update(&with([2.0, 8.0]));
    average.update(&with([2.0, 8.0]));
    let network = average.apply(with([9.0, 9.0]));
    let ours = network.parameters();
    // 1 + 1/4, and 1.25 + 0.75/4; -8 + 16/4, and -4 + 12/4.
    assert_eq!(floats(&ours["layers.1.weight"]), [1.4375, -1.0]);
}

fn network(experiment: &Experiment, parameters: Arrays) -> Network {
    let network = Network::new(experiment, &autodiff());
    let mut all = network.parameters();
    all.extend(parameters);
    network.with_parameters(&all).unwrap()
}

fn gradients(network: &Network, arrays: &Arrays) -> GradientsParams {
    let mut gradients = GradientsParams::new();
    network.visit_parameters(|parameter| {
        if let Some(array) = arrays.get(&parameter.name) {
            let values = parameter.values_of(array).unwrap();
            parameter.set_gradient(&mut gradients, values);
        }
    });
    gradients
}
