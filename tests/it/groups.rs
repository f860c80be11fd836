//! `[[training.groups]]` in whole runs.

use runner::array::Array;
use runner::run_dir::Checkpoint;

use crate::resume::{NORMALIZED, checkpoints};
use crate::support::Sandbox;

/// The first convolution and its norm are frozen, and the rest of `NORMALIZED` learns in three ways.
const GROUPS: &str = "training.groups=[{match='layers.0.*',frozen=true},{match='layers.1.*',frozen=true},\
    {match='*.bias',learning_rate_scale=0.5,weight_decay=0.1},{match='layers.3.*',learning_rate_scale=2.0}]";

fn checkpoint(sandbox: &Sandbox, run: &str, name: &str) -> Checkpoint {
    let path = sandbox.path(run).join("checkpoints").join(name);
    Checkpoint::read(&path).unwrap().0
}

#[test]
fn what_is_frozen_is_in_every_checkpoint_as_it_began() {
    let sandbox = Sandbox::new();
    let keep = [
        "checkpoint.keep_last=10",
        "optimizer.adamw.weight_decay=0.5",
    ];
    let ema = "training.ema_decay=0.9";
    let run = sandbox.run_tiny(&[NORMALIZED, GROUPS, keep[0], keep[1], ema]);
    let names = checkpoints(&sandbox, &run);
    let all: Vec<Checkpoint> = names
        .iter()
        .map(|name| checkpoint(&sandbox, &run, name))
        .collect();
    let frozen = |name: &str| name.contains("layers.0.") || name.contains("layers.1.");
    for (name, array) in &all[0].arrays {
        let others: Vec<&Array> = all[1..].iter().map(|it| &it.arrays[name]).collect();
        let stays = others.iter().all(|other| *other == array);
        assert_eq!(stays, frozen(name), "{name}");
        // Neither state nor average of it.
        assert!(!frozen(name) || name.starts_with("model."), "{name}");
    }
    assert!(all[0].arrays.contains_key("model.layers.1.running_mean"));
    sandbox.runner(&["verify", &run]).success();
    sandbox.runner(&["reproduce", &run]).success();
}

#[test]
fn check_shows_the_groups_with_their_parameters() {
    let sandbox = Sandbox::new();
    let arguments = ["check", "tiny.toml", NORMALIZED, GROUPS];
    let text = sandbox.runner(&arguments).success().stdout;
    let (_, table) = text.split_once("group ").unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .take(5)
        .map(|line| line.split_whitespace().collect())
        .collect();
    // 4 filters of 3x3; weight and bias of their norm; the biases of layers 3, 4, 7 and 10, and the rest.
    let rest = ["all", "others", "0.01", "0.0", "336"];
    let expected: [&[&str]; 5] = [
        &["layers.0.*", "frozen", "-", "36"],
        &["layers.1.*", "frozen", "-", "8"],
        &["*.bias", "0.005", "0.1", "34"],
        &["layers.3.*", "0.02", "0.0", "288"],
        &rest,
    ];
    assert_eq!(rows, expected, "{table}");
}

#[test]
fn groups_without_parameters_are_errors_at_their_line() {
    let sandbox = Sandbox::new();
    let config = sandbox.read("tiny.toml").replace(
        "[model]",
        "[[training.groups]]\nmatch = \"*.weight\"\n[[training.groups]]\nmatch = \"PATTERN\"\n[model]",
    );
    let with = |pattern: &str| {
        sandbox.write("groups.toml", config.replace("PATTERN", pattern));
        let outcome = sandbox.runner(&["run", "groups.toml"]).code(2);
        assert!(!sandbox.path("experiments").exists());
        outcome.stderr
    };
    let line = 1 + config
        .lines()
        .position(|line| line.contains("PATTERN"))
        .unwrap();
    let told = with("layers.7.*");
    assert!(told.contains(&format!("groups.toml:{line}:")), "{told}");
    assert!(told.contains("no name matches"), "{told}");
    assert!(
        told.contains("layers.1.weight, layers.1.bias, layers.5.weight"),
        "{told}"
    );
    let told = with("layers.1.weight");
    assert!(told.contains("belong to groups before it"), "{told}");
    sandbox
        .runner(&[
            "run",
            "tiny.toml",
            "training.groups=[{match='*',frozen=true}]",
        ])
        .code(2)
        .stderr_has(&["nothing to train"]);
}

#[test]
fn a_fork_freezes_and_thaws() {
    let sandbox = Sandbox::new();
    let keep = "checkpoint.keep_last=10";
    let run = sandbox.run_tiny(&[NORMALIZED, keep, "training.ema_decay=0.9"]);
    let fork = |run: &str, value: &str| {
        let outcome = sandbox.runner(&["fork", "-q", run, value]);
        outcome.success().stdout.trim().to_owned()
    };
    let frozen = fork(&format!("{run}@1"), GROUPS);
    let names = checkpoints(&sandbox, &frozen);
    let [start, second] = [0, 1].map(|place| checkpoint(&sandbox, &frozen, &names[place]));
    let name = "model.layers.0.weight";
    assert_eq!(start.arrays[name], second.arrays[name]);
    assert!(!start.arrays.contains_key("optimizer.step.layers.0.weight"));
    let thawed = fork(&format!("{frozen}@2"), "training.groups={unset=true}");
    let names = checkpoints(&sandbox, &thawed);
    let last = checkpoint(&sandbox, &thawed, names.last().unwrap());
    assert_ne!(last.arrays[name], second.arrays[name]);
    // Nine steps of the last epoch; the others have been trained in all three.
    let steps = |parameter: &str| {
        let steps = &last.arrays[&format!("optimizer.step.{parameter}")];
        format!("{:?}", steps.values)
    };
    assert_eq!(steps("layers.0.weight"), "I64([9])");
    assert_eq!(steps("layers.3.weight"), "I64([27])");
    for run in [&frozen, &thawed] {
        sandbox.runner(&["verify", run]).success();
        sandbox.runner(&["reproduce", run]).success();
    }
}
