//! `config show`, `explain`, `schema` and `new`.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use runner::config::{Document, Fallback, Kind, LANGUAGE, LAYER_KEYS};

use crate::support::{Sandbox, TINY, files, project};

#[test]
fn show_prints_what_reads_back_as_the_same_experiment() {
    let sandbox = Sandbox::new();
    for arguments in [&["tiny.toml"][..], &["tiny.toml", "--origins"]] {
        let arguments = [&["config", "show"], arguments, &["seed=4"]].concat();
        let shown = sandbox.runner(&arguments).success().stdout;
        let again = Document::parse("shown.toml", shown.clone(), "any");
        let mut typed = Document::read(&sandbox.path("tiny.toml")).unwrap();
        typed.set_all(&["seed=4".to_owned()]);
        assert_eq!(
            again.experiment().unwrap(),
            typed.experiment().unwrap(),
            "{shown}"
        );
    }
}

#[test]
fn show_says_where_each_value_comes_from() {
    let sandbox = Sandbox::new();
    sandbox.write("base.toml", TINY);
    sandbox.write(
        "child.toml",
        "extends = \"base.toml\"\n[training]\nepochs = 2\n",
    );
    let mut command = sandbox.command(&["config", "show", "--origins", "child.toml", "seed=4"]);
    let output = command.env("RUNNER__DEVICE", "cpu").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    for line in [
        "name = \"child\" # the name of the file",
        "seed = 4 # command line: seed=4",
        "device = \"cpu\" # environment: RUNNER__DEVICE=cpu",
        "epochs = 2 # child.toml:3:10",
        "batch_size = 7 # base.toml:9:14",
        "max_minutes = 0.0 # default",
        "path = \"data\" # base.toml:5:8",
        "  \"relu\", # base.toml:16:3",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

#[test]
fn explain_says_all_there_is_to_say_of_a_value() {
    let sandbox = Sandbox::new();
    sandbox.write("base.toml", TINY);
    sandbox.write(
        "child.toml",
        "extends = \"base.toml\"\n[training]\nepochs = 2\n",
    );
    let explain = |key: &str, more: &[&str]| {
        let arguments = [&["config", "explain", key], more].concat();
        sandbox.runner(&arguments).success().stdout
    };
    let told = explain("training.epochs", &["child.toml", "training.epochs=9"]);
    let expected = "\
training.epochs = 9

  from        command line: training.epochs=9
  instead of  2, child.toml:3:10
  instead of  3, base.toml:8:10, extended by child.toml:1:11
  meaning     number of passes over the training data
  takes       an integer from 1 to 1048576
  unit        epochs
  default     none (required)
  on resume   can increase: the run then continues for longer
";
    assert_eq!(told, expected);

    let told = explain("model.layers[1].conv2d.stride", &["child.toml"]);
    for part in [
        "stride = [2, 2]",
        "base.toml:15:60",
        "default     1",
        "pixels",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let told = explain("model.layers[0].max_pool2d.stride", &["child.toml"]);
    assert!(
        told.contains("from        `kernel_size`, base.toml:14:34"),
        "{told}"
    );
    let told = explain("training", &["child.toml"]);
    for part in [
        "training.epochs                   2      child.toml:3:10",
        "training.max_minutes              0.0    default",
        "inside      epochs, batch_size, learning_rate, accumulate_grad_batches,",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let told = explain("early_stop", &["child.toml"]);
    assert!(told.starts_with("early_stop is not set\n"), "{told}");
    let unset = ["child.toml", "data.scale={unset=true}"];
    let told = explain("data.scale", &unset);
    assert!(
        told.contains("data.scale = 1.0\n\n  from        default"),
        "{told}"
    );
    // Without an experiment: what is true of the key in all.
    let told = explain("optimizer.adam.betas", &[]);
    assert!(
        told.contains("array of two numbers") && told.contains("[0.9, 0.999]"),
        "{told}"
    );
}

/// Red if a step of augmentation is looked for as a key of the list.
#[test]
fn layers_and_steps_of_augmentation_are_explained_alike() {
    let sandbox = Sandbox::new();
    let steps = "data.augment=[\"random_horizontal_flip\",{random_crop={padding=3}},{random_crop={padding=4}}]";
    let layers = "model.layers=[{conv2d={out_channels=2,kernel_size=3}},\"relu\",{residual={layers=[\
        {conv2d={out_channels=2,kernel_size=3,padding=1}},\"relu\"]}},\"flatten\",{linear={out_features=10}}]";
    let explain = |key: &str, more: &[&str]| {
        let arguments = [&["config", "explain", key], more].concat();
        sandbox.runner(&arguments).success().stdout
    };
    let typed = ["tiny.toml", steps, layers];
    for (list, name, option, count) in [
        ("data.augment", "random_crop", "padding", 2),
        ("data.augment", "random_horizontal_flip", "p", 1),
        ("model.layers", "conv2d", "padding", 2),
        ("model.layers", "linear", "out_features", 1),
    ] {
        for path in [name.to_owned(), format!("{name}.{option}")] {
            let whole = format!("{list}.{path}");
            assert_eq!(
                explain(&path, &[]).replacen(&path, &whole, 1),
                explain(&whole, &[])
            );
            let told = explain(&whole, &typed);
            assert_eq!(told, explain(&path, &typed));
            let rows = told.lines().filter(|line| line.starts_with(list));
            let rows = rows.filter(|line| line.contains(&format!("{name}.{option}")));
            assert_eq!(rows.count(), count, "{told}");
        }
    }
    let told = explain("model.layers.relu", &typed);
    assert!(told.contains("model.layers[1]"), "{told}");
    let told = explain("data.augment.gaussian_noise", &typed);
    assert!(
        told.starts_with("data.augment.gaussian_noise is not set\n"),
        "{told}"
    );
}

#[test]
fn without_a_key_all_keys_are_listed() {
    let sandbox = Sandbox::new();
    let told = sandbox.runner(&["config", "explain"]).success().stdout;
    for (path, key) in LANGUAGE.walk() {
        let name = match key.keys() {
            [] => format!("  {}", key.name),
            _ => path.clone(),
        };
        let is_line = |line: &str| line.starts_with(&name) && line.ends_with(key.meaning);
        assert!(told.lines().any(is_line), "{path}\n{told}");
    }
    for layer in LAYER_KEYS {
        let name = match layer.keys() {
            [] => format!("\n  {} ", layer.name),
            _ => format!("\nmodel.layers.{} ", layer.name),
        };
        assert!(told.contains(&name), "{name}");
    }
    // What heads a group can be explained.
    for line in told
        .lines()
        .skip(3)
        .filter(|line| line.starts_with(|c: char| c.is_lowercase()))
    {
        let path = line.split_whitespace().next().unwrap();
        runner::config::find_key(path).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn every_key_can_be_explained() {
    let sandbox = Sandbox::new();
    let document = Document::read(&sandbox.path("tiny.toml")).unwrap();
    let experiment = document.experiment().unwrap();
    let mut paths: Vec<String> = LANGUAGE.walk().into_iter().map(|(path, _)| path).collect();
    paths.extend(experiment.flatten().into_iter().map(|(path, _)| path));
    for path in paths {
        let told = document.explain(&path, &experiment).unwrap();
        assert!(!told.key.meaning.is_empty(), "{path}");
    }
}

/// Red where only whole paths are looked up.
#[test]
fn a_unique_name_stands_for_its_key_and_a_word_names_the_keys_that_take_it() {
    let sandbox = Sandbox::new();
    for (name, path) in [("adamw", "optimizer.adamw"), ("cosine", "schedule.cosine")] {
        let alone = sandbox.runner(&["config", "explain", name]).success();
        assert!(
            alone.stdout.starts_with(&format!("{path}\n")),
            "{}",
            alone.stdout
        );
        let set = sandbox
            .runner(&["config", "explain", name, "tiny.toml"])
            .success();
        set.stdout_has(&[&format!("{path} is not set")]);
    }
    let outcome = sandbox.runner(&["config", "explain", "shuffle"]).code(2);
    outcome.stderr_has(&["it is a value of `data.sampler`"]);
    let outcome = sandbox
        .runner(&["config", "explain", "learning_rat"])
        .code(2);
    outcome.stderr_has(&["did you mean `training.learning_rate`?"]);
    let outcome = sandbox
        .runner(&["config", "explain", "weight_decay"])
        .code(2);
    outcome.stderr_has(&["`optimizer.sgd.weight_decay` or `optimizer.adam.weight_decay`"]);
}

/// A default inside something that was replaced, an element that was overridden, what is only in the
/// document, and what was taken away.
#[test]
fn explain_is_not_led_astray() {
    let sandbox = Sandbox::new();
    sandbox.write("base.toml", TINY);
    sandbox.write(
        "child.toml",
        "extends = \"base.toml\"\n[model]\nlayers = [\"flatten\", { dropout = {} }, { linear = { out_features = 10 } }]\n\
         [data]\nscale = { unset = true }\n",
    );
    let explain = |key: &str, more: &[&str]| {
        let arguments = [&["config", "explain", key, "child.toml"], more].concat();
        sandbox.runner(&arguments).success().stdout
    };
    for (key, overrides, told) in [
        // The base has a dropout with a `p` of its own at 4, and a conv2d at 1.
        (
            "model.layers[1].dropout.p",
            &[][..],
            "p = 0.5\n\n  from        default\n  meaning",
        ),
        (
            "training.max_minutes",
            &[
                "training.max_minutes=3",
                "training={epochs=1,batch_size=2,learning_rate=3}",
            ],
            "= 0.0\n\n  from        default\n  meaning",
        ),
        (
            "model.input",
            &["model.input[1]=30"],
            "from        base.toml:12:9 and command line: model.input[1]=30, extended by",
        ),
        (
            "data.path",
            &[],
            "data.path = \"data\"\n\n  from        base.toml:5:8",
        ),
        ("model.input[2]", &[], "model.input[2] = 28\n"),
        (
            "extends",
            &[],
            "extends = \"base.toml\"\n\n  from        child.toml:1:11",
        ),
        (
            "data.scale",
            &[],
            "removed     0.00392156862745098, by child.toml:5:9",
        ),
        ("model.layers[1]", &[], "sets random elements to zero"),
        ("conv2d.stride", &[], "step of the window"),
    ] {
        let told_of = explain(key, overrides);
        assert!(told_of.contains(told), "{key}: {told}\n{told_of}");
    }
    let all = explain("model", &[]);
    let order = [
        "model.input",
        "model.layers[0]",
        "layers[1].dropout.p",
        "linear.out_features",
        "linear.bias",
    ];
    assert!(order.map(|key| all.find(key).unwrap()).is_sorted(), "{all}");
    // What a file between took away.
    sandbox.write("grandchild.toml", "extends = \"child.toml\"\n");
    let told = sandbox.runner(&["config", "explain", "data.scale", "grandchild.toml"]);
    told.success()
        .stdout_has(&["removed     0.00392156862745098, by child.toml:5:9"]);
    let told = explain("model.layers[0].flatten", &[]);
    assert!(
        told.starts_with("model.layers[0] = \"flatten\"\n"),
        "{told}"
    );
    let told = explain("linear", &[]);
    assert!(
        told.contains("model.layers[2].linear.out_features"),
        "{told}"
    );
    let missing = sandbox
        .runner(&["config", "explain", "model.layers[9]", "child.toml"])
        .code(2);
    missing.stderr_has(&["`model.layers` has 3 layers, numbered from 0"]);
    let swapped = sandbox
        .runner(&["config", "explain", "child.toml", "seed"])
        .code(2);
    swapped.stderr_has(&[
        "the key comes first",
        "runner config explain seed child.toml",
    ]);
    let alone = sandbox.runner(&["config", "explain", "child.toml"]).code(2);
    alone.stderr_has(&[
        "child.toml is a file; name a key before it",
        "runner config explain training.epochs child.toml",
    ]);
    let unset = sandbox
        .runner(&["config", "show", "child.toml", "seed={unset=true}"])
        .code(2);
    unset.stderr_has(&[
        "missing key `seed`",
        "removed here",
        "base.toml:3:8",
        "this was its value",
    ]);
}

/// Values and overrides with everything that could break a line.
#[test]
fn origins_can_be_read_back_whatever_the_values_are() {
    let sandbox = Sandbox::new();
    let overrides = [
        "data.path=\"a\\nb = c\\u001b[31m\"",
        "training.epochs=\n7",
        "training.learning_rate=0.1\n",
    ];
    let shown = sandbox
        .runner(
            &[
                &["config", "show", "--origins", "tiny.toml"][..],
                &overrides,
            ]
            .concat(),
        )
        .success()
        .stdout;
    let again = Document::parse("shown.toml", shown.clone(), "any")
        .experiment()
        .unwrap();
    let mut typed = Document::read(&sandbox.path("tiny.toml")).unwrap();
    typed.set_all(&overrides.map(str::to_owned));
    assert_eq!(again, typed.experiment().unwrap(), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn an_unknown_key_cannot_be_explained() {
    let sandbox = Sandbox::new();
    for (key, help) in [
        ("training.epoch", "did you mean `epochs`?"),
        ("optimzer.adam", "did you mean `optimizer`?"),
        (
            "betas",
            "it belongs in another table: `optimizer.adam.betas`",
        ),
        ("training.lr0", "here it is called `learning_rate`"),
        (
            "model.layers[0].conv2d.filters",
            "here it is called `out_channels`",
        ),
        ("a..b", "a path looks like training.epochs"),
    ] {
        for arguments in [
            &["config", "explain", key][..],
            &["config", "explain", key, "tiny.toml"],
        ] {
            let outcome = sandbox.runner(arguments).code(2);
            outcome.stderr_has(&[&format!("unknown key `{key}`"), help]);
        }
    }
}

#[test]
fn a_new_config_is_commented_trains_as_it_stands_and_never_replaces_a_file() {
    let sandbox = Sandbox::new();
    sandbox.cut_data("data/digits", 600, 30);
    let told = sandbox
        .runner(&["config", "new", "--all", "my.toml"])
        .success();
    told.stdout_has(&["wrote my.toml", "runner check my.toml"]);
    let text = sandbox.read("my.toml");
    assert!(
        text.starts_with("# Question"),
        "there is no schema to point at"
    );
    let printed = sandbox.runner(&["config", "new", "--all"]).success().stdout;
    assert!(
        printed.starts_with("#:schema ../schema/experiment.schema.json\n"),
        "{printed}"
    );
    // Where a value may be one of several tables, one of them stands there.
    let is_inside = |path: &str| {
        ["data.normalize.", "data.resize.", "data.augment."]
            .iter()
            .any(|it| path.starts_with(it))
    };
    for (path, key) in LANGUAGE
        .walk()
        .into_iter()
        .filter(|(path, _)| !is_inside(path))
    {
        let words = text.replace("\n#   ", " ");
        assert!(words.contains(key.meaning), "{path}");
    }
    sandbox
        .runner(&["run", "my.toml", "-q", "training.epochs=1"])
        .success();

    let refused = sandbox.runner(&["config", "new", "my.toml"]).code(2);
    refused.stderr_has(&["cannot write my.toml"]);
    assert_eq!(sandbox.read("my.toml"), text);
    sandbox
        .runner(&["config", "new", "no/such/folder.toml"])
        .code(2);
}

/// With every line of it that may be left out put in, but for those that exclude another one.
#[test]
fn what_a_new_config_says_in_comments_is_right() {
    let sandbox = Sandbox::new();
    sandbox.write("baseline.toml", TINY);
    let text = sandbox.runner(&["config", "new", "--all"]).success().stdout;
    let keys: Vec<&str> = LANGUAGE
        .walk()
        .into_iter()
        .map(|(_, key)| key.name)
        .collect();
    let (mut count, mut table) = (0, "");
    let uncommented: Vec<String> = text
        .lines()
        .map(|line| {
            let Some(rest) = line.strip_prefix("# ") else {
                return line.to_owned();
            };
            let is_value = rest
                .split_once(" = ")
                .is_some_and(|(key, _)| keys.contains(&key));
            let is_table = rest.starts_with('[') && rest.ends_with(']');
            if is_table {
                table = rest;
            }
            // Of the rules of a schedule and of other choices, one; a preset excludes layers.
            let of_choices = ["[schedule.", "[loss.", "[optimizer.", "[model.init."];
            let one_of_each = ["[schedule.cosine]", "[loss.focal]", "[optimizer.adam]"];
            let key = rest.split_once(" = ").map_or("", |(key, _)| key);
            let is_excluded = of_choices.iter().any(|choice| table.starts_with(choice))
                && !one_of_each.contains(&table)
                || ["preset", "width", "classes", "validation", "folds", "fold"].contains(&key)
                || table == "[data.synthetic]";
            if (is_value || is_table) && !is_excluded {
                count += 1;
                return rest.to_owned();
            }
            line.to_owned()
        })
        .collect();
    assert!(count > 15, "{count}");
    sandbox.write("all.toml", uncommented.join("\n"));
    let shown = sandbox
        .runner(&["config", "show", "all.toml"])
        .success()
        .stdout;
    assert!(shown.contains("name = \"my-experiment\""), "{shown}");
    assert!(
        shown.contains("[early_stop]") && shown.contains("normalize = \"auto\""),
        "{shown}"
    );
    // What stands there as a default is the default.
    let plain = sandbox.runner(&["config", "new", "--all"]).success().stdout;
    let plain = Document::parse("new.toml", plain, "my-experiment");
    let all = Document::read(&sandbox.path("all.toml")).unwrap();
    let (plain, mut all) = (plain.experiment().unwrap(), all.experiment().unwrap());
    all.early_stop = None;
    all.schedule = None;
    all.loss = plain.loss.clone();
    all.training.clip_grad_norm = None;
    all.training.clip_grad_value = None;
    all.training.ema_decay = None;
    (all.data.train, all.data.eval, all.data.test) = (None, None, None);
    (all.data.limit_train, all.data.limit_eval) = (None, None);
    (all.data.memory_limit, all.data.resize) = (None, None);
    (all.data.pad_to_square, all.data.center_crop) = (None, None);
    (all.data.normalize, all.data.columns) = (None, None);
    all.model.weights = None;
    assert_eq!(plain, all);
}

#[test]
fn every_key_says_what_it_means_and_every_default_is_of_its_kind() {
    let keys = LANGUAGE.walk().into_iter().chain(
        LAYER_KEYS
            .iter()
            .flat_map(|layer| layer.keys())
            .map(|key| (key.name.to_owned(), key)),
    );
    for (path, key) in keys {
        assert!(!key.meaning.is_empty(), "{path}");
        let is_number = matches!(key.kind, Kind::Integer { .. } | Kind::Float { .. });
        if let (true, Fallback::Value(default)) = (is_number, key.default) {
            assert!(default.parse::<f64>().is_ok(), "{path}");
        }
    }
}

/// As for experiments: shipped and new sweep files are right by the schema, and those that break one of its rules are not.
#[test]
#[ignore = "needs Python with jsonschema; .ci/run runs it"]
fn python_validates_sweeps_by_the_schema() {
    let sandbox = Sandbox::new();
    let mut right = files(&project().join("sweeps"), "toml");
    let new = ["sweep", "new", "--config", "tiny.toml"];
    let new = sandbox.runner(&new).success().stdout;
    right.push(sandbox.write("new.toml", &new));
    let uncommented = new.replace("# Ranges:  ", "").replace("# [run]", "[run]");
    let uncommented = uncommented.replacen(
        "\"training.learning_rate\" = { values",
        "\"training.max_minutes\" = { values",
        1,
    );
    right.push(sandbox.write("uncommented.toml", uncommented));
    let broken = files(&project().join("tests/sweeps/broken"), "toml");
    let broken: Vec<PathBuf> = broken
        .into_iter()
        .filter(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let starts = [
                "unknown_key",
                "unknown_search",
                "unknown_table",
                "no_config",
                "no_parameters",
            ];
            let names = [
                "no_values",
                "one_bound",
                "no_trials",
                "eta_of_one",
                "parallel_of_zero",
            ];
            starts.iter().any(|start| name.starts_with(start)) || names.contains(&name)
        })
        .collect();
    assert!(broken.len() > 9, "{}", broken.len());
    validate("sweep", &right, &broken);
}

/// A validator that knows nothing of this program, in Python; `RUNNER_TEST_PYTHON` says where.
#[test]
#[ignore = "needs Python with jsonschema; .ci/run runs it"]
fn python_validates_configs_by_the_schema() {
    let sandbox = Sandbox::new();
    let good = sandbox.path("good");
    let mut configs = files(&project().join("configs"), "toml");
    std::fs::create_dir(&good).unwrap();
    for config in configs.clone() {
        let shown = sandbox
            .runner(&["config", "show", config.to_str().unwrap()])
            .success();
        configs.push(sandbox.write(
            &format!("good/{}", config.file_name().unwrap().to_str().unwrap()),
            shown.stdout,
        ));
    }
    let new = sandbox.runner(&["config", "new", "--all"]).success().stdout;
    configs.push(sandbox.write("good/new.toml", new));
    let short = sandbox.runner(&["config", "new"]).success().stdout;
    configs.push(sandbox.write("good/short.toml", short));
    configs.push(sandbox.write(
        "good/child.toml",
        "extends = \"tiny.toml\"\nearly_stop = { unset = true }\ntraining.epochs = 3\ndata.scale.unset = true",
    ));
    // Of the broken ones, those that break a rule that a schema can state.
    let broken: Vec<_> = files(&project().join("tests/configs/broken"), "toml")
        .into_iter()
        .filter(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            [
                "unknown_",
                "missing_",
                "zero_",
                "negative_",
                "string_for",
                "integer_for",
                "three_",
            ]
            .iter()
            .any(|start| name.starts_with(start))
                && ![
                    "missing_path",
                    "missing_value",
                    "missing_equals",
                    "missing_data",
                ]
                .contains(&name)
        })
        .collect();
    assert!(broken.len() > 25, "{}", broken.len());
    validate("experiment", &configs, &broken);
}

/// Of files, the first are right by a schema, and the others are not.
fn validate(schema: &str, right: &[PathBuf], broken: &[PathBuf]) {
    let script = "
import json, sys, tomllib
from jsonschema import Draft201909Validator
schema = json.load(open(sys.argv[1]))
Draft201909Validator.check_schema(schema)
validator = Draft201909Validator(schema)
for path in sys.argv[2:]:
    errors = [error.message for error in validator.iter_errors(tomllib.load(open(path, 'rb')))]
    print(json.dumps([path, errors]))
";
    let python = env::var("RUNNER_TEST_PYTHON").expect("RUNNER_TEST_PYTHON names a Python");
    let output = Command::new(python)
        .args(["-c", script])
        .arg(project().join(format!("schema/{schema}.schema.json")))
        .args(right)
        .args(broken)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    let told: Vec<(String, Vec<String>)> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told.len(), right.len() + broken.len());
    for (index, (path, errors)) in told.iter().enumerate() {
        assert_eq!(errors.is_empty(), index < right.len(), "{path}: {errors:?}");
    }
}
