//! `runner evaluate`: the run's own numbers to the byte, and those of other images.

use std::fs;

use serde_json::Value;

use super::{ON_PNG, rows, with_png};
use crate::support::Sandbox;

/// The folder that an evaluation wrote, relative to the sandbox.
fn evaluated(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let arguments = [&["evaluate", "-q"], arguments].concat();
    let outcome = sandbox.runner(&arguments).success();
    outcome.stdout.trim().to_owned()
}

fn record(sandbox: &Sandbox, folder: &str) -> Value {
    serde_json::from_str(&sandbox.read(&format!("{folder}/evaluation.json"))).unwrap()
}

fn assert_same(sandbox: &Sandbox, [one, other]: [&str; 2]) {
    assert!(
        sandbox.read(one) == sandbox.read(other),
        "{one} and {other} differ"
    );
}

/// The last row of metrics.csv, by column.
fn last_row(sandbox: &Sandbox, run: &str) -> Vec<(String, String)> {
    let text = sandbox.read(&format!("{run}/metrics.csv"));
    let header = text.lines().next().unwrap().split(',');
    let last = text.lines().last().unwrap().split(',');
    header
        .zip(last)
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

/// Red with the weights as trained for the averages.
#[test]
fn the_runs_own_data_give_its_own_numbers() {
    let sandbox = with_png();
    let mut overrides = ON_PNG.to_vec();
    overrides.extend([
        "data.path={unset=true}",
        "data.train=png/train",
        "data.eval=png/test",
        "data.test=png/train",
    ]);
    let run = sandbox.run_tiny(&overrides);
    let last = evaluated(&sandbox, &[&run, "--checkpoint", "last"]);
    for name in [
        "predictions.csv",
        "report.txt",
        "confusion_matrix.csv",
        "test_predictions.csv",
        "test_report.txt",
        "test_confusion_matrix.csv",
    ] {
        assert_same(
            &sandbox,
            [&format!("{run}/{name}"), &format!("{last}/{name}")],
        );
    }
    let scores = record(&sandbox, &last)["eval"]["scores"].clone();
    let mut compared = 0;
    for (column, cell) in last_row(&sandbox, &run) {
        let Some(name) = column.strip_prefix("eval_") else {
            continue;
        };
        assert_eq!(
            scores[name].to_string(),
            serde_json::json!(cell.parse::<f64>().unwrap()).to_string(),
            "{name}"
        );
        compared += 1;
    }
    assert_eq!(compared, scores.as_object().unwrap().len());
    let best = evaluated(&sandbox, &[&run]);
    for name in ["predictions.csv", "test_predictions.csv"] {
        assert_same(
            &sandbox,
            [&format!("{run}/best_{name}"), &format!("{best}/{name}")],
        );
    }
    assert_ne!(best, last);
    sandbox.runner(&["verify", &run]).success();
}

/// Data that have moved are the run's own all the same.
#[test]
fn moved_data_are_the_runs_own() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    fs::rename(sandbox.path("data"), sandbox.path("moved")).unwrap();
    sandbox
        .runner(&["evaluate", &run])
        .code(4)
        .stderr_has(&["runner evaluate", "data.path=PLACE"]);
    let folder = evaluated(&sandbox, &[&run, "data.path=moved", "--checkpoint", "last"]);
    assert_eq!(record(&sandbox, &folder)["own_data"], true);
    let said = |folder: &str| {
        let rows = rows(&sandbox.read(&format!("{folder}/predictions.csv"))).into_iter();
        let without_paths = rows.map(|row| [&row[..1], &row[2..]].concat());
        without_paths.collect::<Vec<_>>()
    };
    assert_eq!(said(&run), said(&folder));
}

/// Classes go by their names: the set has other numbers for them, one that the run lacks, and lacks some itself.
#[test]
fn other_images_are_scored_by_the_names_of_their_classes() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&[]);
    for class in [2, 5] {
        fs::remove_dir_all(sandbox.path(&format!("png/train/{class}"))).unwrap();
    }
    fs::rename(sandbox.path("png/train/0"), sandbox.path("png/train/zero")).unwrap();
    fs::rename(sandbox.path("png/train"), sandbox.path("others")).unwrap();
    let zeros = fs::read_dir(sandbox.path("others/zero")).unwrap().count();
    let outcome = sandbox
        .runner(&["evaluate", &run, "data.path=others", "--to", "results"])
        .success()
        .stderr_has(&[
            &format!("{zeros} images are left out, since the run has no class of theirs: zero"),
            "there are no images of 0, 2, 5",
        ]);
    assert!(
        outcome.stdout.contains("results: results"),
        "{}",
        outcome.stdout
    );
    let record = record(&sandbox, "results");
    assert_eq!(record["own_data"], false);
    assert_eq!(record["unknown_classes"]["zero"], zeros);
    let rows = rows(&sandbox.read("results/predictions.csv"));
    assert_eq!(record["eval"]["images"], rows.len());
    for row in &rows {
        let folder = row[1].rsplit('/').nth(1).unwrap();
        assert_eq!(
            row[3], folder,
            "the name of the class is that of its folder"
        );
    }
    let right = rows.iter().filter(|row| row[3] == row[5]).count() as f64;
    assert_eq!(
        record["eval"]["scores"]["accuracy"],
        right / rows.len() as f64
    );
    let predicted = sandbox
        .runner(&["predict", &run, "others", "--csv"])
        .success();
    let predicted = super::rows(&predicted.stdout);
    for row in &rows {
        let is_same = |it: &&Vec<String>| row[1].ends_with(&it[0]);
        let same = predicted.iter().find(is_same).unwrap();
        assert_eq!([&same[2], &same[4]], [&row[4], &row[6]]);
    }
}

#[test]
fn what_cannot_be_evaluated_leaves_nothing() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&[]);
    let of = |arguments: &[&str]| sandbox.runner(&[&["evaluate", &run], arguments].concat());
    of(&["seed=2"])
        .code(2)
        .stderr_has(&["`seed` says nothing to an evaluation"]);
    of(&["data.path=nowhere"])
        .code(4)
        .stderr_has(&["nowhere", "data.path"]);
    sandbox.write(
        "cats/cat/1.png",
        fs::read(sandbox.path("png/test/7/000000.png")).unwrap(),
    );
    of(&["data.path=cats"])
        .code(4)
        .stderr_has(&["its classes are cat, of which the run has none"]);
    sandbox.write("png/test/7/broken.png", "");
    of(&["data.path=png/test"])
        .code(4)
        .stderr_has(&["broken.png: the file is empty"]);
    of(&["--to", "png"])
        .code(2)
        .stderr_has(&["png: it exists already"]);
    let evaluations = fs::read_dir(sandbox.path(&run).join("evaluations"));
    assert!(evaluations.is_err(), "no folder was made");
    let left = fs::read_dir(sandbox.path("")).unwrap().flatten();
    let left = left.filter(|it| it.file_name().to_string_lossy().starts_with(".tmp"));
    assert_eq!(left.count(), 0);
    let skipping = of(&[
        "data.path=png/test",
        "data.on_bad_image=\"skip\"",
        "metrics.top_k=1",
    ])
    .success();
    assert!(
        skipping.stderr.contains("1 image file skipped"),
        "{}",
        skipping.stderr
    );
}
