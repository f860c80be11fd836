//! `training.eval_every_epochs`: what is not evaluated is left empty, and nothing else changes.

use runner::metrics::COLUMNS;

use crate::resume::traces;
use crate::support::Sandbox;

fn rows(sandbox: &Sandbox, run: &str) -> Vec<Vec<String>> {
    let text = sandbox.read(&format!("{run}/metrics.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|record| record.unwrap());
    rows.map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}

/// The cells of a row in the columns of evaluation, and all others.
fn apart(row: &[String]) -> (Vec<&str>, Vec<&str>) {
    assert_eq!(row.len(), COLUMNS.len());
    let cells_of = |of_evaluation: bool| {
        let cells = COLUMNS.iter().zip(row);
        let cells = cells.filter(|(column, _)| column.is_of_evaluation() == of_evaluation);
        cells.map(|(_, cell)| cell.as_str()).collect()
    };
    (cells_of(true), cells_of(false))
}

#[test]
fn epochs_in_between_have_no_scores_and_train_the_same() {
    let sandbox = Sandbox::new();
    let every = sandbox.run_tiny(&[]);
    let every_second = sandbox.run_tiny(&["training.eval_every_epochs=2"]);
    let (all, some) = (rows(&sandbox, &every), rows(&sandbox, &every_second));
    for (epoch, (all, some)) in (1..).zip(all.iter().zip(&some)) {
        let ((_, all_others), (some_eval, some_others)) = (apart(all), apart(some));
        assert_eq!(all_others, some_others, "with the digest");
        if epoch == 2 {
            assert_eq!(all, some);
        } else {
            assert!(some_eval.len() >= 10);
            assert!(some_eval.iter().all(|cell| cell.is_empty()), "{some:?}");
        }
    }
    // The results are of the last epoch all the same.
    let read = |run: &str, name: &str| sandbox.read(&format!("{run}/{name}"));
    for name in ["predictions.csv", "report.txt", "confusion_matrix.csv"] {
        assert_eq!(read(&every, name), read(&every_second, name));
    }
    let result: serde_json::Value =
        serde_json::from_str(&read(&every_second, "result.json")).unwrap();
    assert_eq!(result["best"]["epoch"], 2);
    assert_eq!(result["last"]["eval_accuracy"], serde_json::Value::Null);
    sandbox.runner(&["verify", &every_second]).success();
    sandbox.runner(&["show", &every_second]).success();
    sandbox.runner(&["list"]).success();
    sandbox.runner(&["reproduce", &every_second]).success();
    let compared = sandbox
        .runner(&["compare", &every, &every_second])
        .success();
    compared.stdout_has(&["training.eval_every_epochs"]);
}

// Seen red with a last epoch that is evaluated out of turn.
#[test]
fn a_run_that_is_made_longer_equals_one_that_was_longer() {
    let sandbox = Sandbox::new();
    let long = sandbox.run_tiny(&["training.eval_every_epochs=2", "training.epochs=5"]);
    let run = sandbox.run_tiny(&["training.eval_every_epochs=2"]);
    sandbox
        .runner(&["resume", &run, "training.epochs=5"])
        .success();
    assert_eq!(traces(&sandbox, &run), traces(&sandbox, &long));
}

#[test]
fn patience_counts_measured_epochs() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[
        "training.eval_every_epochs=2",
        "training.epochs=20",
        "training.learning_rate=1e-9",
        "early_stop.patience=2",
        "early_stop.min_delta=1",
    ]);
    // The second epoch has the best, the fourth and the sixth are no better.
    assert_eq!(rows(&sandbox, &run).len(), 6);
}

#[test]
fn what_is_never_measured_cannot_be_watched() {
    let sandbox = Sandbox::new();
    let show = |overrides: &[&str]| {
        sandbox.runner(&[&["config", "show", "tiny.toml"], overrides].concat())
    };
    let never = "training.eval_every_epochs=0";
    show(&[never]).code(2).stderr_has(&[
        "error: no checkpoint can be the best: `eval_accuracy` is never measured",
        "command line:1:28",
    ]);
    show(&[
        never,
        "checkpoint.keep_best=0",
        "early_stop={monitor=\"eval_f1\",patience=1}",
    ])
    .code(2)
    .stderr_has(&[
        "error: `early_stop` can never end this run: `eval_f1` is never measured",
        "no epoch is evaluated",
    ]);
    show(&[never, "checkpoint.monitor=train_loss"]).success();
    show(&[never, "checkpoint.keep_best=0"]).success();
    // Too seldom can be mended by more epochs.
    show(&[
        "training.eval_every_epochs=4",
        "checkpoint.monitor=eval_loss",
    ])
    .success()
    .stderr_has(&[
        "warning: no checkpoint can be the best: `eval_loss` is never measured",
        "the run ends with epoch 3, before the first evaluation",
    ]);

    let run = sandbox.run_tiny(&[never, "checkpoint.monitor=train_loss"]);
    assert!(
        rows(&sandbox, &run)
            .iter()
            .all(|row| apart(row).0.concat().is_empty())
    );
    let result = sandbox.read(&format!("{run}/result.json"));
    assert!(result.contains("\"monitor\": \"train_loss\""), "{result}");
    sandbox.runner(&["verify", &run]).success();
}
