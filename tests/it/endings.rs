//! Runs that end before their last epoch: early stopping, time limits; and checkpoints by the clock.

use std::fs;

use crate::resume::{checkpoints, traces};
use crate::support::Sandbox;

/// A column of a run's metrics.csv.
fn column(sandbox: &Sandbox, run: &str, name: &str) -> Vec<f64> {
    let metrics = sandbox.read(&format!("{run}/metrics.csv"));
    let mut reader = csv::Reader::from_reader(metrics.as_bytes());
    let index = reader
        .headers()
        .unwrap()
        .iter()
        .position(|header| header == name);
    reader
        .records()
        .map(|record| record.unwrap()[index.unwrap()].parse().unwrap())
        .collect()
}

#[test]
fn early_stopping_waits_for_patience_epochs_without_improvement() {
    let sandbox = Sandbox::new();
    for (monitor, sign, min_delta) in [
        ("eval_accuracy", 1.0, 0.0),
        ("eval_loss", -1.0, 0.05),
        ("train_loss", -1.0, 0.2),
    ] {
        let rule = [
            &format!("early_stop.monitor={monitor}"),
            "early_stop.patience=2",
            &format!("early_stop.min_delta={min_delta}"),
            "checkpoint.every_epochs=100",
        ];
        let run = sandbox.run_tiny(&[&["training.epochs=60"], &rule[..]].concat());
        let values = column(&sandbox, &run, monitor);
        // Lightning's rule, in the plainest way.
        let (mut best, mut waited, mut end) = (f64::NEG_INFINITY, 0, 0);
        for value in column(
            &sandbox,
            &sandbox.run_tiny(&["training.epochs=60"]),
            monitor,
        ) {
            end += 1;
            if sign * value > best + min_delta {
                (best, waited) = (sign * value, 0);
            } else {
                waited += 1;
            }
            if waited == 2 {
                break;
            }
        }
        assert_eq!(values.len(), end, "{monitor}");
        assert!(end < 60, "{monitor}");
        assert_eq!(
            checkpoints(&sandbox, &run).len(),
            1,
            "the last epoch has one"
        );
        sandbox
            .runner(&["resume", &run])
            .success()
            .stdout_has(&["is finished after epoch"]);

        // The same, though it was stopped before the last epoch and knows nothing but its rows.
        let short = format!("training.epochs={}", end - 1);
        let resumed = sandbox.run_tiny(&[&[short.as_str()], &rule[..]].concat());
        sandbox
            .runner(&["resume", &resumed, "training.epochs=60"])
            .success()
            .stderr_has(&[&format!("stopped early after epoch {end}"), monitor]);
        assert_eq!(traces(&sandbox, &resumed), traces(&sandbox, &run));
        sandbox.runner(&["verify", &resumed]).success();
    }
}

#[test]
fn a_time_limit_stops_with_a_checkpoint_and_resumes_to_the_same_run() {
    let sandbox = Sandbox::new();
    let expected = traces(&sandbox, &sandbox.run_tiny(&["training.epochs=30"]));
    let limited = [
        "run",
        "tiny.toml",
        "-q",
        "training.epochs=30",
        "training.max_minutes=0.001",
    ];
    let outcome = sandbox.runner(&limited).code(75);
    let run = outcome.stdout.trim();
    assert!(!checkpoints(&sandbox, run).is_empty());
    sandbox
        .runner(&["resume", run, "training.max_minutes=0"])
        .success()
        .stderr_has(&["changed: training.max_minutes = 0"]);
    assert_eq!(traces(&sandbox, run), expected);
}

// Seen red with the place inside the evaluation not taken back.
#[test]
fn checkpoints_by_the_clock_change_nothing_else() {
    let sandbox = Sandbox::new();
    let expected = traces(&sandbox, &sandbox.run_tiny(&[]));
    // After every batch: 9 of training and 5 of evaluation, and the end of each epoch.
    let run = sandbox.run_tiny(&["checkpoint.every_minutes=1e-9", "checkpoint.keep_last=1000"]);
    assert_eq!(checkpoints(&sandbox, &run).len(), 3 * (9 + 5 + 1));
    assert_eq!(traces(&sandbox, &run), expected);
    let names = checkpoints(&sandbox, &run);
    let middle = names
        .iter()
        .position(|name| name.contains("-eval-0003"))
        .unwrap();
    for later in &names[middle + 1..] {
        fs::remove_file(sandbox.path(&run).join("checkpoints").join(later)).unwrap();
    }
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    sandbox.runner(&["resume", &run]).success();
    assert_eq!(
        traces(&sandbox, &run),
        expected,
        "from the middle of an evaluation"
    );
}

#[test]
fn retention_keeps_the_newest_and_the_best() {
    let sandbox = Sandbox::new();
    let overrides = [
        "training.epochs=12",
        "checkpoint.keep_last=2",
        "checkpoint.keep_best=3",
        "checkpoint.monitor=eval_loss",
    ];
    let run = sandbox.run_tiny(&overrides);
    let mut losses: Vec<(f64, usize)> = column(&sandbox, &run, "eval_loss")
        .into_iter()
        .enumerate()
        .map(|(row, loss)| (loss, (row + 1) * 9))
        .collect();
    losses.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut steps: Vec<usize> = losses[..3].iter().map(|(_, step)| *step).collect();
    steps.extend([11 * 9, 12 * 9]);
    steps.sort();
    steps.dedup();
    let expected: Vec<String> = steps
        .iter()
        .map(|step| format!("step-{step:08}.safetensors"))
        .collect();
    assert_eq!(checkpoints(&sandbox, &run), expected);
}
