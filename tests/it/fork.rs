//! `runner fork`: a new run that begins with a checkpoint of another one.

use std::fs;

use runner::run_dir::Checkpoint;
use serde_json::Value;

use crate::resume::{NORMALIZED, checkpoints, copy_run, traces};
use crate::support::{Outcome, Sandbox};

/// `runner fork RUN -q ...`; gives the new run directory.
fn fork(sandbox: &Sandbox, run: &str, others: &[&str]) -> String {
    let outcome = sandbox.runner(&[&["fork", run, "-q"], others].concat());
    outcome.success().stdout.trim().to_owned()
}

fn rows(sandbox: &Sandbox, run: &str) -> Vec<String> {
    let text = sandbox.read(&format!("{run}/metrics.csv"));
    text.lines().skip(1).map(str::to_owned).collect()
}

/// The cells of a column of metrics.csv.
fn column(sandbox: &Sandbox, run: &str, name: &str) -> Vec<String> {
    let text = sandbox.read(&format!("{run}/metrics.csv"));
    let mut header = text.lines().next().unwrap().split(',');
    let place = header.position(|it| it == name).unwrap();
    let cells = |row: &String| row.split(',').nth(place).unwrap().to_owned();
    rows(sandbox, run).iter().map(cells).collect()
}

fn checkpoint(sandbox: &Sandbox, run: &str, name: &str) -> Checkpoint {
    let path = sandbox.path(run).join("checkpoints").join(name);
    Checkpoint::read(&path).unwrap().0
}

fn parent(sandbox: &Sandbox, run: &str) -> Value {
    let identity: Value = serde_json::from_str(&sandbox.read(&format!("{run}/run.json"))).unwrap();
    identity["parent"].clone()
}

fn runs(sandbox: &Sandbox) -> usize {
    fs::read_dir(sandbox.path("experiments")).unwrap().count()
}

/// A fork that cannot be: with this exit code and message, and nothing half-made.
#[track_caller]
fn refused(sandbox: &Sandbox, arguments: &[&str], code: i32, told: &[&str]) {
    let before = runs(sandbox);
    let outcome = sandbox.runner(&[&["fork"], arguments].concat());
    outcome.code(code).stderr_has(told);
    assert_eq!(runs(sandbox), before, "something half-made is left");
}

/// Forks of a run that was cut after each of some of its checkpoints are the run as a whole.
fn fork_from_steps(overrides: &[&str]) {
    let sandbox = Sandbox::new();
    let every_step = ["checkpoint.every_steps=1", "checkpoint.keep_last=1000"];
    let whole = sandbox.run_tiny(&[&every_step[..], overrides].concat());
    let names = checkpoints(&sandbox, &whole);
    for (index, name) in names.iter().enumerate().step_by(4) {
        let copy = format!("copy-{index}");
        copy_run(&sandbox, &whole, &copy);
        fs::remove_file(sandbox.path(&copy).join("result.json")).unwrap();
        for later in &names[index + 1..] {
            fs::remove_file(sandbox.path(&copy).join("checkpoints").join(later)).unwrap();
        }
        let forked = match index + 1 == names.len() {
            true => continue,
            false => fork(&sandbox, &copy, &[]),
        };
        let expected = traces(&sandbox, &whole);
        assert_eq!(traces(&sandbox, &forked), expected, "after {name}");
        for later in &names[index..] {
            let [one, other] = [&whole, &forked].map(|run| checkpoint(&sandbox, run, later));
            assert!(one.arrays == other.arrays, "{later} after {name}");
            assert!(
                one.state.position == other.state.position,
                "{later} after {name}"
            );
        }
        sandbox.runner(&["verify", &forked]).success();
    }
}

#[test]
fn a_fork_without_changes_is_the_run_that_goes_on() {
    fork_from_steps(&["training.ema_decay=0.9"]);
}

#[test]
fn a_fork_without_changes_keeps_running_statistics_and_schedule() {
    fork_from_steps(&[NORMALIZED, "schedule.by=step", "schedule.cosine={}"]);
}

#[test]
fn a_fork_of_a_finished_run_with_more_epochs_is_the_extended_run() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let forked = fork(&sandbox, &run, &["training.epochs=5"]);
    sandbox
        .runner(&["resume", &run, "training.epochs=5"])
        .success();
    assert_eq!(traces(&sandbox, &forked), traces(&sandbox, &run));
}

/// What a schedule would have done.
#[test]
fn a_fork_with_another_rate_is_the_run_whose_schedule_changes_the_rate_there() {
    let sandbox = Sandbox::new();
    let scheduled = sandbox.run_tiny(&["schedule.multi_step={milestones=[2],gamma=0.1}"]);
    let plain = sandbox.run_tiny(&["checkpoint.keep_last=10"]);
    let forked = fork(
        &sandbox,
        &format!("{plain}@2"),
        &["training.learning_rate=0.001"],
    );
    assert_eq!(rows(&sandbox, &forked), rows(&sandbox, &scheduled));
    assert_ne!(rows(&sandbox, &forked), rows(&sandbox, &plain));
    assert_eq!(rows(&sandbox, &forked)[..2], rows(&sandbox, &plain)[..2]);
}

#[test]
fn a_fork_is_a_run_like_any_other() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["checkpoint.keep_last=10"]);
    let id = run.strip_prefix("experiments/").unwrap();
    let others = [
        "training.learning_rate=0.003",
        "training.epochs=6",
        "checkpoint.keep_last=2",
    ];
    let forked = fork(&sandbox, &format!("{run}@1"), &others);
    let told = parent(&sandbox, &forked);
    assert_eq!(told["run_id"], id);
    assert_eq!((&told["epoch"], &told["step"]), (&1.into(), &9.into()));
    assert_eq!(told["checkpoint"], "step-00000009.safetensors");
    // It is kept beside the newest two and the best.
    let names = checkpoints(&sandbox, &forked);
    assert_eq!(names[0], "step-00000009.safetensors");
    let start = checkpoint(&sandbox, &forked, &names[0]);
    let original = checkpoint(&sandbox, &run, &names[0]);
    assert_eq!(told["digest"], original.digest());
    assert_eq!(start.state.previous, Some(original.digest()));
    assert!(start.arrays == original.arrays);
    assert_eq!(
        sandbox
            .read(&format!("{forked}/timing.csv"))
            .lines()
            .count(),
        1 + 5
    );

    let origin = format!("fork of {id} after epoch 1");
    let shown = sandbox.runner(&["show", &forked]).success();
    shown.stdout_has(&[
        &origin,
        &format!("began with step-00000009.safetensors of {id} with"),
        "training.learning_rate=0.003",
    ]);
    sandbox.runner(&["list"]).success().stdout_has(&[&origin]);
    let compared = sandbox.runner(&["compare", &run, &forked]).success();
    compared.stdout_has(&["0.003", "training.learning_rate"]);
    sandbox.runner(&["verify", &forked]).success();

    // Its parent is not needed any more.
    fs::remove_dir_all(sandbox.path(&run)).unwrap();
    sandbox
        .runner(&["reproduce", &forked])
        .success()
        .stdout_has(&["all epochs of", "after epoch 1 are equal"]);
    let again = fork(&sandbox, &forked, &["training.epochs=7"]);
    sandbox
        .runner(&["resume", &forked, "training.epochs=7"])
        .success();
    assert_eq!(traces(&sandbox, &again), traces(&sandbox, &forked));
}

#[test]
fn what_a_fork_began_with_is_verified_and_needed() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["checkpoint.keep_last=10"]);
    let forked = fork(&sandbox, &format!("{run}@1"), &["--fresh-optimizer"]);
    sandbox.runner(&["verify", &forked]).success();
    let start = format!("{forked}/checkpoints/step-00000009.safetensors");
    // The parent's own is intact, and not the fork's.
    let name = "step-00000009.safetensors";
    let mut foreign = checkpoint(&sandbox, &run, name);
    foreign.state = checkpoint(&sandbox, &forked, name).state;
    let good = fs::read(sandbox.path(&start)).unwrap();
    sandbox.write(&start, foreign.encode());
    sandbox
        .runner(&["verify", &forked])
        .code(3)
        .stdout_has(&["it is not what the fork began with"]);
    sandbox.write(&start, &good[..good.len() / 2]);
    sandbox
        .runner(&["reproduce", &forked])
        .code(5)
        .stderr_has(&[name, "put an intact copy"]);
    for name in checkpoints(&sandbox, &forked) {
        fs::remove_file(sandbox.path(&forked).join("checkpoints").join(name)).unwrap();
    }
    fs::remove_file(sandbox.path(&forked).join("result.json")).unwrap();
    sandbox
        .runner(&["resume", &forked])
        .code(5)
        .stderr_has(&["also the one that it began with"]);
}

#[test]
fn a_schedule_counts_epochs_whatever_the_batch_size_was() {
    let sandbox = Sandbox::new();
    let schedule = "schedule.step={step_size=1,gamma=0.5}";
    let run = sandbox.run_tiny(&[schedule, "checkpoint.keep_last=10"]);
    let others = ["training.batch_size=30", "training.epochs=5"];
    let forked = fork(&sandbox, &format!("{run}@2"), &others);
    let rates = ["0.01", "0.005", "0.0025", "0.00125", "0.000625"];
    assert_eq!(column(&sandbox, &forked, "learning_rate"), rates);
    assert_eq!(
        column(&sandbox, &forked, "step"),
        ["9", "18", "20", "22", "24"]
    );
    // And after a resume of the fork.
    let name = &checkpoints(&sandbox, &forked)[1];
    let copy = "copy";
    copy_run(&sandbox, &forked, copy);
    for later in checkpoints(&sandbox, copy) {
        if later > *name {
            fs::remove_file(sandbox.path(copy).join("checkpoints").join(later)).unwrap();
        }
    }
    fs::remove_file(sandbox.path(copy).join("result.json")).unwrap();
    sandbox.runner(&["resume", copy]).success();
    assert_eq!(traces(&sandbox, copy), traces(&sandbox, &forked));
}

#[test]
fn another_optimizer_needs_to_begin_anew() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["checkpoint.keep_last=10"]);
    let from = format!("{run}@2");
    let sgd = "optimizer={sgd={momentum=0.9}}";
    let command = format!("runner fork {from} '{sgd}' --fresh-optimizer");
    refused(
        &sandbox,
        &[&from, sgd],
        2,
        &["the optimizer is another", &command],
    );
    // The new rule begins with no state, so its steps are the first.
    let forked = fork(&sandbox, &from, &[sgd, "--fresh-optimizer"]);
    let names = checkpoints(&sandbox, &forked);
    let first = checkpoint(&sandbox, &forked, &names[0]);
    assert!(first.arrays.keys().all(|name| name.starts_with("model.")));
    let last = checkpoint(&sandbox, &forked, names.last().unwrap());
    let steps = &last.arrays["optimizer.step.layers.5.weight"];
    assert_eq!(format!("{:?}", steps.values), "I64([9])");
    sandbox.runner(&["verify", &forked]).success();
    sandbox.runner(&["reproduce", &forked]).success();
}

#[test]
fn averages_may_begin_and_end_with_a_fork() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["checkpoint.keep_last=10"]);
    let with = fork(&sandbox, &format!("{run}@1"), &["training.ema_decay=0.9"]);
    let without = fork(
        &sandbox,
        &format!("{with}@2"),
        &["training.ema_decay={unset=true}"],
    );
    for forked in [&with, &without] {
        sandbox.runner(&["verify", forked]).success();
        sandbox.runner(&["reproduce", forked]).success();
    }
    // Averages change what is evaluated, never what is trained.
    let digests = |run| column(&sandbox, run, "train_loss");
    assert_eq!(digests(&with), digests(&run));
    assert_eq!(digests(&without), digests(&run));
    assert_ne!(rows(&sandbox, &with)[2], rows(&sandbox, &run)[2]);
}

#[test]
fn what_cannot_be_forked_is_told_with_what_to_do() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["training.epochs=5"]);
    let nine = format!("{run}@9");
    refused(
        &sandbox,
        &[&nine],
        2,
        &["no checkpoint of the end of epoch 9", "epochs: "],
    );
    refused(
        &sandbox,
        &[&run],
        2,
        &["nothing is left to train", "training.epochs"],
    );
    let deeper = "model.layers[1].conv2d.out_channels=4";
    let more = ["training.epochs=6", "data.path=data"];
    let told = ["layers.1.weight", "[model] weights ="];
    refused(&sandbox, &[&run, deeper, more[0]], 2, &told);
    refused(&sandbox, &["nothing"], 2, &["nothing"]);
    refused(
        &sandbox,
        &[&run, "training.epocs=6"],
        2,
        &["did you mean `epochs`"],
    );

    // The same number of classes, but others.
    sandbox
        .runner(&["data", "export", "data", "renamed"])
        .success();
    for split in fs::read_dir(sandbox.path("renamed")).unwrap() {
        let nine = split.unwrap().path().join("9");
        fs::rename(&nine, nine.with_file_name("nine")).unwrap();
    }
    let others = ["data.path=renamed", more[0]];
    let told = ["the outputs of the network of", "nine", "[model] weights ="];
    refused(&sandbox, &[&run, others[0], others[1]], 4, &told);

    let newest = checkpoints(&sandbox, &run).pop().unwrap();
    let path = sandbox.path(&run).join("checkpoints").join(&newest);
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    fs::write(&path, bad).unwrap();
    refused(
        &sandbox,
        &[&run, more[0]],
        5,
        &[&newest, "does not match its digest"],
    );
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    fs::create_dir(path.parent().unwrap()).unwrap();
    refused(
        &sandbox,
        &[&run, more[0]],
        5,
        &["no checkpoint to begin with"],
    );
}

#[test]
fn values_change_between_epochs() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["checkpoint.every_steps=4", "checkpoint.keep_last=100"]);
    let names = checkpoints(&sandbox, &run);
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    for name in names
        .iter()
        .filter(|name| ***name > *"step-00000012.safetensors")
    {
        fs::remove_file(sandbox.path(&run).join("checkpoints").join(name)).unwrap();
    }
    let same = fork(&sandbox, &run, &[]);
    assert_eq!(parent(&sandbox, &same)["step"], 12);
    let other = fork(&sandbox, &run, &["training.learning_rate=0.02"]);
    assert_eq!(parent(&sandbox, &other)["step"], 9);
    for name in names
        .iter()
        .filter(|name| name.starts_with("step-00000009"))
    {
        fs::remove_file(sandbox.path(&run).join("checkpoints").join(name)).unwrap();
    }
    let told = ["of the end of an epoch", "resume"];
    refused(&sandbox, &[&run, "training.learning_rate=0.02"], 2, &told);
}

#[test]
fn what_resume_refuses_names_the_fork() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let value = "training.learning_rate=0.02";
    let outcome = sandbox.runner(&["resume", &run, value, "training.epochs=4"]);
    let stderr = outcome.code(2).stderr;
    let (_, command) = stderr.split_once("runner fork ").unwrap();
    let words: Vec<&str> = command.lines().next().unwrap().split(' ').collect();
    let forked = sandbox.runner(&[&["fork", "-q"], &words[..]].concat());
    let forked = forked.success().stdout;
    let rates = column(&sandbox, forked.trim(), "learning_rate");
    assert_eq!(rates, ["0.01", "0.01", "0.01", "0.02"]);
}

#[test]
fn data_may_move_and_may_be_others() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["checkpoint.every_steps=4", "checkpoint.keep_last=100"]);
    fs::rename(sandbox.path("data"), sandbox.path("moved")).unwrap();
    let advice = format!("runner fork {run} data.path=PLACE");
    refused(&sandbox, &[&run, "training.epochs=4"], 4, &[&advice]);
    let outcome = sandbox.runner(&["fork", &run, "training.epochs=4", "data.path=moved"]);
    let stderr = outcome.success().stderr;
    assert!(stderr.contains("changed: data.path"), "{stderr}");
    assert!(!stderr.contains("the data are others"), "{stderr}");

    sandbox.cut_data("more", 80, 30);
    let others = ["fork", &run, "training.epochs=4", "data.path=more"];
    let outcome: Outcome = sandbox.runner(&others).success();
    let stderr = outcome.stderr;
    assert!(stderr.contains("the data are others"), "{stderr}");
    // The parent's best row is of other labels, which nothing of the fork can be held against.
    sandbox.cut_data("wrong", 60, 30);
    let labels = sandbox.path("wrong/t10k-labels-idx1-ubyte");
    let mut bytes = fs::read(&labels).unwrap();
    for label in &mut bytes[8..] {
        *label = (*label + 1) % 10;
    }
    fs::write(&labels, bytes).unwrap();
    let others = ["data.path=wrong", "training.learning_rate=1e-9"];
    let forked = fork(&sandbox, &format!("{run}@2"), &others);
    let result = sandbox.read(&format!("{forked}/result.json"));
    assert!(
        result.contains("checkpoints/step-00000018.safetensors"),
        "{result}"
    );
    sandbox.runner(&["verify", &forked]).success();
    // In the middle of an epoch they may not.
    for name in checkpoints(&sandbox, &run) {
        if *name > *"step-00000012.safetensors" {
            fs::remove_file(sandbox.path(&run).join("checkpoints").join(name)).unwrap();
        }
    }
    refused(
        &sandbox,
        &[&run, "data.path=more"],
        4,
        &["differs from the file"],
    );
}
