//! `runner data inspect` and `export`, and the tutorial's own layout, whole.

use std::fs;

use serde_json::Value;

use super::{digits, fixtures, write_folder, write_pgm};
use crate::support::{Sandbox, project};

/// The tutorial's data are a folder tree of JPEG files, and its accuracy after 5 epochs is 0.9470.
#[test]
fn the_tutorials_layout_reaches_the_tutorials_accuracy() {
    let sandbox = Sandbox::new();
    let digits = project().join("data/digits").display().to_string();
    let outcome = sandbox.runner(&["data", "export", &digits, "digits-jpeg", "--as", "jpeg"]);
    let outcome = outcome
        .success()
        .stderr_has(&["15,000 images", "data.path = \"digits-jpeg\""]);
    assert_eq!(outcome.stdout, "digits-jpeg\n");
    let first = fs::read(sandbox.path("digits-jpeg/train/5/000000.jpg")).unwrap();
    assert!(first.starts_with(&[0xff, 0xd8, 0xff]));
    let config = project()
        .join("configs/baseline.toml")
        .display()
        .to_string();
    let run = sandbox
        .runner(&["run", &config, "data.path=digits-jpeg", "-q"])
        .success()
        .stdout;
    let result = sandbox.read(&format!("{}/result.json", run.trim()));
    let result: Value = serde_json::from_str(&result).unwrap();
    let accuracy = result["last"]["eval_accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.94, "{accuracy}");
    let again = sandbox
        .runner(&["data", "export", &digits, "digits-jpeg"])
        .code(74);
    again.stderr_has(&[
        "cannot write digits-jpeg",
        "choose a path that does not exist yet",
    ]);
}

/// Red if channels are swapped on the way out.
#[test]
fn what_is_exported_as_png_is_what_was_there() {
    let sandbox = Sandbox::new();
    let records: Vec<u8> = (0..20u32)
        .flat_map(|index| {
            let pixels = (0..3072u32).map(move |at| (at % 97 + at / 1024 * 40 + index) as u8);
            std::iter::once((index % 10) as u8).chain(pixels)
        })
        .collect();
    for name in ["data_batch_1", "test_batch"] {
        sandbox.write(&format!("cifar/{name}.bin"), &records);
    }
    sandbox
        .runner(&["data", "export", "cifar", "png"])
        .success();
    let inspect = |path: &str| -> Value {
        let text = sandbox
            .runner(&["data", "inspect", path, "--json"])
            .success()
            .stdout;
        serde_json::from_str(&text).unwrap()
    };
    let (before, after) = (inspect("cifar"), inspect("png"));
    for key in ["images", "sizes", "grey", "color", "mean", "std"] {
        assert_eq!(before["splits"][0][key], after["splits"][0][key], "{key}");
    }
    assert_eq!(after["splits"][0]["classes"][3][0], "cat");
    assert_eq!(after["splits"][0]["classes"][3][1], 2);
    assert_eq!(before["duplicates"].as_array().unwrap().len(), 20);
    assert_eq!(after["duplicates"][0].as_array().unwrap().len(), 2);
}

#[test]
fn inspect_tells_all_there_is_to_tell() {
    let sandbox = Sandbox::new();
    let train = digits("train", 60);
    write_folder(&sandbox, "set/train", &train);
    write_folder(&sandbox, "set/val", &digits("t10k", 20));
    write_pgm(&sandbox, "set/train/3/large.pgm", &[9; 30 * 40], [30, 40]);
    write_pgm(&sandbox, "set/val/3/copy.pgm", &train[7].0, [28, 28]);
    let fixtures = fixtures().join("images");
    fs::copy(
        fixtures.join("rgb8.png"),
        sandbox.path("set/train/4/colour.png"),
    )
    .unwrap();
    fs::copy(
        fixtures.join("broken/half.jpg"),
        sandbox.path("set/train/4/half.jpg"),
    )
    .unwrap();
    sandbox.write("set/train/notes.txt", "notes");
    sandbox
        .runner(&["data", "inspect", "set"])
        .success()
        .stdout_has(&[
            "set: image_folder",
            "train: 62 images in 10 classes, 61 grey and 1 in colour",
            "28x28 (60), 19x29 (1), 30x40 (1)",
            "1 file cannot be used:",
            "set/train/4/half.jpg: the JPEG ends early",
            "warning: set/train: 1 file skipped",
            "eval: 21 images in",
            "1 image is present more than once",
            "copy.pgm",
        ]);
    let text = sandbox
        .runner(&["data", "inspect", "set", "--json"])
        .success()
        .stdout;
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["format"], "image_folder");
    assert_eq!(
        report["splits"][0]["broken"][0][1],
        "the JPEG ends early: it was cut off"
    );
    assert_eq!(report["splits"][1]["images"], 21);
    sandbox
        .runner(&["data", "inspect", "nowhere"])
        .code(4)
        .stderr_has(&["cannot read nowhere"]);
}

/// Mean and deviation against sums made here.
#[test]
fn moments_of_inspect_are_those_of_the_pixels() {
    let sandbox = Sandbox::new();
    let text = sandbox
        .runner(&["data", "inspect", "data", "--json"])
        .success()
        .stdout;
    let report: Value = serde_json::from_str(&text).unwrap();
    let pixels: Vec<f64> = digits("train", 60)
        .iter()
        .flat_map(|(pixels, _)| pixels.iter().map(|pixel| f64::from(*pixel)))
        .collect();
    let mean = pixels.iter().sum::<f64>() / pixels.len() as f64;
    let variance = pixels
        .iter()
        .map(|pixel| (pixel - mean).powi(2))
        .sum::<f64>();
    let deviation = (variance / pixels.len() as f64).sqrt();
    let number = |key: &str| report["splits"][0][key][0].as_f64().unwrap();
    assert!((number("mean") - mean).abs() < 1e-9);
    assert!((number("std") - deviation).abs() < 1e-9);
}

#[test]
fn a_contact_sheet_has_a_row_an_image_as_it_is_and_augmented() {
    let sandbox = Sandbox::new();
    let arguments = [
        "data",
        "inspect",
        "tiny.toml",
        "--augmented",
        "grid.png",
        "data.augment=[\"random_vertical_flip\"]",
    ];
    sandbox
        .runner(&arguments)
        .success()
        .stderr_has(&["grid.png: one row per image"]);
    let sheet = image::open(sandbox.path("grid.png")).unwrap().to_luma8();
    assert_eq!(sheet.dimensions(), (8 * 30 + 2, 8 * 30 + 2));
    let cell = |row: u32, column: u32| -> Vec<u8> {
        let pixels = (0..784).map(|at| {
            sheet
                .get_pixel(2 + column * 30 + at % 28, 2 + row * 30 + at / 28)
                .0[0]
        });
        pixels.collect()
    };
    let mut flips = 0;
    for row in 0..8 {
        let own = cell(row, 0);
        let flipped: Vec<u8> = own.chunks(28).rev().flatten().copied().collect();
        for column in 1..8 {
            let image = cell(row, column);
            assert!(image == own || image == flipped);
            flips += usize::from(image == flipped);
        }
    }
    assert!((10..46).contains(&flips), "{flips}");
    assert_eq!(cell(0, 0), digits("train", 1)[0].0);
    sandbox
        .runner(&["data", "inspect", "data", "--augmented", "grid.png"])
        .code(2)
        .stderr_has(&["--augmented shows what an experiment does"]);
    let nowhere = ["data", "inspect", "tiny.toml", "--augmented", "no/grid.png"];
    sandbox
        .runner(&nowhere)
        .code(74)
        .stderr_has(&["cannot write no/grid.png"]);
}

/// Red if names of classes become folders as they are.
#[test]
fn no_class_of_a_list_can_be_written_outside() {
    let sandbox = Sandbox::new();
    write_pgm(&sandbox, "set/a.pgm", &[1; 784], [28, 28]);
    for label in [
        "../../evil",
        "/evil",
        "..",
        ".hidden",
        "a/b",
        "a\\b",
        "C:evil",
    ] {
        sandbox.write("set/list.csv", format!("path,label\na.pgm,\"{label}\"\n"));
        sandbox
            .runner(&["data", "export", "set/list.csv", "out"])
            .code(4)
            .stderr_has(&["cannot be the name of a folder"]);
        assert!(!sandbox.path("out").exists() && !sandbox.path("evil").exists());
        let left = fs::read_dir(sandbox.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        assert!(
            left.into_iter()
                .all(|name| !name.to_string_lossy().starts_with(".tmp")),
            "{label}"
        );
    }
}
