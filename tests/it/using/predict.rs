//! `runner predict`: what it says of images must be what the run said of them.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use super::{ON_PNG, UNSTEADY, rows, with_png};
use crate::support::{Outcome, Sandbox};

/// What predictions.csv and its like have of each image: the number in its name, the prediction and its probability.
fn of_run(sandbox: &Sandbox, file: &str) -> Vec<[String; 3]> {
    let rows = rows(&sandbox.read(file)).into_iter();
    let rows = rows.map(|row| [row[0].clone(), row[4].clone(), row[6].clone()]);
    rows.collect()
}

/// The same of `predict --csv` on exported images, whose names are their numbers.
fn predicted(outcome: &Outcome) -> Vec<[String; 3]> {
    let rows = rows(&outcome.stdout).into_iter();
    let mut rows: Vec<[String; 3]> = rows
        .map(|row| {
            let name = row[0].rsplit('/').next().unwrap();
            let number: u32 = name.trim_end_matches(".png").parse().unwrap();
            [number.to_string(), row[2].clone(), row[4].clone()]
        })
        .collect();
    rows.sort_by_key(|row| row[0].parse::<u32>().unwrap());
    rows
}

/// Red with pixels one place off.
#[test]
fn images_from_files_get_what_the_run_said_of_them() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&UNSTEADY);
    let files = ["predictions.csv", "best_predictions.csv"]
        .map(|file| sandbox.read(&format!("{run}/{file}")));
    assert_ne!(files[0], files[1], "the best epoch is not the last");
    for (checkpoint, file) in [
        ("last", "predictions.csv"),
        ("best", "best_predictions.csv"),
    ] {
        let outcome = sandbox
            .runner(&[
                "predict",
                &run,
                "png/test",
                "--csv",
                "--checkpoint",
                checkpoint,
            ])
            .success();
        assert_eq!(
            predicted(&outcome),
            of_run(&sandbox, &format!("{run}/{file}"))
        );
    }
    let default = sandbox
        .runner(&["predict", &run, "png/test", "--csv"])
        .success();
    let best = of_run(&sandbox, &format!("{run}/best_predictions.csv"));
    assert_eq!(predicted(&default), best, "the best is the default");
    default.stderr_has(&["the best by train_loss"]);
}

/// Red with pixels one place off, and with the weights as trained for the averages.
#[test]
fn images_are_prepared_as_those_of_the_run() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&ON_PNG);
    let outcome = sandbox
        .runner(&["predict", &run, "png/test", "--csv", "--checkpoint", "last"])
        .success()
        .stderr_has(&["averaged weights"]);
    let mut of_run = rows(&sandbox.read(&format!("{run}/predictions.csv")));
    of_run.sort_by(|a, b| a[1].cmp(&b[1]));
    let mut predicted = rows(&outcome.stdout);
    predicted.sort();
    assert_eq!(predicted.len(), 30);
    for (run, predicted) in of_run.iter().zip(&predicted) {
        assert_eq!(
            [&run[1], &run[4], &run[6]],
            [&predicted[0], &predicted[2], &predicted[4]]
        );
    }
}

/// A file of 16 bits does not say how many of them are used; a run takes that from its training images.
#[test]
fn the_depth_that_a_run_has_found_is_kept() {
    let sandbox = Sandbox::new();
    let image = |level: u16| {
        let mut bytes = b"P5\n28 28\n65535\n".to_vec();
        bytes.extend((0..784u16).flat_map(|it| (it % level).to_be_bytes()));
        bytes
    };
    for (split, levels) in [("train", [4095, 3000, 2000]), ("val", [1000, 700, 900])] {
        for (number, level) in levels.into_iter().enumerate() {
            for class in ["a", "b"] {
                let name = format!("deep/{split}/{class}/{number}.pgm");
                sandbox.write(&name, image(level + u16::from(class == "a")));
            }
        }
    }
    let run = sandbox.run_tiny(&[
        "data.path=deep",
        "training.batch_size=2",
        "model.layers[5].linear.out_features=2",
    ]);
    let outcome = sandbox
        .runner(&["predict", &run, "deep/val", "--csv", "--checkpoint", "last"])
        .success();
    let mut of_run = rows(&sandbox.read(&format!("{run}/predictions.csv")));
    of_run.sort_by(|a, b| a[1].cmp(&b[1]));
    for (run, predicted) in of_run.iter().zip(rows(&outcome.stdout)) {
        assert_eq!([&run[1], &run[6]], [&predicted[0], &predicted[4]]);
    }
}

#[test]
fn broken_images_do_not_stop_the_others() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&[]);
    fs::rename(sandbox.path("png/test"), sandbox.path("mixed")).unwrap();
    sandbox.write("mixed/a.png", "no image");
    sandbox.write("mixed/b.pgm", b"P5\n2 3\n255\n123456");
    let outcome = sandbox
        .runner(&["predict", &run, "mixed", "--json"])
        .code(4)
        .stderr_has(&[
            "mixed/a.png: it is not a JPEG",
            "mixed/b.pgm: it is 3x2, but the network takes 28x28",
            "error: 2 images could not be used",
        ]);
    let objects: Vec<Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 32);
    let broken = objects
        .iter()
        .filter(|object| object.get("error").is_some());
    assert_eq!(broken.count(), 2);
    let whole = sandbox.runner(&["predict", &run, "mixed", "--csv"]).code(4);
    assert_eq!(rows(&whole.stdout).len(), 30);
}

#[test]
fn images_are_named_in_every_way() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&[]);
    let all = sandbox
        .runner(&["predict", &run, "png/test", "--csv"])
        .success()
        .stdout;
    let paths: Vec<String> = rows(&all).into_iter().map(|row| row[0].clone()).collect();
    let by_pattern = sandbox
        .runner(&["predict", &run, "png/test/*/*.png", "--csv"])
        .success();
    assert_eq!(by_pattern.stdout, all);
    sandbox.write(
        "list.csv",
        format!("file_name,label\n{}", paths.map_lines(",?\n")),
    );
    let by_list = sandbox
        .runner(&["predict", &run, "list.csv", "--csv"])
        .success();
    assert_eq!(by_list.stdout, all);
    let piped = |bytes: &[u8]| {
        let mut command = sandbox.command(&["predict", &run, "-", "--csv"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(piped(paths.map_lines("\n").as_bytes()), all);
    let image = fs::read(sandbox.path(&paths[3])).unwrap();
    let of_image = rows(&piped(&image));
    assert_eq!(of_image[0][1..], rows(&all)[3][1..]);
    assert_eq!(of_image[0][0], "standard input");
}

trait Lines {
    /// All of them, each with this behind it.
    fn map_lines(&self, end: &str) -> String;
}

impl Lines for Vec<String> {
    fn map_lines(&self, end: &str) -> String {
        self.iter().map(|line| format!("{line}{end}")).collect()
    }
}

#[test]
fn the_most_probable_classes_come_first() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&[]);
    let all = sandbox
        .runner(&["predict", &run, "png/test", "--csv", "--probabilities"])
        .success();
    let top = sandbox
        .runner(&["predict", &run, "png/test", "--csv", "--top", "99"])
        .success();
    let top = rows(&top.stdout);
    for (index, row) in rows(&all.stdout).iter().enumerate() {
        let probabilities: Vec<f32> = row[5..].iter().map(|cell| cell.parse().unwrap()).collect();
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let ranks = &top[10 * index..][..10];
        let sorted: Vec<f32> = ranks.iter().map(|rank| rank[4].parse().unwrap()).collect();
        assert!(sorted.is_sorted_by(|a, b| a >= b), "{ranks:?}");
        for (place, rank) in (1..).zip(ranks) {
            assert_eq!(rank[1], place.to_string());
            let class: usize = rank[2].parse().unwrap();
            assert_eq!(rank[4], row[5 + class]);
        }
        assert_eq!(ranks[0][2..5], row[2..5]);
    }
}

#[test]
fn images_are_sorted_into_a_new_folder() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&[]);
    let arguments = [
        "predict",
        &run,
        "png/test",
        "png/test/7",
        "--csv",
        "--sort-into",
        "sorted",
    ];
    let outcome = sandbox.runner(&arguments).success();
    let mut expected: Vec<(String, Vec<u8>)> = rows(&outcome.stdout)
        .iter()
        .map(|row| (row[3].clone(), fs::read(sandbox.path(&row[0])).unwrap()))
        .collect();
    let mut there = Vec::new();
    for class in 0..10 {
        for entry in fs::read_dir(sandbox.path(&format!("sorted/{class}"))).unwrap() {
            there.push((class.to_string(), fs::read(entry.unwrap().path()).unwrap()));
        }
    }
    expected.sort();
    there.sort();
    assert_eq!(there, expected);
    sandbox
        .runner(&arguments)
        .code(74)
        .stderr_has(&["sorted", "exists"]);
}

#[test]
fn what_cannot_be_used_is_told() {
    let sandbox = with_png();
    let run = sandbox.run_tiny(&["checkpoint.keep_best=0"]);
    let of = |arguments: &[&str]| sandbox.runner(&[&["predict"], arguments].concat());
    of(&[&run, "png/tset"])
        .code(4)
        .stderr_has(&["did you mean png/test"]);
    sandbox.write("empty/readme.txt", "");
    of(&[&run, "nowhere.png", "empty", "png/test/7"])
        .code(4)
        .stdout_has(&["png/test/7/"])
        .stderr_has(&[
            "nowhere.png",
            "empty: no images here",
            "error: 2 images could not be used",
        ]);
    of(&[&run, "empty"])
        .code(4)
        .stderr_has(&["empty: no images here"]);
    of(&[&run, "png/test", "--probabilities"])
        .code(2)
        .stderr_has(&["--csv or --json"]);
    of(&[&run, "png/test", "--checkpoint", "step-99"])
        .code(2)
        .stderr_has(&["there is no checkpoint step-99", "or one of: step-"]);
    of(&["nothing", "png/test"]).code(2);
    let other = sandbox.run_tiny(&["seed=2"]);
    let names = |run: &str| -> Vec<String> {
        let entries = fs::read_dir(sandbox.path(run).join("checkpoints")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let foreign = format!("{other}/checkpoints/{}", names(&other).pop().unwrap());
    of(&[&run, "png/test", "--checkpoint", &foreign])
        .code(5)
        .stderr_has(&["it belongs to a different run"]);
    let newest = format!("{run}/checkpoints/{}", names(&run).pop().unwrap());
    let mut bytes = fs::read(sandbox.path(&newest)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    sandbox.write(&newest, bytes);
    of(&[&run, "png/test", "--checkpoint", "last"])
        .code(5)
        .stderr_has(&[
            "does not match its digest",
            "choose another one with --checkpoint",
        ]);
    for name in names(&run) {
        fs::remove_file(sandbox.path(&format!("{run}/checkpoints/{name}"))).unwrap();
    }
    of(&[&run, "png/test"])
        .code(5)
        .stderr_has(&["its checkpoints are gone"]);
    of(&[&run, "png/test", "--checkpoint", "best"])
        .code(2)
        .stderr_has(&["the checkpoint of its best epoch, by eval_accuracy, is not there"]);
}
