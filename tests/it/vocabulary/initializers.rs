//! How weights begin: the distributions of `torch.nn.init`.

use std::collections::BTreeSet;

use runner::array::Array;
use runner::config::{INITIALIZERS, Nonlinearity, Word};
use runner::model::Network;
use serde::Deserialize;

use super::{assert_all_tried, autodiff, cases, experiment};

#[derive(Deserialize)]
struct Case {
    init: String,
    layer: String,
    shape: Vec<usize>,
    groups: usize,
    bound: Option<f64>,
    std: Option<f64>,
    bias_bound: Option<f64>,
}

#[test]
fn every_initializer_is_pytorchs() {
    let mut texts = BTreeSet::new();
    for (number, case) in cases::<Case>("initializers.json").into_iter().enumerate() {
        let [weight, bias] = start(&case, number as u64 + 1);
        assert_eq!(weight.shape, case.shape);
        let (weight, bias) = (floats(&weight), floats(&bias));
        let what = format!("{} of {}", case.init, case.layer);
        let count = weight.len() as f64;
        let deviation = (weight.iter().map(|it| it * it).sum::<f64>() / count).sqrt();
        let largest = weight.iter().fold(0.0f64, |most, it| most.max(it.abs()));
        let expected = match (case.bound, case.std) {
            (Some(bound), _) => {
                // Of so many draws the largest is next to the bound.
                let is_within = largest <= bound * (1.0 + 1e-6);
                assert!(
                    is_within && largest > 0.9 * bound,
                    "{what}: {largest}, {bound}"
                );
                bound / 3.0f64.sqrt()
            }
            (None, Some(std)) => {
                // Of so many the largest is some deviations away.
                assert!(
                    largest > 2.0 * std && largest < 5.5 * std,
                    "{what}: {largest}"
                );
                std
            }
            (None, None) => panic!("{what} has no width"),
        };
        // Four standard errors of a normal one's deviation, which is more than a uniform one's.
        let tolerance = 4.0 * expected / (2.0 * count).sqrt();
        let difference = (deviation - expected).abs();
        assert!(
            difference < tolerance,
            "{what}: {deviation} and not {expected}"
        );
        let bound = case.bias_bound.unwrap_or(0.0);
        assert!(
            bias.iter().all(|it| it.abs() <= bound * (1.0 + 1e-6)),
            "{what}"
        );
        assert_eq!(bias.iter().any(|it| *it != 0.0), bound > 0.0, "{what}");
        texts.insert(case.init);
    }
    let drawn = |name: &&str| !["orthogonal", "zeros", "constant"].contains(name);
    let names = INITIALIZERS.iter().map(|key| key.name).filter(drawn);
    assert_all_tried(names, 1, &texts);
    assert_all_tried(Nonlinearity::WORDS.iter().copied(), 1, &texts);
}

#[test]
fn what_is_not_drawn_is_as_stated() {
    let case = |init: &str, layer: &str, shape: &[usize]| Case {
        init: init.to_owned(),
        layer: layer.to_owned(),
        shape: shape.to_vec(),
        groups: 1,
        bound: None,
        std: None,
        bias_bound: None,
    };
    let [zeros, bias] = start(&case("'zeros'", "linear", &[20, 30]), 1);
    assert!(
        floats(&zeros)
            .iter()
            .chain(&floats(&bias))
            .all(|it| *it == 0.0)
    );
    let [constant, bias] = start(
        &case("{ constant = { value = 0.25 } }", "linear", &[3, 4]),
        1,
    );
    assert!(floats(&constant).iter().all(|it| *it == 0.25));
    assert!(floats(&bias).iter().all(|it| *it == 0.0));
    for (layer, shape) in [
        ("linear", &[20, 30][..]),
        ("linear", &[30, 20]),
        ("conv2d", &[8, 4, 3, 3]),
    ] {
        let [weight, _] = start(&case("{ orthogonal = { gain = 2.0 } }", layer, shape), 7);
        let weight = floats(&weight);
        let (rows, columns) = (shape[0], weight.len() / shape[0]);
        let row = |index: usize| -> Vec<f64> {
            match rows <= columns {
                true => weight[index * columns..(index + 1) * columns].to_vec(),
                false => (0..rows).map(|row| weight[row * columns + index]).collect(),
            }
        };
        for one in 0..rows.min(columns) {
            for other in 0..=one {
                let product: f64 = row(one).iter().zip(row(other)).map(|(a, b)| a * b).sum();
                let expected = if one == other { 4.0 } else { 0.0 };
                assert!(
                    (product - expected).abs() < 1e-5,
                    "{one}, {other}: {product}"
                );
            }
        }
    }
}

/// The network's own counts where a layer says nothing.
#[test]
fn a_layer_begins_as_it_says_and_else_as_the_network_does() {
    let layers = "[\"flatten\", { linear = { out_features = 2 } }, \
                  { linear = { out_features = 2, init = { constant = { value = 3.0 } } } }]";
    let lines = "model.init = \"zeros\"";
    let text = layers.to_owned();
    let experiment = experiment_with_init([1, 1, 2], &text, lines);
    let parameters = Network::new(&experiment, &autodiff()).parameters();
    assert_eq!(floats(&parameters["layers.1.weight"]), [0.0; 4]);
    assert_eq!(floats(&parameters["layers.2.weight"]), [3.0; 4]);
}

fn experiment_with_init(input: [usize; 3], layers: &str, line: &str) -> runner::config::Experiment {
    let text = format!(
        "seed = 1\ndata.path = \"data\"\n{line}\nmodel.input = {input:?}\nmodel.layers = {layers}\n\
         [training]\nepochs = 9\nbatch_size = 1\nlearning_rate = 0.1\n"
    );
    let document = runner::config::Document::parse("case.toml", text, "case");
    document.experiment().unwrap()
}

/// Weight and bias of a layer at their start.
fn start(case: &Case, seed: u64) -> [Array; 2] {
    let Case {
        init,
        layer,
        shape,
        groups,
        ..
    } = case;
    let (out, input) = match layer.as_str() {
        "conv_transpose2d" => (shape[1] * groups, shape[0]),
        _ => (shape[0], shape[1] * groups),
    };
    let (layers, name) = match layer.as_str() {
        "linear" => (
            format!("[\"flatten\", {{ linear = {{ out_features = {out}, init = {init} }} }}]"),
            "layers.1",
        ),
        layer => (
            format!(
                "[{{ {layer} = {{ out_channels = {out}, kernel_size = [{}, {}], groups = {groups}, \
                 init = {init} }} }}, \"flatten\"]",
                shape[2], shape[3]
            ),
            "layers.0",
        ),
    };
    let side = if layer == "linear" { 1 } else { 4 };
    let mut experiment = experiment([input, side, side], &layers, "");
    experiment.seed = seed;
    let parameters = Network::new(&experiment, &autodiff()).parameters();
    ["weight", "bias"].map(|part| parameters[&format!("{name}.{part}")].clone())
}

fn floats(array: &Array) -> Vec<f64> {
    super::floats(array)
        .iter()
        .map(|it| f64::from(*it))
        .collect()
}
