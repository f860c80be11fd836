//! `runner data inspect` and `export`, and the tutorial's own layout, whole.

use std::collections::BTreeMap;
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
    for batch in 1..=5 {
        let records = &records[(batch - 1) * 4 * 3073..batch * 4 * 3073];
        sandbox.write(&format!("cifar/data_batch_{batch}.bin"), records);
    }
    sandbox.write("cifar/test_batch.bin", &records);
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
    assert_eq!(report["splits"][0]["sizes"]["19x29"], 1);
    let first = text.find("\"28x28\": 60").unwrap();
    assert!(first < text.find("\"19x29\"").unwrap(), "{text}");
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

/// What `inspect` counts of a config is what its run has in data.csv.
#[test]
fn inspect_of_a_config_has_the_images_of_its_run() {
    let sandbox = Sandbox::new();
    write_folder(&sandbox, "set/train", &digits("train", 300));
    write_folder(&sandbox, "set/val", &digits("t10k", 40));
    write_folder(&sandbox, "set/test", &digits("t10k", 20));
    let broken = fixtures().join("images/broken/half.jpg");
    fs::copy(broken, sandbox.path("set/train/4/half.jpg")).unwrap();
    let folder = "data.path=set";
    let skip = "data.on_bad_image=skip";
    for overrides in [
        &[folder, skip][..],
        &[folder, skip, "data.validation=0.2"],
        &[folder, skip, "data.validation=0.2", "data.stratify=true"],
        &[
            folder,
            skip,
            "data.folds=3",
            "data.fold=2",
            "data.limit_train=77",
            "data.limit_eval=33",
        ],
        &[folder, skip, "data.limit_eval=11", "data.split_seed=4"],
    ] {
        let run = sandbox.run_tiny(&[overrides, &["training.epochs=1"]].concat());
        let mut counts = BTreeMap::<(String, String), u64>::new();
        let mut reader = csv::Reader::from_path(sandbox.path(&run).join("data.csv")).unwrap();
        let headers = reader.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|it| it == name).unwrap();
        for row in reader.records() {
            let row = row.unwrap();
            let cell = |name: &str| row[column(name)].to_owned();
            if !cell("split").is_empty() {
                *counts.entry((cell("split"), cell("label"))).or_default() += 1;
            }
        }
        let inspect = [&["data", "inspect", "tiny.toml", "--json"], overrides].concat();
        let text = sandbox.runner(&inspect).success().stdout;
        let report: Value = serde_json::from_str(&text).unwrap();
        assert!(report["refusals"].is_null(), "{text}");
        let mut found = BTreeMap::new();
        for split in report["splits"].as_array().unwrap() {
            for class in split["classes"].as_array().unwrap() {
                let key = [&split["split"], &class[0]].map(|it| it.as_str().unwrap().to_owned());
                let count = class[1].as_u64().unwrap();
                if count > 0 {
                    found.insert(key.into(), count);
                }
            }
        }
        assert_eq!(found, counts, "{overrides:?}");
    }
    let told = sandbox.runner(&[
        "data",
        "inspect",
        "tiny.toml",
        folder,
        "data.validation=0.2",
    ]);
    told.success().stdout_has(&[
        "tiny.toml: the images as a run would use them",
        "train: 2",
        "eval: ",
        "test: 20 images in 10 classes",
        "1 file cannot be used:",
        "a run cannot start with these images:\n  1 file cannot be used, and",
    ]);
    let made = "data={synthetic={train_images=50,eval_images=20}}";
    let told = sandbox.runner(&["data", "inspect", "tiny.toml", made]);
    told.success()
        .stdout_has(&["train: 50 images", "eval: 20 images"]);
    let few = "model.layers[5].linear.out_features=4";
    let told = sandbox.runner(&["data", "inspect", "tiny.toml", folder, few]);
    told.success()
        .stdout_has(&["the network has 4 outputs, the data 10 classes"]);
    let away = sandbox.runner(&["data", "inspect", "tiny.toml", "data.test=away"]);
    away.code(4)
        .stderr_has(&["(`data.test` is set at command line:1:11)"]);
}

/// The letters are black on white, above the images, and nothing is written beside the sheet.
#[test]
fn a_contact_sheet_has_the_names_of_the_classes() {
    let sandbox = Sandbox::new();
    let long = "a name that is longer than the sheet is wide";
    for (class, label) in [(long, 0), ("été", 1)] {
        let name = format!("set/train/{class}/{label}.pgm");
        write_pgm(&sandbox, &name, &[99; 784], [28, 28]);
    }
    let sheet = |classes: &str| {
        let layers = format!("model.layers[5].linear.out_features={classes}");
        let arguments = [
            "data",
            "inspect",
            "tiny.toml",
            "data.path={unset=true}",
            "data.train=set/train",
            "data.eval=set/train",
            &layers,
            "--augmented",
            "grid.png",
        ];
        sandbox.runner(&arguments).success();
        image::open(sandbox.path("grid.png")).unwrap().to_luma8()
    };
    let drawn = sheet("2");
    let black = |row: u32| -> Vec<u32> {
        let line = (0..8).flat_map(|y| (0..drawn.width()).map(move |x| (x, 2 + row * 40 + y)));
        let black = line.filter(|(x, y)| drawn.get_pixel(*x, *y).0 == [0]);
        black.map(|(x, _)| x).collect()
    };
    // Three letters, and as many as there is room for: 29 of 8 pixels, the last an ellipsis.
    let (cut, short) = (black(0), black(1));
    assert!(
        short.len() > 20 && short.iter().all(|x| (2..26).contains(x)),
        "{short:?}"
    );
    assert!(cut.len() > 200 && cut.iter().all(|x| (2..234).contains(x)));
    let last: Vec<&u32> = cut.iter().filter(|x| **x >= 2 + 28 * 8).collect();
    assert_eq!(last.len(), 12, "three dots of 2 x 2 pixels");
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
    assert_eq!(sheet.dimensions(), (8 * 30 + 2, 8 * 40 + 2));
    let cell = |row: u32, column: u32| -> Vec<u8> {
        let pixels = (0..784).map(|at| {
            sheet
                .get_pixel(2 + column * 30 + at % 28, 12 + row * 40 + at / 28)
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
