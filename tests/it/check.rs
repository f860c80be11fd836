//! `runner check`: what is said of a run before it is made, and that nothing of it is made.

use std::fs;

use runner::config::{Cost, Document, Shape, Traced};

use crate::support::{Sandbox, project};

#[test]
fn layers_cost_what_pytorch_says() {
    #[derive(serde::Deserialize)]
    struct Network {
        model: String,
        layers: Vec<Layer>,
    }
    #[derive(serde::Deserialize)]
    struct Layer {
        output: Vec<usize>,
        parameters: u64,
        flops: u64,
    }
    let path = project().join("tests/fixtures/costs.json");
    let networks: Vec<Network> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for network in networks {
        let text = format!(
            "seed = 1\ndata.path = \"data\"\n[training]\nepochs = 1\nbatch_size = 1\n\
             learning_rate = 0.1\n[model]\n{}",
            network.model
        );
        let document = Document::parse("costs.toml", text, "costs");
        let experiment = document.experiment().unwrap();
        let traced = experiment.trace();
        let shapes: Vec<Shape> = traced.iter().map(|layer| layer.output).collect();
        let costs: Vec<Cost> = traced.iter().map(Traced::cost).collect();
        assert_eq!(costs.len(), network.layers.len());
        for (index, expected) in network.layers.iter().enumerate() {
            let shape = match shapes[index] {
                Shape::Image {
                    channels,
                    height,
                    width,
                } => vec![channels, height, width],
                Shape::Flat { features } => vec![features],
            };
            assert_eq!(shape, expected.output, "layer {index}");
            assert_eq!(
                costs[index].parameters, expected.parameters,
                "layer {index}"
            );
            assert_eq!(costs[index].flops, expected.flops, "layer {index}");
            let elements: usize = shape.iter().product();
            assert_eq!(
                costs[index].output_bytes,
                4 * elements as u64,
                "layer {index}"
            );
        }
    }
}

#[test]
fn a_check_says_what_a_run_would_be_and_makes_nothing() {
    let sandbox = Sandbox::new();
    let mut outcome = sandbox.runner(&["check", "tiny.toml"]).success();
    // One space between columns.
    let lines = outcome.stdout.lines();
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    outcome.stdout = lines.collect::<Vec<_>>().join("\n");
    let labels = fs::read(sandbox.path("data/train-labels-idx1-ubyte")).unwrap();
    let sevens = labels[8..].iter().filter(|label| **label == 7).count();
    let eval = fs::read(sandbox.path("data/t10k-labels-idx1-ubyte")).unwrap();
    let eval_sevens = eval[8..].iter().filter(|label| **label == 7).count();
    outcome.stdout_has(&[
        "experiment tiny, input 1x28x28",
        "1 conv2d 3x6x6 30 1,944 2.95 KiB",
        "total 1,120 4,104",
        "data: 60 training and 30 evaluation images of 1x28x28 in 10 classes",
        &format!("\n7 {sevens} {eval_sevens}\n"),
        "learning rate 0.01 for all 27 steps (9 per epoch)",
        "3 epochs of 0.0",
        "2 newest and 1 best checkpoints of",
        // Of the data: some classes have no images.
        "tiny.toml can run, but see the warnings",
    ]);
    assert!(!sandbox.path("experiments").exists());
    sandbox.cut_data("data", 600, 300);
    let outcome = sandbox.runner(&["check", "tiny.toml"]).success();
    outcome.stdout_has(&["tiny.toml is good"]);
}

#[test]
fn a_fast_dev_run_trains_two_batches_and_is_thrown_away() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let mut command = sandbox.command(&["check", "tiny.toml", "--fast-dev-run"]);
    let output = command.env("TMPDIR", &temporary).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert!(
        stdout.contains("trained and evaluated two batches"),
        "{stdout}"
    );
    assert!(!sandbox.path("experiments").exists());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

#[test]
fn what_is_wrong_is_told_before_anything_else() {
    let sandbox = Sandbox::new();
    let outcome = sandbox
        .runner(&["check", "tiny.toml", "data.path=nowhere"])
        .code(4);
    assert_eq!(outcome.stdout, "");
    outcome.stderr_has(&["nowhere"]);
    let outcome = sandbox.runner(&["check", "tiny.toml", "training.learning_rate=1e30"]);
    outcome.code(6).stderr_has(&["diverged"]);
    sandbox.runner(&["check", "tiny.toml", "seed=x"]).code(2);
    let outcome = sandbox.runner(&["check", "tiny.toml", "--out", "tiny.toml/runs"]);
    outcome.code(74).stderr_has(&["tiny.toml"]);
    let outcome = sandbox.runner(&["check", "tiny.toml", "checkpoint.keep_last=999999999"]);
    outcome.code(74).stderr_has(&["experiments"]);
    assert!(!sandbox.path("experiments").exists());
}

/// Red with the rate at the first step of each column alone, which misses the top of the cycle.
#[test]
fn no_rate_is_above_the_highest_that_is_told() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.runner(&[
        "check",
        "tiny.toml",
        "training.epochs=100",
        "schedule.one_cycle.pct_start=0.5",
    ]);
    outcome.success().stdout_has(&["at most 0.01:"]);
}

/// Red where a rate that does not change is drawn as a curve.
#[test]
fn a_rate_that_only_a_plateau_changes_is_told_in_a_line() {
    let sandbox = Sandbox::new();
    let rule = "schedule.reduce_on_plateau.patience=1";
    let outcome = sandbox.runner(&["check", "tiny.toml", rule]).success();
    outcome.stdout_has(&[
        "learning rate  0.01 for all 27 steps (9 per epoch), lower once eval_loss stops improving\n",
    ]);
}

/// Red without either of the two.
#[test]
fn a_top_k_that_says_nothing_is_told() {
    let sandbox = Sandbox::new();
    let stated = sandbox
        .runner(&["check", "tiny.toml", "metrics.top_k=10"])
        .success();
    stated.stderr_has(&["warning", "top_k", "choose a `top_k` below 10"]);
    let three = [
        "check",
        "tiny.toml",
        "data.path={unset=true}",
        "data.synthetic={train_images=30,eval_images=30}",
        "model.layers[5].linear.out_features=3",
    ];
    let default = sandbox.runner(&three).success();
    default.stdout_has(&[
        "note: eval_top_k_accuracy will always be 1: metrics.top_k is 5, and there are only 3 classes",
        "tiny.toml can run; see what is noted above",
    ]);
}

#[test]
fn classes_without_images_are_named() {
    let sandbox = Sandbox::new();
    let layers = "model.layers[5].linear.out_features=12";
    let outcome = sandbox.runner(&["check", "tiny.toml", layers]).success();
    outcome.stdout_has(&[
        "warning: no training images of 10, 11",
        "warning: no evaluation images of 8, 10, 11",
    ]);
    // Of many classes, the ends.
    let layers = "model.layers[5].linear.out_features=40";
    let outcome = sandbox.runner(&["check", "tiny.toml", layers]).success();
    outcome.stdout_has(&["the 10 classes with the fewest training images"]);
}

#[test]
fn what_is_hardly_meant_is_warned_of_and_done() {
    let sandbox = Sandbox::new();
    let overrides = ["data.scale=255", "early_stop.patience=3"];
    let outcome = sandbox
        .runner(&[&["config", "show", "tiny.toml"][..], &overrides].concat())
        .success();
    assert!(outcome.stdout.contains("scale = 255.0"));
    outcome.stderr_has(&[
        "warning: `scale` turns a pixel of 255 into 65025",
        "warning: `early_stop` cannot end this run early: its patience is 3",
        "epochs = 3",
        "2 warnings",
    ]);
    let outcome = sandbox.runner(&["check", "tiny.toml", "early_stop.patience=3"]);
    outcome
        .success()
        .stdout_has(&["tiny.toml can run, but see the warnings"]);
    let fine = ["data.scale=0.5", "early_stop.patience=1"];
    let outcome = sandbox
        .runner(&[&["config", "show", "tiny.toml"][..], &fine].concat())
        .success();
    assert_eq!(outcome.stderr, "");
}

/// Red where only a list of layers is looked at, not the lists inside of it.
#[test]
fn batch_norm_with_batches_of_one_image_is_warned_of() {
    let sandbox = Sandbox::new();
    let warned = |layer: &str, batch_size: &str| {
        let layers = format!("model.layers=[{layer},'flatten',{{linear={{out_features=10}}}}]");
        let batch_size = format!("training.batch_size={batch_size}");
        let arguments = ["config", "show", "tiny.toml", &layers, &batch_size];
        let outcome = sandbox.runner(&arguments).success();
        outcome
            .stderr
            .contains("batch norm with batches of one image")
    };
    assert!(warned("'batch_norm2d'", "1"));
    assert!(warned("{residual={layers=['batch_norm2d']}}", "1"));
    assert!(!warned("'batch_norm2d'", "2"));
    assert!(!warned("'relu'", "1"));
}

/// Red without either of the two ways to tell colours.
#[test]
fn colours_that_become_grey_are_told() {
    let sandbox = Sandbox::new();
    let note = "in colour and become grey";
    let grey = sandbox.runner(&["check", "tiny.toml"]).success();
    assert!(!grey.stdout.contains("note:"), "{}", grey.stdout);
    let arguments = ["check", "tiny.toml", "model.input=[3,28,28]"];
    let outcome = sandbox.runner(&arguments).success();
    outcome.stdout_has(&["note: the images are grey, but model.input has 3 channels"]);
    for class in ["0", "1"] {
        for index in 0..8u8 {
            let mut image = b"P6 28 28 255\n".to_vec();
            image.extend((0..3 * 28 * 28).map(|place| (place as u8).wrapping_mul(index)));
            sandbox.write(&format!("colours/train/{class}/{index}.ppm"), &image);
            sandbox.write(&format!("colours/test/{class}/{index}.ppm"), &image);
        }
    }
    let two = "model.layers[5].linear.out_features=2";
    let outcome = sandbox
        .runner(&["check", "tiny.toml", "data.path=colours", two])
        .success();
    outcome.stdout_has(&[note]);
    for name in ["train.bin", "test.bin"] {
        // CIFAR-100: a coarse and a fine label, then red, green and blue.
        let records = (0..8u8).flat_map(|index| {
            let pixels = (0..3072).map(move |place| (place as u8).wrapping_mul(index));
            [0, index % 2].into_iter().chain(pixels)
        });
        sandbox.write(&format!("cifar/{name}"), records.collect::<Vec<u8>>());
    }
    let outcome = sandbox.runner(&[
        "check",
        "tiny.toml",
        "data.path=cifar",
        "data.resize=28",
        "model.layers[5].linear.out_features=100",
    ]);
    outcome.success().stdout_has(&[note]);
}
