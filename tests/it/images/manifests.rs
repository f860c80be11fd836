//! Lists of images with other names of columns, Hugging Face's metadata.csv, and what is passed over in folders.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use super::{digits, load, write_folder, write_pgm};
use crate::support::Sandbox;

/// Sixty digits in one folder, and the rows of a list of them: path, class, split.
fn rows(sandbox: &Sandbox) -> Vec<[String; 3]> {
    let digits = digits("train", 60);
    let row = |(index, (pixels, label)): (usize, &(Vec<u8>, u8))| {
        let path = format!("images/{index}.pgm");
        write_pgm(sandbox, &format!("set/{path}"), pixels, [28, 28]);
        [
            path,
            label.to_string(),
            ["train", "train", "val", "test"][index % 4].to_owned(),
        ]
    };
    digits.iter().enumerate().map(row).collect()
}

fn text(header: &str, rows: &[[String; 3]]) -> String {
    let separator = header
        .chars()
        .find(|it| [',', ';', '\t'].contains(it))
        .unwrap();
    let lines = rows
        .iter()
        .map(|row| row.join(&separator.to_string()) + "\n");
    format!("{header}\n{}", lines.collect::<String>())
}

/// Red if only the names `path`, `label` and `split` are known.
#[test]
fn columns_have_their_usual_names_or_those_of_the_config() {
    let sandbox = Sandbox::new();
    let rows = rows(&sandbox);
    let expected = [30, 15, 15];
    let sizes = |overrides: &[&str]| {
        let splits = load(
            &sandbox,
            &[&["data.path=set/list.csv"][..], overrides].concat(),
        )
        .unwrap();
        [
            splits.train.len(),
            splits.eval.len(),
            splits.test.unwrap().len(),
        ]
    };
    for header in [
        "file_name,label,split",
        "filename,class,subset",
        "image,class,split",
        "Path,Label,Split",
        "path;label;split",
        "path\tlabel\tsplit",
    ] {
        sandbox.write("set/list.csv", text(header, &rows));
        assert_eq!(sizes(&[]), expected, "{header}");
    }
    let shouted: Vec<[String; 3]> = rows
        .iter()
        .map(|[path, label, split]| [path.clone(), label.clone(), split.to_uppercase()])
        .collect();
    sandbox.write("set/list.csv", text("path,label,split", &shouted));
    assert_eq!(sizes(&[]), expected);

    sandbox.write("set/list.csv", text("where,class_id,part", &rows));
    let columns = "data.columns={ path = \"where\", label = \"class_id\", split = \"part\" }";
    assert_eq!(sizes(&[columns]), expected);
    let run = sandbox.run_tiny(&["data.path=set/list.csv", columns]);
    // As of a file alone, of which nothing else can be said.
    let inspect = ["data", "inspect", "set/list.csv"];
    let look = |typed: &str| sandbox.runner(&[&inspect[..], &[typed]].concat());
    look(columns).success().stdout_has(&["train: ", "eval: "]);
    look("data.columns.label=no_such")
        .code(4)
        .stderr_has(&["no_such"]);
    look("data.columns.lable=class_id")
        .code(2)
        .stderr_has(&["unknown key `data.columns.lable`"]);
    look("seed=2").code(2).stderr_has(&["seed=2 has no effect"]);
    look("data.max_pixelss=2")
        .code(2)
        .stderr_has(&["data.max_pixelss=2 has no effect"]);
    sandbox.runner(&["verify", &run]).success();
    let resolved = sandbox.read(&format!("{run}/resolved.toml"));
    assert!(resolved.contains("label = \"class_id\""), "{resolved}");
    for (header, columns, expected) in [
        (
            "where,class_id,part",
            "",
            "the columns are where, class_id, part, not path and label",
        ),
        (
            "path,class,category",
            "",
            "the columns class and category could both be the label: say which with data.columns.label",
        ),
        (
            "path,label,split",
            "data.columns.label=class_id",
            "no column is called \"class_id\", as data.columns.label says: the columns are path, label, split",
        ),
        (
            "path,label,split",
            "data.columns.label=\"\"",
            "`data.columns.label` is empty",
        ),
    ] {
        sandbox.write("set/list.csv", text(header, &rows));
        let arguments = ["run", "tiny.toml", "data.path=set/list.csv", columns];
        let arguments: Vec<&str> = arguments.into_iter().filter(|it| !it.is_empty()).collect();
        let outcome = sandbox.runner(&arguments);
        assert_ne!(outcome.code, Some(0), "{header}");
        outcome.stderr_has(&[expected]);
    }
}

/// Red if a class folder wins over metadata.csv, or an image that it does not list is lost without a word.
#[test]
fn metadata_of_hugging_face_says_the_classes_of_a_folder() {
    let sandbox = Sandbox::new();
    for (split, digits) in [("train", digits("train", 60)), ("test", digits("t10k", 30))] {
        let mut text = "file_name,label\n".to_owned();
        for (index, (pixels, label)) in digits.iter().enumerate() {
            write_pgm(
                &sandbox,
                &format!("hf/{split}/{index}.pgm"),
                pixels,
                [28, 28],
            );
            text += &format!("{index}.pgm,{label}\n");
        }
        sandbox.write(&format!("hf/{split}/metadata.csv"), text);
    }
    let splits = load(&sandbox, &["data.path=hf"]).unwrap();
    let labels: Vec<u32> = digits("train", 60)
        .iter()
        .map(|it| u32::from(it.1))
        .collect();
    assert_eq!(splits.train.labels, labels);
    assert_eq!(splits.eval.len(), 30);
    assert!(
        !splits.warnings.iter().any(|it| it.contains("metadata")),
        "{:?}",
        splits.warnings
    );
    let splits = load(&sandbox, &["data.path=hf", "data.validation=0.2"]).unwrap();
    assert_eq!(splits.test.unwrap().len(), 30);

    write_pgm(&sandbox, "hf/train/more/new.pgm", &[3; 784], [28, 28]);
    sandbox
        .runner(&["run", "tiny.toml", "data.path=hf"])
        .success()
        .stderr_has(&[
            "hf/train: 1 image is not listed in metadata.csv, so not used: more/new.pgm",
        ]);
    // Of a folder of one split, and one list for all of them.
    let whole = ["data.train=hf/train", "data.eval=hf/test/metadata.csv"];
    assert_eq!(load(&sandbox, &whole).unwrap().eval.len(), 30);
    // A list that does not say classes is not guessed at.
    sandbox.write("hf/train/metadata.csv", "file_name,text\n0.pgm,a digit\n");
    sandbox
        .runner(&["run", "tiny.toml", "data.path=hf"])
        .code(4)
        .stderr_has(&[
            "hf/train/metadata.csv: the columns are file_name, text, not path and label",
        ]);
}

/// Folders of classes and metadata.csv, which could disagree: nobody is to be wrong in silence.
#[test]
fn folders_of_classes_with_metadata_have_to_be_told_apart() {
    let sandbox = Sandbox::new();
    write_folder(&sandbox, "both/train", &digits("train", 60));
    write_folder(&sandbox, "both/test", &digits("t10k", 30));
    let mut text = "file_name,label\n".to_owned();
    for (index, (_, label)) in digits("train", 60).iter().enumerate() {
        text += &format!("{label}/{index:05}.pgm,{}\n", 9 - label);
    }
    sandbox.write("both/train/metadata.csv", &text);
    sandbox
        .runner(&["run", "tiny.toml", "data.path=both"])
        .code(4)
        .stderr_has(&["it could be read as csv and as image_folder"]);
    let labels = |train: &str| {
        load(&sandbox, &[train, "data.eval=both/test"])
            .unwrap()
            .train
            .labels
    };
    assert_eq!(
        labels("data.train=both/train/metadata.csv")[0],
        9 - u32::from(digits("train", 1)[0].1)
    );
    // One that has no classes is a file like any other.
    sandbox.write("both/train/metadata.csv", "file_name,text\n");
    sandbox
        .runner(&["run", "tiny.toml", "data.path=both"])
        .success()
        .stderr_has(&["1 file skipped (not an image in a class folder): metadata.csv"]);
}

/// Red if such a folder is a class, or if nothing is said of it.
#[test]
fn what_other_programs_leave_behind_is_passed_over_and_told() {
    let sandbox = Sandbox::new();
    write_folder(&sandbox, "digits/train", &digits("train", 60));
    write_folder(&sandbox, "digits/test", &digits("t10k", 30));
    for name in [
        "@eaDir/1.pgm/SYNOPHOTO_THUMB_S.jpg",
        "__MACOSX/3/._1.pgm",
        "3/.ipynb_checkpoints/00001-checkpoint.pgm",
        "3/thumbnails/1.pgm",
        "3/._00001.pgm",
    ] {
        sandbox.write(&format!("digits/train/{name}"), "no image");
    }
    sandbox.write("digits/train/.git/config", "nothing to tell");
    let outcome = sandbox
        .runner(&["run", "tiny.toml", "data.path=digits"])
        .success();
    outcome.stderr_has(&[
        "digits/train: 5 images or folders of images skipped (hidden, or left by another program): ",
        " and 2 more",
    ]);
    let splits = load(&sandbox, &["data.path=digits"]).unwrap();
    assert_eq!(splits.train.len(), 60);
}

/// Red if the splits of one list share a scan, or a path that is there twice is never known.
#[test]
fn a_list_with_splits_and_repeated_paths_is_cached() {
    let sandbox = Sandbox::new();
    let mut rows = rows(&sandbox);
    rows.push(rows[0].clone());
    sandbox.write("set/list.csv", text("path,label,split", &rows));
    // What changed a moment ago may change again under the same times.
    thread::sleep(Duration::from_millis(2100));
    let scans = || -> BTreeMap<String, SystemTime> {
        let entries = fs::read_dir(sandbox.path("caches/runner")).unwrap();
        let scans = entries.map(|entry| entry.unwrap());
        let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
        let scans = scans.filter(|entry| name(entry).starts_with("scan-"));
        scans
            .map(|entry| (name(&entry), entry.metadata().unwrap().modified().unwrap()))
            .collect()
    };
    let arguments = ["data.path=set/list.csv", "training.epochs=1"];
    sandbox.run_tiny(&arguments);
    let first = scans();
    assert_eq!(first.len(), 3, "one for each split");
    sandbox.run_tiny(&arguments);
    assert_eq!(scans(), first, "nothing was read again");
}
