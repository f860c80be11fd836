//! Trials and their data: what does not go together is told before any trial begins.

use std::fs;

use super::{column, only, run, sweep, write};
use crate::support::{Outcome, Sandbox};

/// Red with trials that are begun without a look at the data.
#[test]
fn batches_that_are_too_large_are_told_at_once_and_nothing_is_made() {
    let sandbox = super::sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.batch_size\" = { values = [20, 61, 62, 30] }\nseeds = [1, 2]\n",
    );
    for command in ["run", "check"] {
        let told = sweep(&sandbox, &[command, "s.toml"]).code(2);
        assert_eq!(told.stdout, "");
        told.stderr_has(&[
            "s.toml:3:41",
            "batch size 61 is larger than the 60 training images",
            "first in trial 3: training.batch_size=61",
            "batch size 62 is larger than the 60 training images",
            "first in trial 5: training.batch_size=62",
        ]);
    }
    assert!(!sandbox.path("experiments").exists());
}

/// Faults of data, of outputs and of batches, in one answer. Red with the first fault alone.
#[test]
fn faults_of_several_data_sections_are_told_together() {
    let sandbox = Sandbox::new();
    write(
        &sandbox,
        "[parameters]\n\
         \"data.path\" = { values = [\"data\", \"nowhere\"] }\n\
         \"training.batch_size\" = { values = [7, 61] }\n\
         \"model.layers[5].linear.out_features\" = { values = [10, 5] }\n",
    );
    let told = sweep(&sandbox, &["run", "s.toml"]).code(4).stderr_has(&[
        "cannot read nowhere",
        "(`data.path` is set at s.toml:3:35)",
        "(first in trial 5: data.path=\"nowhere\"",
        "give the last layer out_features = 10",
        "(first in trial 2: data.path=\"data\"",
        "batch size 61 is larger than the 60 training images",
        "first in trial 3: data.path=\"data\" training.batch_size=61",
    ]);
    assert_eq!(told.stderr.matches("cannot read").count(), 1);
    assert!(!sandbox.path("experiments").exists());
}

/// Red with data looked for on this machine alone.
#[test]
fn nodes_of_a_cluster_may_have_data_that_are_not_here() {
    let sandbox = Sandbox::new();
    let on_cluster = |lines: &str| {
        write(&sandbox, lines);
        let mut command = sandbox.command(&["sweep", "run", "s.toml", "--launcher", "slurm"]);
        Outcome::of(command.env("PATH", sandbox.path("")))
    };
    on_cluster("[parameters]\n\"data.path\" = { values = [\"nowhere\"] }\n")
        .code(1)
        .stderr_has(&[
            "note: cannot read nowhere",
            "if only the nodes have them",
            "is not there",
        ]);
    fs::remove_dir_all(sandbox.path("experiments")).unwrap();
    on_cluster("[parameters]\n\"training.batch_size\" = { values = [61] }\n")
        .code(2)
        .stderr_has(&["batch size 61"]);
    assert!(!sandbox.path("experiments").exists());
}

/// Only what is new is looked at, and the sweep stays as it is. Red with a sweep that is extended first.
#[test]
fn new_trials_of_a_sweep_are_checked_before_it_has_them() {
    let sandbox = super::sandbox();
    let sizes = |sizes: &str| {
        let lines = format!("[parameters]\n\"training.batch_size\" = {{ values = [{sizes}] }}\n");
        write(&sandbox, &lines);
    };
    sizes("20");
    let folder = run(&sandbox, &[]);
    let record = fs::read_to_string(folder.join("sweep.json")).unwrap();
    sizes("20, 61");
    sweep(&sandbox, &["extend", "last", "s.toml"])
        .code(2)
        .stderr_has(&["s.toml:3:", "batch size 61 is larger"]);
    assert_eq!(
        fs::read_to_string(folder.join("sweep.json")).unwrap(),
        record
    );
}

/// A sweep over batches of real digits that has ended, without the runs of some trials, and with fewer data than then.
fn cut(values: &str, seeds: &[u64], gone: &[usize]) -> Sandbox {
    let sandbox = Sandbox::new();
    write(
        &sandbox,
        &format!(
            "[parameters]\n\"training.batch_size\" = {{ values = [{values}] }}\nseeds = {seeds:?}\n"
        ),
    );
    let folder = run(&sandbox, &["training.epochs=1"]);
    for trial in gone {
        fs::remove_dir_all(folder.join(format!("trials/s-{trial:03}"))).unwrap();
    }
    sandbox.cut_data("data", 50, 30);
    sandbox
}

// Seen red with a refused trial that is begun again by each resume.
#[test]
fn a_trial_that_does_not_fit_the_data_any_more_fails_alone() {
    let sandbox = cut("20, 58, 59, 30", &[1], &[2, 3]);
    let reason = "batch size 58 is larger than the 50 training images";
    sweep(&sandbox, &["resume"])
        .code(1)
        .stderr_has(&["2 trials failed", &format!("trial 2: {reason}")]);
    let folder = only(&sandbox);
    let expected = ["finished", "failed", "failed", "finished"];
    assert_eq!(column(&folder, "status"), expected);
    let log = fs::read_to_string(folder.join("logs/002.log")).unwrap();
    sweep(&sandbox, &["resume"]).code(1).stderr_has(&[reason]);
    let after = fs::read_to_string(folder.join("logs/002.log")).unwrap();
    assert_eq!(log, after);
    sweep(&sandbox, &["status"]).success().stdout_has(&[reason]);
}

/// Labels that the network has no outputs for come again as well. Red with errors of the config alone.
#[test]
fn too_few_outputs_are_not_tried_again() {
    let sandbox = cut("20", &[1], &[1]);
    let labels = "data/train-labels-idx1-ubyte";
    let mut bytes = fs::read(sandbox.path(labels)).unwrap();
    *bytes.last_mut().unwrap() = 11;
    sandbox.write(labels, bytes);
    let told = sweep(&sandbox, &["resume"]).code(1).stderr;
    assert!(told.contains("1 trial failed"), "{told}");
    assert!(!told.contains("to try again"), "{told}");
    let folder = only(&sandbox);
    let log = fs::read_to_string(folder.join("logs/001.log")).unwrap();
    assert!(log.contains("out_features = 12"), "{log}");
    sweep(&sandbox, &["resume"]).code(1);
    assert_eq!(
        fs::read_to_string(folder.join("logs/001.log")).unwrap(),
        log
    );
}

/// Trials that fail in the same way are told in one line. Seen red with a line each.
#[test]
fn equal_failures_are_told_once() {
    let sandbox = cut("58", &[1, 2, 3], &[1, 2, 3]);
    let told = sweep(&sandbox, &["resume"]).code(1).stderr;
    let (_, end) = told.split_once("error: 3 trials failed:\n").unwrap();
    let reason = "batch size 58 is larger than the 50 training images";
    assert_eq!(end, format!("  trials 1, 2, 3: {reason}\n"));
    sweep(&sandbox, &["best"])
        .code(2)
        .stderr_has(&["no trial has a score yet", "runner sweep status"]);
}
