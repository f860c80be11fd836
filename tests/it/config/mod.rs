//! The experiment file: how mistakes are told, overrides, what a resolved config keeps, and shapes.

mod commands;
mod sources;

use std::fs;

use burn::tensor::Tensor;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use runner::config::{Document, Error, Experiment, RenderOptions, Shape};
use runner::device;
use runner::model::{Mode, Network};

use crate::support::{Sandbox, TINY, all_are_told_as_expected, files, project};

#[test]
fn every_broken_config_is_told_as_expected() {
    let folder = project().join("tests/configs/broken");
    let sandbox = Sandbox::new();
    let out = sandbox.path("runs");
    let configs = files(&folder, "toml");
    assert!(configs.len() > 90, "only {} configs", configs.len());
    // They run in a folder that has their data.
    let home = sandbox.path("broken");
    for place in ["bases", "data", "a", "x", "other", "日本語/größe/🙂"] {
        fs::create_dir_all(home.join(place)).unwrap();
    }
    for config in [configs.clone(), files(&folder.join("bases"), "toml")].concat() {
        let copy = home.join(config.strip_prefix(&folder).unwrap());
        fs::copy(&config, copy).unwrap();
    }
    let command = ["run", "--out", out.to_str().unwrap()];
    all_are_told_as_expected(&sandbox, &folder, &home, &command, &out);
}

#[test]
fn a_config_that_cannot_be_read_is_named() {
    let sandbox = Sandbox::new();
    for path in ["missing.toml", "data"] {
        let outcome = sandbox.runner(&["run", path]).code(2);
        let beginning = format!("error: cannot read the config {path}: ");
        assert!(outcome.stderr.starts_with(&beginning), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn every_config_of_the_project_is_valid() {
    let configs = files(&project().join("configs"), "toml");
    assert!(!configs.is_empty());
    for path in configs {
        let experiment = Document::read(&path).and_then(|document| document.experiment());
        if let Err(error) = experiment {
            panic!("{error}");
        }
    }
}

#[test]
fn an_override_puts_its_value_in_place() {
    for (text, path, value) in [
        ("training.epochs=22", "training.epochs", "22"),
        ("training.epochs= 22 ", "training.epochs", "22"),
        ("seed=0x1_0", "seed", "16"),
        (
            "training.learning_rate=2e-4",
            "training.learning_rate",
            "0.0002",
        ),
        ("training.learning_rate=1", "training.learning_rate", "1.0"),
        (
            "model.layers[4].dropout.p=0.5",
            "model.layers[4].dropout.p",
            "0.5",
        ),
        (
            "model.layers[1].conv2d.stride=[2, 1]",
            "model.layers[1].conv2d.stride",
            "[2, 1]",
        ),
        ("model.layers[2]=flatten", "model.layers[2]", "\"flatten\""),
        ("model.layers[4]=\"relu\"", "model.layers[4]", "\"relu\""),
        (
            "model.layers[2]={ dropout = { p = 0 } }",
            "model.layers[2].dropout.p",
            "0.0",
        ),
        ("device=cpu", "device", "\"cpu\""),
        (
            "data.path=a folder/of=mine",
            "data.path",
            "\"a folder/of=mine\"",
        ),
        // Tables that the file lacks.
        ("optimizer.adam.eps=0.1", "optimizer.adam.eps", "0.1"),
        (
            "optimizer.adam={ betas = [0, 0.5] }",
            "optimizer.adam.betas",
            "[0.0, 0.5]",
        ),
        ("checkpoint.every_steps=3", "checkpoint.every_steps", "3"),
    ] {
        let experiment = tiny_with(&[text]).unwrap_or_else(|error| panic!("{text}: {error}"));
        let pairs = experiment.flatten();
        let pair = (path.to_owned(), value.to_owned());
        assert!(pairs.contains(&pair), "{text} gives {pairs:?}");
    }
    let experiment = tiny_with(&["seed=2", "seed=3"]).unwrap();
    assert_eq!(experiment.seed, 3, "the last one counts");
}

#[test]
fn overrides_reach_the_run() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["training.epochs=1", "name=other", "checkpoint.keep_best=0"]);
    assert!(run.contains("-other-"), "{run}");
    let resolved = Document::read(&sandbox.path(&run).join("resolved.toml")).unwrap();
    let experiment = resolved.experiment().unwrap();
    assert_eq!(experiment.training.epochs, 1);
    assert_eq!(experiment.checkpoint.keep_best, 0);
    assert_eq!(sandbox.read(&format!("{run}/config.toml")), TINY);
}

/// Override, the part of it that is marked, and what is said about it.
const BAD_OVERRIDES: &[(&str, &str, &str)] = &[
    ("foo", "foo", "`foo` is not an override"),
    ("", "", "`` is not an override"),
    ("=3", "", "`=3` has no key"),
    ("a..b=1", "a..b", "`a..b` is not a key"),
    ("näme=a", "näme", "`näme` is not a key"),
    ("[0]=1", "[0]", "`[0]` is not a key"),
    (
        "model.layers[]=1",
        "model.layers[]",
        "`model.layers[]` is not a key",
    ),
    (
        "model.layers[x]=1",
        "model.layers[x]",
        "`model.layers[x]` is not a key",
    ),
    (
        "training.epochs=abc",
        "abc",
        "`training.epochs` must be an integer from 1 to 1048576",
    ),
    ("training.epochs=", "", "there is no value after `=`"),
    (
        "training.epochs=größe",
        "größe",
        "`training.epochs` must be an integer from 1 to 1048576",
    ),
    (
        "model.layers[99].dropout.p=0.1",
        "model.layers[99].dropout.p",
        "`model.layers` has no element 99",
    ),
    (
        "model.layers[2].x=1",
        "model.layers[2].x",
        "`model.layers[2]` is a string, so it has no key `x`",
    ),
    (
        "seed.x=1",
        "seed.x",
        "`seed` is an integer, so it has no key `x`",
    ),
    (
        "seed[0]=1",
        "seed[0]",
        "`seed` is an integer, so it has no element 0",
    ),
    (
        "model.layers.dropout=1",
        "model.layers.dropout",
        "`model.layers` is an array, so it has no key `dropout`",
    ),
    ("+seed=1", "+seed", "`+seed` is not a key"),
    ("~seed", "~seed", "`~seed` is not an override"),
    (
        "training.learning_rate=1e-60",
        "1e-60",
        "`training.learning_rate` must be a finite number greater than 0",
    ),
    (
        "data.scale=1e39",
        "1e39",
        "`data.scale` must be a finite number greater than 0",
    ),
    ("sed=1", "sed", "unknown key `sed`"),
    (
        "optimizer.adam.beta=1",
        "optimizer.adam.beta",
        "unknown key `optimizer.adam.beta`",
    ),
    ("device=gpu", "gpu", "unknown device \"gpu\""),
    (
        "name=2024-01-01",
        "2024-01-01",
        "`name` must be a string of at most 64 letters",
    ),
    (
        "training.batch_size=61",
        "61",
        "batch size 61 is larger than the 60 training images",
    ),
    (
        "model.layers[4]={ conv2d = { out_channels = 2, kernel_size = 3 } }",
        "conv2d",
        "layer 4 `conv2d`: expects an image, but its input is 108 features",
    ),
    (
        "training.epochs = x",
        "x",
        "`training.epochs` must be an integer",
    ),
    (
        "training.epochs=5.0",
        "5.0",
        "`training.epochs` must be an integer",
    ),
    (
        "model.layers[+1]=1",
        "model.layers[+1]",
        "`model.layers[+1]` is not a key",
    ),
    ("device=cuda:+1", "cuda:+1", "unknown device \"cuda:+1\""),
    ("training={}", "training", "missing key `training.epochs`"),
    ("model.input=[1, 28", "[", "not valid TOML: unclosed array"),
    ("data.path=\"a", "", "not valid TOML: invalid basic string"),
    (
        "model.layers[1].dropout.p=0.5",
        "model.layers[1].dropout.p",
        "`model.layers[1]` must be one layer",
    ),
    (
        "data.normalize.mean=[0]",
        "data.normalize.mean",
        "missing key `data.normalize.std`",
    ),
];

#[test]
fn a_bad_override_is_pointed_at() {
    let sandbox = Sandbox::new();
    for (text, marked, message) in BAD_OVERRIDES {
        let outcome = sandbox.runner(&["run", "tiny.toml", text]).code(2);
        // Nothing can be marked before the `=`, or else at the end.
        let place = match (*marked, text.chars().next()) {
            ("", None | Some('=')) => 0,
            ("", _) => text.len(),
            _ => text.find(marked).unwrap(),
        };
        let before = text[..place].chars().count();
        assert_eq!(outcome.stdout, "", "{text}");
        let outcome = outcome.stderr_has(&[
            &format!("error: {message}"),
            &format!(" --> command line:1:{}\n", before + 1),
            format!("1 | {text}").trim_end(),
        ]);
        let carets = outcome.stderr.lines().find(|line| line.contains('^'));
        let (_, carets) = carets.unwrap().split_once("| ").unwrap();
        let count = carets.chars().filter(|character| *character == '^').count();
        assert_eq!(carets.find('^'), Some(before), "{}", outcome.stderr);
        assert_eq!(count, marked.chars().count().max(1), "{}", outcome.stderr);
    }
    assert!(!sandbox.path("experiments").exists());
}

/// Red if the help is that of two tables in one file.
#[test]
fn an_override_that_excludes_a_choice_of_the_file_gives_the_one_to_paste() {
    let sandbox = Sandbox::new();
    let lines = "[optimizer.adam]\neps = 1e-6\n[schedule.step]\nstep_size = 1\n[model]\n";
    sandbox.write("tiny.toml", TINY.replace("[model]\n", lines));
    for (typed, message, pasted) in [
        (
            &["optimizer.sgd.momentum=0.9"][..],
            "both `adam` and `sgd` are set; keep one",
            "optimizer={sgd={momentum=0.9}}",
        ),
        (
            &[
                "optimizer.sgd.momentum=0.9",
                "optimizer.sgd.no_decay=[\"bias\"]",
                "optimizer.sgd.momentum=0.8",
            ],
            "both `adam` and `sgd` are set; keep one",
            "optimizer={sgd={momentum=0.8, no_decay=[\"bias\"]}}",
        ),
        (
            &["schedule.cosine.t_max=3"],
            "both `step` and `cosine` are set; keep one",
            "schedule.step={unset=true}",
        ),
    ] {
        let arguments = [&["config", "show", "tiny.toml"], typed].concat();
        let outcome = sandbox.runner(&arguments).code(2);
        outcome.stderr_has(&[message, &format!("'{pasted}'"), "command line:1:"]);
        let last = typed.last().unwrap();
        let both = [
            &["config", "show", "tiny.toml", "optimizer={adam={}}"],
            &["optimizer.sgd.momentum=0.9"][..],
        ];
        let outcome = sandbox.runner(&both.concat()).code(2);
        outcome.stderr_has(&["help: remove one of the two"]);
        let pasted = match pasted.ends_with("{unset=true}") {
            true => vec![*last, pasted],
            false => vec![pasted],
        };
        let arguments = [&["config", "show", "tiny.toml"], &pasted[..]].concat();
        sandbox.runner(&arguments).success();
    }
}

#[test]
fn options_of_other_programs_say_what_is_typed_here() {
    let sandbox = Sandbox::new();
    for (typed, tip) in [
        (&["--seed", "3"][..], "'seed=3'"),
        (&["--epochs", "3"], "'training.epochs=3'"),
        (&["--epochs=3"], "'training.epochs=3'"),
        (&["--max-epochs", "3"], "'training.epochs=3'"),
        (&["--lr", "0.1"], "'training.learning_rate=0.1'"),
        (&["--learning-rate=1e-3"], "'training.learning_rate=1e-3'"),
        (&["--batch-size", "32"], "'training.batch_size=32'"),
        (&["--bs"], "'training.batch_size=...'"),
        (&["--optimizer", "sgd"], "'optimizer=sgd'"),
        (&["--training.epochs", "4"], "'training.epochs=4'"),
        (
            &["--momentum", "0.9"],
            "'optimizer.sgd.momentum=0.9' or 'optimizer.",
        ),
        (&["--workers", "4"], "`--threads N` on the command line"),
    ] {
        for command in ["run", "check", "prove"] {
            // It has a seed of its own, of its kills.
            if command == "prove" && typed[0] == "--seed" {
                continue;
            }
            let arguments = [&[command, "tiny.toml"], typed].concat();
            let outcome = sandbox.runner(&arguments).code(2);
            assert_eq!(outcome.stdout, "");
            outcome.stderr_has(&["unexpected argument '--", tip]);
        }
    }
    // Where nothing is known of an option, or the command takes no values, clap's own words stay.
    for arguments in [
        ["run", "tiny.toml", "--threds", "3"],
        ["show", "last", "--seed", "3"],
    ] {
        let outcome = sandbox.runner(&arguments).code(2);
        assert!(
            !outcome.stderr.contains("a value of the config"),
            "{}",
            outcome.stderr
        );
    }
    sandbox.runner(&["run", "--help"]).success();
}

#[test]
fn every_bad_override_is_told() {
    let error = tiny_with(&["foo", "seed.x=1", "training.epochs=x"])
        .unwrap_err()
        .to_string();
    assert!(error.contains("`training.epochs` must be"), "{error}");
    assert!(error.contains("`foo` is not an override"), "{error}");
    assert!(error.contains("`seed` is an integer"), "{error}");
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_resolved_config_is_the_experiment(numbers in vec(any::<u16>(), 150)) {
        let experiment = experiment(&Draw(numbers.into_iter()).config());
        let resolved = experiment.to_toml();
        let mut document = Document::parse("resolved.toml", resolved.clone(), "another");
        let again = document.experiment().unwrap();
        prop_assert_eq!(&again, &experiment);
        prop_assert_eq!(again.flatten(), experiment.flatten());
        prop_assert_eq!(again.digest(), experiment.digest());
        prop_assert_eq!(again.to_toml(), resolved);

        // Each value that `flatten` lists can be typed as an override.
        let pairs = experiment.flatten().into_iter();
        let overrides: Vec<String> = pairs.map(|(path, value)| format!("{path}={value}")).collect();
        document.set_all(&overrides);
        prop_assert_eq!(document.experiment().unwrap(), experiment);
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        tell(Document::parse("any.toml", text, "any"));
    }

    #[test]
    fn no_words_of_the_language_make_it_panic(
        words in vec(select(WORDS.split('~').collect::<Vec<_>>()), 0..30),
    ) {
        let text = words.concat();
        tell(Document::parse("words.toml", text, "any"));
    }

    #[test]
    fn no_change_of_a_config_makes_it_panic(
        start in 0.0..1.0, length in 0usize..40, insert in "\\PC{0,3}|[\\x00-\\x7f]{0,3}",
    ) {
        let baseline = baseline();
        let ends: Vec<usize> = baseline.char_indices().map(|(index, _)| index).collect();
        let start = (start * ends.len() as f64) as usize;
        let end = (start + length).min(ends.len() - 1);
        let mut text = baseline.clone();
        text.replace_range(ends[start]..ends[end], &insert);
        tell(Document::parse("changed.toml", text, "any"));
    }

    #[test]
    fn no_override_makes_it_panic(
        key in "[a-z.\\[\\]0-2]{0,4}|training.epochs|model.layers\\[[0-9]\\]|\\PC*",
        value in "\\PC{0,8}|[\\x00-\\x7f]{0,8}",
    ) {
        for text in [format!("{key}={value}"), value] {
            let mut document = Document::parse("baseline.toml", baseline(), "any");
            document.set_all(&[text]);
            tell(document);
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_network_gives_the_shapes_that_were_inferred(numbers in vec(any::<u16>(), 150)) {
        let mut draw = Draw(numbers.into_iter());
        let input = draw.input();
        let (model, shapes) = draw.model(input);
        let experiment = experiment(&format!("{HEAD}{model}"));
        let traced: Vec<Shape> = experiment.trace().iter().map(|it| it.output).collect();
        prop_assert_eq!(traced, shapes);
        check_forward(&experiment);
    }

    /// One layer with options that may fit or not.
    #[test]
    fn a_window_is_taken_where_pytorch_takes_it(
        is_pool in any::<bool>(),
        channels in 1usize..5, out_channels in 1usize..5, groups in 1usize..4,
        size in [1usize..9, 1usize..9], kernel in [1usize..6, 1usize..6],
        stride in [1usize..4, 1usize..4], padding in [0usize..4, 0usize..4],
        dilation in [1usize..4, 1usize..4],
    ) {
        let mut options = format!("kernel_size = {kernel:?}, stride = {stride:?}, padding = {padding:?}");
        let (name, dilation, channels_after, fits) = if is_pool {
            let fits = (0..2).all(|i| padding[i] <= kernel[i] / 2);
            ("max_pool2d", [1, 1], channels, fits)
        } else {
            options += &format!(", dilation = {dilation:?}, groups = {groups}, out_channels = {out_channels}");
            let fits = channels % groups == 0 && out_channels % groups == 0;
            ("conv2d", dilation, out_channels, fits)
        };
        let [height, width] = [0, 1].map(|i| {
            pytorch_size(size[i], kernel[i], stride[i], padding[i], dilation[i])
        });
        let input = [channels, size[0], size[1]];
        let text = format!(
            "{HEAD}[model]\ninput = {input:?}\nlayers = [{{ {name} = {{ {options} }} }}, \"flatten\", \
             {{ linear = {{ out_features = 3 }} }}]"
        );
        let read = Document::parse("window.toml", text, "any").experiment();
        prop_assert_eq!(read.is_ok(), fits && height >= 1 && width >= 1);
        if let Ok(experiment) = read {
            prop_assert_eq!(experiment.trace()[0].output, image(channels_after, height, width));
            check_forward(&experiment);
        }
    }
}

/// Everything but the model, at its shortest.
const HEAD: &str = "seed = 1\ndata.path = \"data\"\n\
                    [training]\nepochs = 1\nbatch_size = 1\nlearning_rate = 0.1\n";

/// What configs are made of, and what parsers stumble over.
const WORDS: &str = "seed~name~data~path~training~epochs~model~layers~input~relu~dropout~flatten~\
    [~]~[[~]]~{~}~=~ = ~,~.~#~\"~'~\"\"\"~\'\'\'~\\~\\u00e9~\n~\r\n~\r~\t~ ~\
    1~-1~0.5~nan~inf~1e400~0x~99999999999999999999~true~2024-01-01~[model]\n~\"relu\"~\
    é~日本~🙂~\u{301}~\u{200d}~\u{feff}~\0~\u{1b}[31m~\u{7f}";

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn baseline() -> String {
    fs::read_to_string(project().join("configs/baseline.toml")).unwrap()
}

fn tiny_with(overrides: &[&str]) -> Result<Experiment, Error> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    let mut document = Document::parse("tiny.toml", TINY.to_owned(), "tiny");
    document.set_all(&overrides);
    document.experiment()
}

fn experiment(text: &str) -> Experiment {
    let document = Document::parse("drawn.toml", text.to_owned(), "drawn");
    match document.experiment() {
        Ok(experiment) => experiment,
        Err(error) => panic!("{error}\n{text}"),
    }
}

/// Reads it to the end, and tells what is wrong in both ways.
fn tell(document: Document) {
    match document.experiment() {
        Ok(experiment) => assert!(!experiment.to_toml().is_empty()),
        Err(Error::Invalid(invalid)) => {
            let plain = invalid.render(RenderOptions::default());
            assert!(plain.starts_with("error: "), "{plain:?}");
            assert!(!plain.contains('\u{1b}'), "{plain:?}");
            assert!(
                invalid
                    .render(RenderOptions {
                        colour: true,
                        width: Some(80)
                    })
                    .contains('\u{1b}')
            );
        }
        Err(error) => panic!("{error}"),
    }
}

/// The formula in the documentation of `torch.nn.Conv2d` and `torch.nn.MaxPool2d`.
fn pytorch_size(size: usize, kernel: usize, stride: usize, padding: usize, dilation: usize) -> i64 {
    let [size, kernel, stride, padding, dilation] =
        [size, kernel, stride, padding, dilation].map(|number| number as f64);
    ((size + 2.0 * padding - dilation * (kernel - 1.0) - 1.0) / stride + 1.0).floor() as i64
}

fn image(channels: usize, height: i64, width: i64) -> Shape {
    Shape::Image {
        channels,
        height: height as usize,
        width: width as usize,
    }
}

fn check_forward(experiment: &Experiment) {
    let device = device::choose(runner::config::Device::Cpu, None)
        .unwrap()
        .device;
    let [channels, height, width] = experiment.model.input;
    let images = Tensor::<4>::ones([2, channels, height, width], &device);
    let (logits, _) = Network::new(experiment, &device).forward(images, Mode::Evaluation);
    assert_eq!(logits.dims(), [2, experiment.classes()]);
    assert!(logits.into_data().iter::<f32>().all(f32::is_finite));
}

/// Draws a valid config from a row of numbers; zeros give the plainest one.
struct Draw(std::vec::IntoIter<u16>);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.0.next().unwrap_or(0)) % end
    }

    /// In every second draw, what the function draws, as an entry of a table.
    fn entry(&mut self, key: &str, value: impl FnOnce(&mut Self) -> String) -> Vec<String> {
        match self.below(2) {
            0 => Vec::new(),
            _ => vec![format!("{key} = {}", value(self))],
        }
    }

    fn one_of(&mut self, values: &[&str]) -> String {
        values[self.below(values.len())].to_owned()
    }

    /// Greater than 0, and far from 1 as a rule.
    fn positive(&mut self) -> String {
        let digits = 1 + self.below(60_000);
        format!("{digits}e{}", self.below(60) as i32 - 30)
    }

    /// At least 0 and less than 1.
    fn share(&mut self) -> String {
        format!("{}", self.below(60_000) as f64 / 60_000.0)
    }

    /// With every character that TOML needs to quote.
    fn text(&mut self) -> String {
        let characters: Vec<char> = "a/ \"'\\\n\r\t\u{1}\u{7f}#=é🙂".chars().collect();
        let text = (0..1 + self.below(8)).map(|_| characters[self.below(characters.len())]);
        toml::Value::String(text.collect()).to_string()
    }

    /// A size for height and width each: one number where they are equal, at times.
    fn pair(&mut self, [height, width]: [usize; 2]) -> String {
        if height == width && self.below(2) == 0 {
            height.to_string()
        } else {
            format!("[{height}, {width}]")
        }
    }

    fn config(&mut self) -> String {
        let input = self.input();
        let mut lines = vec![format!("seed = {}", self.below(60_000))];
        lines.extend(self.entry("name", |draw| draw.one_of(&["\"a.b\"", "'0'", "\"A_-\""])));
        lines.extend(self.entry("device", |draw| draw.one_of(&["\"cpu\"", "\"cuda:1\""])));
        lines.push("[data]".to_owned());
        lines.extend(match self.below(2) {
            0 => vec![format!("path = {}", self.text())],
            _ => vec![
                format!("train = {}", self.text()),
                format!("eval = {}", self.text()),
            ],
        });
        lines.extend(self.entry("scale", Self::positive));
        lines.extend(self.entry("normalize", |draw| {
            let mean = vec![format!("-{}", draw.positive()); input[0]].join(", ");
            let std = vec![draw.positive(); input[0]].join(", ");
            format!("{{ mean = [{mean}], std = [{std}] }}")
        }));
        lines.push("[training]".to_owned());
        lines.push(format!("epochs = {}", 1 + self.below(9)));
        lines.push(format!("batch_size = {}", 1 + self.below(9)));
        lines.push(format!("learning_rate = {}", self.positive()));
        if self.below(2) == 1 {
            lines.push("[optimizer.adam]".to_owned());
            lines.extend(self.entry("betas", |draw| {
                format!("[{}, {}]", draw.share(), draw.share())
            }));
            lines.extend(self.entry("eps", |draw| draw.one_of(&["1e-37", "1e-8", "3"])));
            lines.extend(self.entry("weight_decay", Self::positive));
        }
        if self.below(2) == 1 {
            lines.push("[schedule]".to_owned());
            lines.extend(self.entry("by", |draw| draw.one_of(&["'epoch'", "'step'"])));
            lines.extend(self.entry("warmup", Self::positive));
            lines.extend(self.entry("warmup_factor", Self::positive));
            lines.extend(self.rule());
        }
        if self.below(2) == 1 {
            lines.push("[checkpoint]".to_owned());
            for key in ["every_epochs", "every_steps", "keep_last", "keep_best"] {
                lines.extend(self.entry(key, |draw| (2 + draw.below(9)).to_string()));
            }
            lines.extend(self.entry("every_minutes", Self::positive));
            lines.extend(self.monitor());
        }
        if self.below(2) == 1 {
            lines.push("[early_stop]".to_owned());
            lines.push(format!("patience = {}", 1 + self.below(9)));
            lines.extend(self.entry("min_delta", Self::positive));
            lines.extend(self.monitor());
        }
        lines.push(self.model(input).0);
        lines.join("\n")
    }

    /// A rule of a schedule, or none.
    fn rule(&mut self) -> Option<String> {
        let (name, required, optional): (_, &[&str], &[&str]) = match self.below(8) {
            0 => return None,
            1 => ("step", &["step_size"], &["gamma"]),
            2 => ("exponential", &["gamma"], &[]),
            3 => ("cosine", &[], &["t_max", "eta_min"]),
            4 => ("cosine_restarts", &["t_0"], &["eta_min"]),
            5 => (
                "linear",
                &[],
                &["start_factor", "end_factor", "total_iters"],
            ),
            6 => ("polynomial", &[], &["total_iters", "power"]),
            _ => return Some("multi_step.milestones = [1, 2.5, 1e9]".to_owned()),
        };
        let mut options: Vec<String> = required
            .iter()
            .map(|key| format!("{key} = {}", self.positive()))
            .collect();
        for key in optional {
            options.extend(self.entry(key, Self::positive));
        }
        Some(format!("{name} = {{ {} }}", options.join(", ")))
    }

    /// A column with the direction in which it gets better, each stated or not.
    fn monitor(&mut self) -> Vec<String> {
        let (monitor, mode) = match self.below(2) {
            0 => ("eval_f1", "max"),
            _ => ("train_loss", "min"),
        };
        let lines = [format!("monitor = '{monitor}'"), format!("mode = '{mode}'")];
        lines.into_iter().take(self.below(3)).collect()
    }

    fn input(&mut self) -> [usize; 3] {
        [4, 10, 10].map(|end| 1 + self.below(end))
    }

    /// `[model]`, and the shape after each of its layers.
    fn model(&mut self, input: [usize; 3]) -> (String, Vec<Shape>) {
        let [mut channels, mut height, mut width] = input;
        let mut layers = Vec::new();
        let mut shapes = Vec::new();
        for _ in 0..self.below(5) {
            layers.push(match self.below(4) {
                0 => self.plain("relu"),
                1 => self.dropout(),
                kind => {
                    let size = [height, width];
                    let kernel = size.map(|size| 1 + self.below(size.min(4)));
                    let stride = [0; 2].map(|_| 1 + self.below(3));
                    let padding = kernel.map(|kernel| self.below(kernel / 2 + 1));
                    let mut dilation = [1; 2];
                    let mut options = vec![format!("kernel_size = {}", self.pair(kernel))];
                    let mut stated = |draw: &mut Self, key, pair, default| {
                        if pair != default || draw.below(2) == 1 {
                            options.push(format!("{key} = {}", draw.pair(pair)));
                        }
                    };
                    stated(self, "padding", padding, [0; 2]);
                    let name = if kind == 2 {
                        stated(self, "stride", stride, kernel);
                        "max_pool2d"
                    } else {
                        stated(self, "stride", stride, [1; 2]);
                        for i in 0..2 {
                            let fits =
                                kernel[i] > 1 && size[i] + 2 * padding[i] > 2 * (kernel[i] - 1);
                            dilation[i] += usize::from(fits && self.below(2) == 1);
                        }
                        stated(self, "dilation", dilation, [1; 2]);
                        let groups = [1, channels][self.below(2)];
                        options.extend((groups > 1).then(|| format!("groups = {groups}")));
                        options.extend(self.entry("bias", |draw| draw.one_of(&["true", "false"])));
                        channels = groups * (1 + self.below(3));
                        options.push(format!("out_channels = {channels}"));
                        "conv2d"
                    };
                    [height, width] = [0, 1].map(|i| {
                        pytorch_size(size[i], kernel[i], stride[i], padding[i], dilation[i])
                            as usize
                    });
                    format!("{{ {name} = {{ {} }} }}", options.join(", "))
                }
            });
            shapes.push(image(channels, height as i64, width as i64));
        }
        let mut features = channels * height * width;
        layers.push(self.plain("flatten"));
        shapes.push(Shape::Flat { features });
        while features < 2 || self.below(3) > 0 {
            layers.push(match self.below(4) {
                1 => self.plain("relu"),
                2 => self.dropout(),
                3 => self.plain("flatten"),
                _ => {
                    features = 2 + self.below(9);
                    let bias = self
                        .entry("bias", |draw| draw.one_of(&["true", "false"]))
                        .concat();
                    format!("{{ linear = {{ out_features = {features}, {bias} }} }}")
                }
            });
            shapes.push(Shape::Flat { features });
        }
        let layers = layers.join(", ");
        (
            format!("[model]\ninput = {input:?}\nlayers = [{layers}]\n"),
            shapes,
        )
    }

    fn plain(&mut self, name: &str) -> String {
        match self.below(2) {
            0 => format!("\"{name}\""),
            _ => format!("{{ {name} = {{}} }}"),
        }
    }

    fn dropout(&mut self) -> String {
        let p = self.entry("p", Self::share).concat();
        format!("{{ dropout = {{ {p} }} }}")
    }
}
