//! predictions.csv and its like: names, probabilities, and what the best checkpoint says.

use std::fs;

use runner::run_dir::MetricsTable;
use serde_json::Value;

use crate::support::Sandbox;

/// The cells of a file under their headings.
fn read(sandbox: &Sandbox, path: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let text = sandbox.read(path);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    (header, rows.collect())
}

fn result(sandbox: &Sandbox, run: &str) -> Value {
    serde_json::from_str(&sandbox.read(&format!("{run}/result.json"))).unwrap()
}

/// The accuracy that a file of predictions gives.
fn accuracy(sandbox: &Sandbox, path: &str) -> f64 {
    let (_, rows) = read(sandbox, path);
    let right = rows.iter().filter(|row| row[2] == row[4]).count();
    right as f64 / rows.len() as f64
}

/// The mean of -ln of the label's probability is the loss in metrics.csv, which is computed from the logits.
/// Red with the probabilities of the next class.
#[test]
fn all_probabilities_are_those_of_the_classes() {
    let sandbox = Sandbox::new();
    let plain = sandbox.run_tiny(&[]);
    let run = sandbox.run_tiny(&["log.probabilities=true"]);
    let (header, rows) = read(&sandbox, &format!("{run}/predictions.csv"));
    let names: Vec<String> = (0..10)
        .map(|class| format!("probability_{class}"))
        .collect();
    assert_eq!(header[7..], names);
    let mut loss = 0.0;
    for row in &rows {
        let probabilities: Vec<f64> = row[7..].iter().map(|cell| cell.parse().unwrap()).collect();
        let sum: f64 = probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        let prediction: usize = row[4].parse().unwrap();
        assert_eq!(row[6], row[7 + prediction], "{row:?}");
        assert!(
            probabilities
                .iter()
                .all(|it| *it <= probabilities[prediction])
        );
        loss -= probabilities[row[2].parse::<usize>().unwrap()].ln();
    }
    let metrics = MetricsTable::read(&sandbox.path(&run).join("metrics.csv")).unwrap();
    let stated = metrics.get(2, "eval_loss").unwrap();
    assert!((loss / rows.len() as f64 - stated).abs() < 1e-6);
    // Nothing else changes, and a resume may ask for them.
    let (_, plain_rows) = read(&sandbox, &format!("{plain}/predictions.csv"));
    for (one, other) in plain_rows.iter().zip(&rows) {
        assert_eq!(one[..], other[..7]);
    }
    sandbox.runner(&["verify", &run]).success();
    let again = [
        "resume",
        &plain,
        "log.probabilities=true",
        "training.epochs=4",
    ];
    sandbox.runner(&again).success();
    let (header, _) = read(&sandbox, &format!("{plain}/predictions.csv"));
    assert_eq!(header[7..], names);
    sandbox.runner(&["verify", &plain]).success();
}

/// Red where the names are those of the next class.
#[test]
fn classes_are_named() {
    let sandbox = Sandbox::new();
    for (split, count) in [("train", 12), ("test", 4)] {
        for class in ["ant", "bee"] {
            for index in 0..count {
                let shade = if class == "ant" { 10 } else { 200 };
                let mut image = b"P5 4 4 255\n".to_vec();
                image.extend([shade + index; 16]);
                sandbox.write(&format!("insects/{split}/{class}/{index}.pgm"), image);
            }
        }
    }
    let run = sandbox.run_tiny(&[
        "data.path=insects",
        "model.input=[1,4,4]",
        "model.layers=['flatten',{linear={out_features=2}}]",
    ]);
    let (header, rows) = read(&sandbox, &format!("{run}/predictions.csv"));
    assert_eq!(
        header,
        [
            "index",
            "path",
            "label",
            "label_name",
            "prediction",
            "prediction_name",
            "probability"
        ]
    );
    let name = |class: &str| if class == "0" { "ant" } else { "bee" };
    for row in &rows {
        assert!(row[1].contains(&format!("/{}/", row[3])), "{row:?}");
        assert_eq!(
            (row[3].as_str(), row[5].as_str()),
            (name(&row[2]), name(&row[4]))
        );
    }
    let wrong = sandbox
        .read(&format!("{run}/predictions.csv"))
        .replacen(",ant,", ",bee,", 1);
    sandbox.write(&format!("{run}/predictions.csv"), wrong);
    sandbox
        .runner(&["verify", &run])
        .code(3)
        .stdout_has(&["FAILED  predictions.csv: line 2"]);
}

/// Runs of older versions have five columns, and no checkpoint in result.json.
#[test]
fn a_run_of_an_older_version_is_verified() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let path = format!("{run}/predictions.csv");
    let (header, rows) = read(&sandbox, &path);
    let mut text = String::new();
    for row in [&header].into_iter().chain(&rows) {
        let old = [0, 1, 2, 4, 6].map(|place| row[place].as_str());
        text += &(old.join(",") + "\n");
    }
    sandbox.write(&path, text);
    fs::remove_file(sandbox.path(&format!("{run}/best_predictions.csv"))).unwrap();
    let path = format!("{run}/result.json");
    let mut value = result(&sandbox, &run);
    for key in ["best_checkpoint", "planned_epochs"] {
        value.as_object_mut().unwrap().remove(key);
    }
    sandbox.write(&path, format!("{value:#}\n"));
    sandbox.runner(&["verify", &run]).success();
    sandbox
        .runner(&["resume", &run, "training.epochs=4"])
        .success();
    sandbox.runner(&["verify", &run]).success();
}

/// The training rate is so high that the last epoch is not the best. Red with the last network for both.
#[test]
fn the_best_checkpoint_has_predictions_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox.cut_data("other", 60, 40);
    let overrides = [
        "training.epochs=6",
        "training.learning_rate=0.1",
        "data.test=other",
        "training.ema_decay=0.5",
    ];
    let run = sandbox.run_tiny(&overrides);
    let metrics = MetricsTable::read(&sandbox.path(&run).join("metrics.csv")).unwrap();
    let best = metrics.best("eval_accuracy").unwrap();
    assert!(
        best + 1 < metrics.len(),
        "choose another rate: the last epoch is the best"
    );
    let said = result(&sandbox, &run);
    let step = metrics.get(best, "step").unwrap();
    assert_eq!(
        said["best_checkpoint"],
        format!("checkpoints/step-{step:08}.safetensors")
    );
    assert!(
        sandbox
            .path(&run)
            .join(said["best_checkpoint"].as_str().unwrap())
            .is_file()
    );
    for (row, file) in [(best, "best_predictions.csv"), (5, "predictions.csv")] {
        let accuracy = accuracy(&sandbox, &format!("{run}/{file}"));
        let stated = metrics.get(row, "eval_accuracy").unwrap();
        assert!(
            (accuracy - stated).abs() < 1e-12,
            "{file}: {accuracy} and {stated}"
        );
    }
    for (name, file) in [
        ("test", "test_predictions.csv"),
        ("best_test", "best_test_predictions.csv"),
    ] {
        let accuracy = accuracy(&sandbox, &format!("{run}/{file}"));
        let stated = said[name]["accuracy"].as_f64().unwrap();
        assert!(
            (accuracy - stated).abs() < 1e-12,
            "{file}: {accuracy} and {stated}"
        );
    }
    sandbox.runner(&["verify", &run]).success();
    // Stopped before the results and gone on with, it says the same.
    let before = sandbox.read(&format!("{run}/best_predictions.csv"));
    for file in ["result.json", "best_predictions.csv"] {
        fs::remove_file(sandbox.path(&run).join(file)).unwrap();
    }
    sandbox.runner(&["resume", &run]).success();
    assert_eq!(sandbox.read(&format!("{run}/best_predictions.csv")), before);
    // The predictions of other images are not those of the best epoch.
    let others = sandbox.read(&format!("{run}/test_predictions.csv"));
    sandbox.write(&format!("{run}/best_predictions.csv"), others);
    let verified = sandbox.runner(&["verify", &run]).code(3);
    verified.stdout_has(&["FAILED  best_predictions.csv: the best row of metrics.csv"]);
}

/// Red without the removal: they would be taken for those of the longer run.
#[test]
fn a_run_that_keeps_no_best_checkpoint_has_no_predictions_of_it() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["training.epochs=1"]);
    assert!(
        sandbox
            .path(&format!("{run}/best_predictions.csv"))
            .exists()
    );
    let longer = [
        "resume",
        &run,
        "training.epochs=8",
        "checkpoint.keep_best=0",
    ];
    sandbox.runner(&longer).success();
    assert_eq!(result(&sandbox, &run)["best_checkpoint"], Value::Null);
    assert!(
        !sandbox
            .path(&format!("{run}/best_predictions.csv"))
            .exists()
    );
    sandbox.runner(&["verify", &run]).success();
}
