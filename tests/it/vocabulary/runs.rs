//! Runs with every word of the vocabulary: each goes on exactly from each of its steps.

use std::collections::BTreeSet;
use std::fs;

use runner::config::{Kind, LANGUAGE, LAYER_KEYS, Preset, Word};
use runner::run_dir::{Checkpoint, MetricsTable};

use super::assert_all_tried;
use crate::resume::resume_from_every_step;
use crate::support::{Sandbox, project};

// Seen red with the averages of the weights, and the factor of a plateau, not taken back.
#[test]
fn every_word_resumes_exactly_from_every_step() {
    for (name, text) in configs() {
        let sandbox = sandbox(&text);
        match name.as_str() {
            "presets" => {
                for preset in Preset::WORDS {
                    let preset = format!("model.preset={preset}");
                    resume_from_every_step(&sandbox, "case.toml", &[&preset]);
                }
            }
            _ => resume_from_every_step(&sandbox, "case.toml", &[]),
        }
    }
}

#[test]
fn every_word_is_in_a_config_that_runs() {
    let mut texts: BTreeSet<String> = configs().into_iter().map(|(_, text)| text).collect();
    for entry in fs::read_dir(project().join("configs")).unwrap() {
        texts.insert(fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert_all_tried(LAYER_KEYS.iter().map(|key| key.name), 1, &texts);
    let keys = LANGUAGE.walk();
    let choices = keys
        .iter()
        .filter(|(_, key)| matches!(key.kind, Kind::Choice(_)));
    for (_, choice) in choices {
        assert_all_tried(choice.keys().iter().map(|key| key.name), 1, &texts);
    }
    let schedule = keys.iter().find(|(path, _)| path == "schedule").unwrap().1;
    assert_all_tried(schedule.keys().iter().map(|key| key.name), 1, &texts);
    let training = keys
        .iter()
        .filter(|(path, _)| path.starts_with("training."));
    let optional =
        training.filter(|(_, key)| !["max_minutes", "eval_every_epochs"].contains(&key.name));
    assert_all_tried(optional.map(|(_, key)| key.name), 1, &texts);
}

// Seen red with each batch's own mean in place of the whole step's.
#[test]
fn accumulated_gradients_are_those_of_the_large_batch() {
    let text = fs::read_to_string(folder().join("class_weights.toml")).unwrap();
    let sandbox = sandbox(&text);
    let train = |overrides: &[&str]| {
        let arguments = [&["run", "case.toml", "-q"], overrides].concat();
        let run = sandbox.runner(&arguments).success().stdout;
        let path = sandbox.path(run.trim()).join("metrics.csv");
        let metrics = MetricsTable::read(&path).unwrap();
        let row = metrics.len() - 1;
        ["step", "train_loss", "eval_loss", "train_accuracy"]
            .map(|column| metrics.get(row, column).unwrap())
    };
    // 21 images: two steps an epoch, the last of 6 images.
    let whole = train(&[
        "training.batch_size=15",
        "optimizer=sgd",
        "training.learning_rate=0.1",
    ]);
    let parts = train(&[
        "training.batch_size=5",
        "training.accumulate_grad_batches=3",
        "optimizer=sgd",
        "training.learning_rate=0.1",
    ]);
    for (whole, parts) in whole.iter().zip(parts) {
        assert!(
            (whole - parts).abs() <= 1e-5 * whole.abs(),
            "{whole} and {parts}"
        );
    }
}

// Seen red with the statistics of a step's first batch alone.
#[test]
fn batch_norms_see_each_of_the_batches_of_a_step() {
    let text = fs::read_to_string(folder().join("class_weights.toml")).unwrap();
    let sandbox = sandbox(&text);
    // The norm is of the images themselves, which no step changes.
    let layers = "model.layers=[{max_pool2d={kernel_size=4}},'batch_norm2d','flatten',\
                  {linear={out_features=10}}]";
    let running = |accumulate: &str| {
        let arguments = [
            "run",
            "case.toml",
            "-q",
            "training.epochs=1",
            layers,
            accumulate,
        ];
        let run = sandbox.runner(&arguments).success().stdout;
        let checkpoints = sandbox.path(run.trim()).join("checkpoints");
        let newest = fs::read_dir(checkpoints)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|it| it == "safetensors"))
            .max()
            .unwrap();
        let (checkpoint, _) = Checkpoint::read(&newest).unwrap();
        ["mean", "var"].map(|of| checkpoint.arrays[&format!("model.layers.1.running_{of}")].clone())
    };
    let one_by_one = running("training.accumulate_grad_batches=1");
    assert_eq!(running("training.accumulate_grad_batches=3"), one_by_one);
}

/// The rate of the epochs follows from the results before them.
#[test]
fn a_plateau_lowers_the_rate_of_a_run() {
    let text = fs::read_to_string(folder().join("plateau.toml")).unwrap();
    let sandbox = sandbox(&text);
    let run = sandbox.runner(&["run", "case.toml", "-q"]).success().stdout;
    let metrics = MetricsTable::read(&sandbox.path(run.trim()).join("metrics.csv")).unwrap();
    let rates: Vec<f64> = (0..metrics.len())
        .map(|row| metrics.get(row, "learning_rate").unwrap())
        .collect();
    // No coefficient gets better by half of itself every epoch; a cooldown follows each change.
    assert_eq!(rates[0], 0.05);
    assert!(rates.last().unwrap() < &0.05, "{rates:?}");
}

/// Evaluation is of the averages, and the checkpoint has both.
#[test]
fn evaluation_takes_the_average_of_the_weights() {
    let text = fs::read_to_string(folder().join("norms.toml")).unwrap();
    let sandbox = sandbox(&text);
    let losses = [&["training.ema_decay=0.9"][..], &["training.ema_decay=0.0"]].map(|overrides| {
        let arguments = [&["run", "case.toml", "-q"], overrides].concat();
        let run = sandbox.runner(&arguments).success().stdout;
        let metrics = MetricsTable::read(&sandbox.path(run.trim()).join("metrics.csv")).unwrap();
        ["train_loss", "eval_loss"].map(|column| metrics.get(1, column).unwrap())
    });
    assert_eq!(losses[0][0], losses[1][0]);
    assert_ne!(losses[0][1], losses[1][1]);
    // An average that forgets at once is the network itself.
    let plain = text.replace("ema_decay = 0.9\n", "");
    sandbox.write("case.toml", plain);
    let run = sandbox.runner(&["run", "case.toml", "-q"]).success().stdout;
    let metrics = MetricsTable::read(&sandbox.path(run.trim()).join("metrics.csv")).unwrap();
    assert_eq!(metrics.get(1, "eval_loss").unwrap(), losses[1][1]);
}

/// 21 training and 10 evaluation images.
fn sandbox(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cut_data("data", 21, 10);
    sandbox.write("case.toml", config);
    sandbox
}

fn folder() -> std::path::PathBuf {
    project().join("tests/configs/vocabulary")
}

fn configs() -> Vec<(String, String)> {
    let configs = fs::read_dir(folder()).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    configs.collect()
}
