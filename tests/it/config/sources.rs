//! Files that extend files, the environment and the command line laid over each other.

use runner::config::{Document, Experiment};

use crate::support::{Sandbox, TINY};

/// Extends `base.toml`, which is the sandbox's own experiment.
const CHILD: &str = r#"
extends = "configs/base.toml"
[training]
epochs = 2
[early_stop]
patience = 1
monitor = "train_loss"
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("configs/base.toml", TINY);
    sandbox.write("child.toml", CHILD);
    sandbox
}

fn read(sandbox: &Sandbox, file: &str) -> Experiment {
    let document = Document::read(&sandbox.path(file)).unwrap();
    document
        .experiment()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn value(experiment: &Experiment, path: &str) -> Option<String> {
    let pairs = experiment.flatten();
    pairs
        .into_iter()
        .find(|(key, _)| key == path)
        .map(|(_, value)| value)
}

#[test]
fn a_file_that_extends_another_has_its_values_but_those_it_sets() {
    let sandbox = sandbox();
    let (base, child) = (
        read(&sandbox, "configs/base.toml"),
        read(&sandbox, "child.toml"),
    );
    assert_eq!(child.training.epochs, 2);
    assert_eq!(child.training.batch_size, base.training.batch_size);
    assert_eq!(child.model, base.model);
    assert_eq!(child.early_stop.unwrap().monitor, "train_loss");
    // A name says which experiment it is.
    assert_eq!((base.name.as_str(), child.name.as_str()), ("tiny", "child"));
}

#[test]
fn of_a_list_the_later_file_counts_and_arrays_replace() {
    let sandbox = sandbox();
    sandbox.write("a.toml", "seed = 7\n[training]\nepochs = 9\nbatch_size = 8");
    sandbox.write(
        "b.toml",
        "[training]\nepochs = 4\n[model]\nlayers = [\"flatten\", { linear = { out_features = 10 } }]",
    );
    sandbox.write(
        "list.toml",
        "extends = [\"configs/base.toml\", \"a.toml\", \"b.toml\"]\nname = \"own\"",
    );
    let experiment = read(&sandbox, "list.toml");
    assert_eq!(experiment.seed, 7);
    assert_eq!(experiment.training.epochs, 4);
    assert_eq!(experiment.training.batch_size, 8);
    assert_eq!(experiment.model.layers.len(), 2);
    assert_eq!(experiment.name, "own");
}

#[test]
fn what_is_unset_is_as_if_it_had_never_been_set() {
    let sandbox = sandbox();
    sandbox.write(
        "grandchild.toml",
        "extends = \"child.toml\"\nearly_stop = { unset = true }\n\
         [data]\nscale = { unset = true }\npath = { unset = true }\ntrain = \"data\"\neval = \"data\"",
    );
    let experiment = read(&sandbox, "grandchild.toml");
    assert_eq!(experiment.early_stop, None);
    assert_eq!(experiment.data.scale, 1.0);
    assert_eq!(experiment.data.path, None);
    assert_eq!(experiment.data.train.as_deref(), Some("data"));
    assert_eq!(experiment.training.epochs, 2, "of the file between");

    // On the command line too, and a layer of the list.
    let mut document = Document::read(&sandbox.path("child.toml")).unwrap();
    let layers = document.experiment().unwrap().model.layers.len();
    document.set_all(&[
        "early_stop={ unset = true }".to_owned(),
        "model.layers[4]={unset=true}".to_owned(),
    ]);
    let experiment = document.experiment().unwrap();
    assert_eq!(experiment.early_stop, None);
    assert_eq!(experiment.model.layers.len(), layers - 1);
    assert!(
        experiment
            .model
            .layers
            .iter()
            .all(|layer| layer.name() != "dropout")
    );
}

#[test]
fn what_is_not_there_cannot_be_unset() {
    let sandbox = sandbox();
    for (text, told) in [
        ("early_stop={unset=true}", "`early_stop` is not set"),
        ("training.epoch={unset=true}", "did you mean `epochs`?"),
        (
            "model.layers[9]={unset=true}",
            "`model.layers` has no element 9",
        ),
        ("data={train={unset=true}}", "`data.train` must be a string"),
    ] {
        let outcome = sandbox
            .runner(&["config", "show", "configs/base.toml", text])
            .code(2);
        outcome.stderr_has(&[told, "command line:1:"]);
    }
}

#[test]
fn the_command_line_goes_over_the_environment_and_that_over_the_file() {
    let sandbox = sandbox();
    let show = |arguments: &[&str]| {
        let arguments = [&["config", "show", "child.toml"], arguments].concat();
        let output = sandbox
            .command(&arguments)
            .env("RUNNER__TRAINING__EPOCHS", "11")
            .env("runner__seed", "5")
            .env("RUNNER__model__layers__4__dropout__p", "0.75")
            .env("RUNNER__MODEL__LAYERS__1__CONV2D__STRIDE", "[2, 1]")
            .env("RUNNER_THREADS", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let experiment = |text: String| {
        let document = Document::parse("shown.toml", text, "any");
        document.experiment().unwrap()
    };
    let from_environment = experiment(show(&[]));
    assert_eq!(from_environment.training.epochs, 11);
    assert_eq!(from_environment.seed, 1, "the prefix is in capitals");
    let p = value(&from_environment, "model.layers[4].dropout.p");
    assert_eq!(p.as_deref(), Some("0.75"));
    let stride = value(&from_environment, "model.layers[1].conv2d.stride");
    assert_eq!(stride.as_deref(), Some("[2, 1]"));

    let overridden = experiment(show(&["--set", "training.epochs=13", "training.epochs=12"]));
    assert_eq!(
        overridden.training.epochs, 13,
        "--set comes after the others"
    );
    let overridden = experiment(show(&["training.epochs=12"]));
    assert_eq!(overridden.training.epochs, 12);
}

#[test]
fn a_bad_variable_is_pointed_at() {
    let sandbox = sandbox();
    for (name, value, told) in [
        (
            "RUNNER__TRAINING__EPOCH",
            "3",
            "unknown key `training.epoch`",
        ),
        ("RUNNER__TRAINING____EPOCHS", "3", "does not name a key"),
        ("RUNNER__", "3", "`RUNNER__` does not name a key"),
        (
            "RUNNER__TRAINING__EPOCHS",
            "",
            "there is no value after `=`",
        ),
        (
            "RUNNER__EXTENDS",
            "x.toml",
            "`extends` can only be set in a file",
        ),
        ("RUNNER__0", "x", "the experiment has no element 0"),
    ] {
        let mut command = sandbox.command(&["run", "tiny.toml"]);
        let output = command.env(name, value).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
        assert!(stderr.contains("--> environment:1:"), "{stderr}");
        assert!(stderr.contains(&format!("1 | {name}={value}")), "{stderr}");
    }
}

#[test]
fn data_are_named_as_a_whole_or_apart() {
    let sandbox = sandbox();
    let named = |overrides: &[&str]| {
        let arguments = [&["config", "show", "tiny.toml"], overrides].concat();
        let text = sandbox.runner(&arguments).success().stdout;
        let data = Document::parse("shown.toml", text, "any")
            .experiment()
            .unwrap()
            .data;
        [data.path, data.train, data.eval].map(Option::unwrap_or_default)
    };
    assert_eq!(named(&[]), ["data", "", ""]);
    assert_eq!(named(&["data.eval=b"]), ["data", "", "b"]);
    assert_eq!(named(&["data.train=a", "data.eval=b"]), ["data", "a", "b"]);
    let only = [
        "config",
        "show",
        "tiny.toml",
        "data.path={unset=true}",
        "data.eval=b",
    ];
    let outcome = sandbox.runner(&only).code(2);
    outcome.stderr_has(&["`data.eval` names one split", "add train"]);
}

#[test]
fn a_variable_that_sets_nothing_is_warned_of() {
    let sandbox = sandbox();
    for (name, right) in [
        ("RUNNER_TRAINING__EPOCHS", "RUNNER__TRAINING__EPOCHS"),
        ("RUNNER_TRAINING_EPOCHS", "RUNNER__TRAINING__EPOCHS"),
        ("RUNNER_SEED", "RUNNER__SEED"),
    ] {
        let mut command = sandbox.command(&["config", "show", "tiny.toml"]);
        let output = command.env(name, "3").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        assert!(
            stderr.contains("warning: this variable has no effect"),
            "{stderr}"
        );
        assert!(
            stderr.contains(&format!("help: write {right}\n")),
            "{stderr}"
        );
    }
}

#[test]
fn files_without_end_and_chains_without_end_are_refused() {
    let sandbox = sandbox();
    let outcome = sandbox.runner(&["config", "show", "/dev/zero"]).code(2);
    outcome.stderr_has(&["cannot read the config /dev/zero", "at most one megabyte"]);
    for link in 0..100 {
        let text = format!("extends = [\"{0}.toml\", \"{0}.toml\"]", link + 1);
        sandbox.write(&format!("{link}.toml"), text);
    }
    let outcome = sandbox.runner(&["config", "show", "0.toml"]).code(2);
    assert_eq!(
        outcome
            .stderr
            .matches("builds on more than 64 files")
            .count(),
        1
    );
}

/// Of every source, and nothing that is only missing because a file could not be read.
#[test]
fn mistakes_of_all_sources_are_told_together() {
    let sandbox = sandbox();
    sandbox.write("broken.toml", "seed = = 1\n");
    sandbox.write(
        "many.toml",
        "extends = [\"gone.toml\", \"broken.toml\"]\nbogus = 1\n[training]\nepochs = 0\nscale = { unset = true }\n",
    );
    let mut command = sandbox.command(&["config", "show", "many.toml", "seed=-1", "foo"]);
    let output = command.env("RUNNER__DEVICE", "gpu").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    for part in [
        "cannot read gone.toml",
        "not valid TOML",
        "unknown key `bogus`",
        "`training.epochs` must be",
        "`training.scale` is not set",
        "unknown device \"gpu\"",
        "`seed` must be",
        "`foo` is not an override",
        "\n8 errors\n",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert!(!told.contains("missing key"), "{told}");
}

#[test]
fn a_run_keeps_all_that_its_values_came_from_and_needs_none_of_it_to_go_on() {
    let sandbox = sandbox();
    let mut command = sandbox.command(&["run", "child.toml", "-q", "checkpoint.keep_best=0"]);
    let output = command.env("RUNNER__SEED", "3").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let run = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let identity: serde_json::Value =
        serde_json::from_str(&sandbox.read(&format!("{run}/run.json"))).unwrap();
    let sources = identity["config_sources"].as_array().unwrap();
    let texts: Vec<_> = sources
        .iter()
        .map(|source| [&source["kind"], &source["text"]].map(|it| it.as_str().unwrap()))
        .collect();
    assert_eq!(
        texts,
        [
            ["file", CHILD],
            ["file", TINY],
            ["environment", "RUNNER__SEED=3"],
            ["command_line", "checkpoint.keep_best=0"],
        ]
    );

    // The files are gone, and the environment is another one.
    std::fs::remove_file(sandbox.path("configs/base.toml")).unwrap();
    std::fs::remove_file(sandbox.path("child.toml")).unwrap();
    let mut command = sandbox.command(&["resume", &run, "-q", "--set", "training.epochs=4"]);
    let output = command.env("RUNNER__SEED", "9").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let resolved = read(&sandbox, &format!("{run}/resolved.toml"));
    assert_eq!(resolved.seed, 3);
}

/// Overrides count layers as they are written out, as all that the program says of them does.
#[test]
fn single_layers_of_presets_and_repeats_can_be_set() {
    let text = |model: &str| {
        format!(
            "seed = 1\ndata.path = \"data\"\n[training]\nepochs = 1\nbatch_size = 7\n\
             learning_rate = 0.1\n[model]\ninput = [1, 28, 28]\n{model}"
        )
    };
    let value = |model: &str, overrides: &[&str], path: &str| {
        let mut document = Document::parse("case.toml", text(model), "case");
        let overrides: Vec<String> = overrides.iter().map(|it| (*it).to_owned()).collect();
        document.set_all(&overrides);
        let experiment = document.experiment().unwrap();
        let found = experiment.flatten().into_iter().find(|(it, _)| it == path);
        found.unwrap().1
    };
    let repeat = "layers = [{ repeat = { times = 2, layers = [{ conv2d = { out_channels = 4, \
                  kernel_size = 3 } }] } }, { conv2d = { out_channels = 5, kernel_size = 3 } }, \
                  \"flatten\", { linear = { out_features = 10 } }]";
    let path = "model.layers[1].conv2d.out_channels";
    let overrides = ["model.layers[1].conv2d.out_channels=7"];
    assert_eq!(value(repeat, &overrides, path), "7");
    let last = "model.layers[2].conv2d.out_channels";
    assert_eq!(value(repeat, &overrides, last), "5");
    // Before or after what the layers follow from.
    let preset = "preset = \"mlp\"\nclasses = 10";
    let overrides = ["model.layers[3].linear.bias=false", "model.width=8"];
    let path = "model.layers[3].linear.bias";
    assert_eq!(value(preset, &overrides, path), "false");
    let path = "model.layers[1].linear.out_features";
    assert_eq!(value(preset, &overrides, path), "8");
    // What is put in can be something to write out itself.
    let overrides = ["model.layers[2]={repeat={times=3,layers=['relu']}}"];
    let mut document = Document::parse("case.toml", text(preset), "case");
    document.set_all(&overrides.map(str::to_owned));
    let told = document.experiment().unwrap().to_toml();
    assert_eq!(told.matches("\"relu\"").count(), 4, "{told}");
}
