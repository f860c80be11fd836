//! Each loss and its gradient.

use std::collections::BTreeSet;

use runner::config::{ClassWeights, LANGUAGE, Loss};
use runner::kernels::{self, loss::Targets};
use serde::Deserialize;

use super::{assert_all_tried, assert_close, autodiff, cases, experiment, tensor};

#[derive(Deserialize)]
struct Case {
    loss: String,
    logits: Vec<Vec<f64>>,
    targets: Vec<u32>,
    #[serde(default)]
    counts: Vec<usize>,
    value: f64,
    gradient: Vec<Vec<f64>>,
}

#[test]
fn every_loss_is_pytorchs() {
    let mut texts = BTreeSet::new();
    for case in cases::<Case>("losses.json") {
        let classes = case.logits[0].len();
        let layers = format!("[\"flatten\", {{ linear = {{ out_features = {classes} }} }}]");
        let experiment = experiment([1, 1, 1], &layers, &format!("loss = {}", case.loss));
        let class_weights = experiment.loss.class_weights();
        let class_weights: Option<Vec<f32>> = class_weights.map(|weights| match weights {
            ClassWeights::Stated(weights) => weights.iter().map(|it| *it as f32).collect(),
            ClassWeights::Balanced => kernels::loss::balanced_weights(&case.counts),
        });
        let (label_smoothing, gamma) = match &experiment.loss {
            Loss::CrossEntropy(loss) => (loss.label_smoothing, 0.0),
            Loss::Focal(loss) => (0.0, loss.gamma),
        };
        let loss = kernels::loss::Loss {
            label_smoothing,
            gamma,
            class_weights: class_weights.map(Into::into),
        };
        let single = |rows: &[Vec<f64>]| -> Vec<f32> {
            rows.iter().flatten().map(|it| *it as f32).collect()
        };
        let device = autodiff();
        let shape = [case.targets.len(), classes];
        let logits = tensor(single(&case.logits), shape, &device).require_grad();
        let targets = Targets::from(case.targets.as_slice());
        let total = loss.total_weight(&targets);
        let value = kernels::loss(logits.clone(), targets, &loss, total);
        let what = format!("the loss {}", case.loss);
        let ours = value.clone().into_scalar::<f32>();
        assert_close(&what, &[ours], &[case.value as f32], 2e-6, 1e-30);
        let mut gradients = value.backward();
        let ours = logits.grad_remove(&mut gradients).unwrap();
        let ours: Vec<f32> = ours.into_data().try_into_vec().unwrap();
        let what = format!("the gradient of {}", case.loss);
        assert_close(&what, &ours, &single(&case.gradient), 2e-6, 1e-30);
        texts.insert(format!("{} {}", texts.len(), case.loss));
    }
    let keys = LANGUAGE.walk();
    let words = keys.iter().filter(|(path, _)| path.starts_with("loss."));
    assert_all_tried(words.map(|(_, key)| key.name), 3, &texts);
}

/// Against PyTorch's own losses of each class: a mixed sample's is their sum, each with its share. Red if
/// shares are swapped.
#[test]
fn the_loss_of_mixed_samples_is_that_of_each_class_with_its_share() {
    let losses = [
        kernels::loss::Loss::CROSS_ENTROPY,
        kernels::loss::Loss {
            label_smoothing: 0.1,
            gamma: 0.0,
            class_weights: Some([0.5, 1.0, 2.0, 4.0].into()),
        },
        kernels::loss::Loss {
            label_smoothing: 0.0,
            gamma: 2.0,
            class_weights: Some([0.5, 1.0, 2.0, 4.0].into()),
        },
    ];
    let logits = [0.3f32, -1.2, 2.0, 0.1];
    let (first, second, share) = (2, 3, 0.3f32);
    for loss in losses {
        let run = |targets: &Targets| kernels::loss::forward(&loss, &logits, targets, 1.0);
        let mixed = Targets {
            labels: [first].into(),
            mixed: [(second, share)].into(),
        };
        let (value, gradient) = run(&mixed);
        let (one, other) = (run(&Targets::from([first])), run(&Targets::from([second])));
        let sum = |one: f32, other: f32| (1.0 - share) * one + share * other;
        assert!((value - sum(one.0, other.0)).abs() < 1e-6, "{value}");
        for (class, slope) in gradient.iter().enumerate() {
            let expected = sum(one.1[class], other.1[class]);
            assert!((slope - expected).abs() < 1e-6, "{slope} {expected}");
        }
        let weight = |class: u32| loss.weight(class as usize);
        let total = f64::from(1.0 - share) * weight(first) + f64::from(share) * weight(second);
        assert!((loss.total_weight(&mixed) - total).abs() < 1e-7);
    }
}
