//! Each layer alone and in company: what it gives, all gradients, what batch norms keep.

use std::collections::BTreeSet;
use std::fs;

use burn::optim::GradientsParams;
use runner::array::{Array, Arrays, Values};
use runner::config::{INPUT_SIZE_KEYS, KeyInfo, LAYER_KEYS};
use runner::model::{Mode, Network};
use safetensors::SafeTensors;
use serde::Deserialize;

use super::{assert_all_tried, assert_close, autodiff, cases, experiment, floats, tensor};
use crate::support::project;

#[derive(Deserialize)]
struct Case {
    name: String,
    layers: String,
    input: [usize; 3],
    batch: usize,
}

/// Of the largest number of an array.
const RELATIVE: f32 = 1e-4;
/// For the gradients that are 0, as that of a bias before a norm.
const ABSOLUTE: f32 = 2e-6;

#[test]
fn every_layer_is_pytorchs() {
    let arrays = arrays();
    let mut texts = BTreeSet::new();
    for case in cases::<Case>("layers.json") {
        check(&case, &arrays);
        texts.insert(format!("{} {}", texts.len(), case.layers));
    }
    let names = LAYER_KEYS.iter().map(|key| key.name);
    assert_all_tried(names, 3, &texts);
    let options = LAYER_KEYS.iter().flat_map(|key| key.keys());
    // What a layer is given may be stated; how weights begin is tried elsewhere.
    let is_tried_here =
        |key: &&KeyInfo| !INPUT_SIZE_KEYS.iter().any(|it| it.info == **key) && key.name != "init";
    let options = options.filter(is_tried_here).map(|key| key.name);
    assert_all_tried(options, 2, &texts);
}

fn check(case: &Case, arrays: &Arrays) {
    let device = autodiff();
    let experiment = experiment(case.input, &case.layers, "");
    let of_case = |part: &str| -> Arrays {
        let prefix = format!("{}/{part}/", case.name);
        let named = arrays.iter().filter_map(|(name, array)| {
            let name = name.strip_prefix(&prefix)?;
            Some((name.to_owned(), array.clone()))
        });
        named.collect()
    };
    let numbers = |name: &str| floats(&arrays[&format!("{}/{name}", case.name)]).to_vec();
    let network = Network::new(&experiment, &device);
    let network = network.with_parameters(&of_case("parameter"));
    let network = network.unwrap_or_else(|why| panic!("{}: {why}", case.name));

    let [channels, height, width] = case.input;
    let shape = [case.batch, channels, height, width];
    let images = tensor(numbers("input"), shape, &device).require_grad();
    let mode = Mode::Training {
        seed: 1,
        step: 0,
        part: 0,
    };
    let (output, statistics) = network.forward(images.clone(), mode);
    let what = |part: &str| format!("{} of {}", part, case.name);
    let ours: Vec<f32> = output.clone().inner().into_data().try_into_vec().unwrap();
    let theirs = numbers("output");
    assert_close(&what("output"), &ours, &theirs, RELATIVE, ABSOLUTE);

    let given = tensor(numbers("output_gradient"), output.dims(), &device);
    let mut gradients = (output * given).sum().backward();
    let of_images = images.grad_remove(&mut gradients).unwrap();
    let ours: Vec<f32> = of_images.into_data().try_into_vec().unwrap();
    let theirs = numbers("gradient/input");
    let part = what("gradient of the input");
    assert_close(&part, &ours, &theirs, RELATIVE, ABSOLUTE);
    let gradients = GradientsParams::from_grads(gradients, &network);
    let mut expected = of_case("gradient");
    expected.remove("input");
    network.visit_parameters(|parameter| {
        if !parameter.is_trained {
            return;
        }
        let part = what(&format!("gradient of {}", parameter.name));
        let gradient = parameter.gradient(&gradients).expect(&part);
        let ours = parameter.array_of(gradient);
        let theirs = expected.remove(&parameter.name).expect(&part);
        assert_eq!(ours.shape, theirs.shape, "{part}");
        assert_close(&part, floats(&ours), floats(&theirs), RELATIVE, 1e-5);
    });
    assert!(expected.is_empty(), "{:?}", expected.keys());

    let network = network.with_statistics(statistics);
    let parameters = network.parameters();
    for (name, theirs) in of_case("running") {
        let part = what(&name);
        assert_close(
            &part,
            floats(&parameters[&name]),
            floats(&theirs),
            RELATIVE,
            ABSOLUTE,
        );
    }
    let (output, _) = network.forward(images, Mode::Evaluation);
    let ours: Vec<f32> = output.inner().into_data().try_into_vec().unwrap();
    let theirs = numbers("evaluation");
    assert_close(&what("evaluation"), &ours, &theirs, RELATIVE, ABSOLUTE);
}

fn arrays() -> Arrays {
    let bytes = fs::read(project().join("tests/fixtures/layers.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let arrays = tensors.iter().map(|(name, view)| {
        let values = view.data().as_chunks().0.iter();
        let values = Values::F32(values.map(|bytes| f32::from_le_bytes(*bytes)).collect());
        let shape = view.shape().to_vec();
        (name.to_owned(), Array { shape, values })
    });
    arrays.collect()
}
