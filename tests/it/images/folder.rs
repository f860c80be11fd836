//! A folder with a folder a class: labels, what is passed over, what is refused, what is written down.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use runner::data::labels;
use serde_json::Value;

use super::{digits, fixtures, load, write_folder, write_pgm};
use crate::support::Sandbox;

/// Red with plain order for numbers.
#[test]
fn classes_are_in_the_order_of_load_files_and_numbers_in_that_of_their_values() {
    #[derive(serde::Deserialize)]
    struct Case {
        folders: Vec<String>,
        sorted: Vec<String>,
    }
    let text = fs::read_to_string(fixtures().join("labels.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    let mut plain = 0;
    for case in cases {
        let is_of_numbers = case
            .folders
            .iter()
            .all(|it| it.bytes().all(|b| b.is_ascii_digit()));
        let mut ours = case.folders.clone();
        labels::sort(&mut ours);
        if is_of_numbers {
            let values: Vec<u64> = ours.iter().map(|it| it.parse().unwrap()).collect();
            assert!(values.is_sorted(), "{ours:?}");
        } else {
            assert_eq!(ours, case.sorted);
            plain += 1;
        }
    }
    assert!(plain >= 5, "{plain}");
    let mut numbers = ["10", "2", "1", "002", "33333333333333333333333"].map(str::to_owned);
    labels::sort(&mut numbers);
    assert_eq!(numbers, ["1", "002", "2", "10", "33333333333333333333333"]);
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    write_folder(&sandbox, "digits/train", &digits("train", 60));
    write_folder(&sandbox, "digits/test", &digits("t10k", 30));
    sandbox
}

const FOLDER: &str = "data.path=digits";

/// Red if the order of files is the system's.
#[test]
fn a_folder_of_digits_trains_as_the_files_of_their_labels_say() {
    let sandbox = sandbox();
    let run = sandbox.run_tiny(&[FOLDER]);
    let report = sandbox.read(&format!("{run}/run.json"));
    assert!(
        report.contains("\"class_names\": [\n    \"0\",\n    \"1\""),
        "{report}"
    );
    let listing = sandbox.read(&format!("{run}/data.csv"));
    assert_eq!(listing.lines().count(), 91);
    for line in listing.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let folder = cells[1].rsplit('/').nth(1).unwrap();
        assert_eq!(cells[4], folder, "{line}");
        assert_eq!(cells[5] == "train", cells[1].contains("/train/"), "{line}");
    }
    let of_threes = listing.lines().filter(|line| line.contains("/train/3/"));
    let paths: Vec<&str> = of_threes
        .map(|line| line.split(',').nth(1).unwrap())
        .collect();
    assert!(paths.len() > 3 && paths.is_sorted(), "{paths:?}");
    // Nested deeper, and under other names of formats.
    fs::create_dir_all(sandbox.path("digits/train/5/more/still")).unwrap();
    let mut first = fs::read_dir(sandbox.path("digits/train/5"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect::<Vec<_>>();
    first.sort();
    let moved = sandbox.path("digits/train/5/more/still").join("zzz.PGM");
    fs::rename(first.last().unwrap(), moved).unwrap();
    let splits = load(&sandbox, &[FOLDER]).unwrap();
    assert_eq!(splits.train.len(), 60);
    sandbox
        .runner(&["verify", &run])
        .code(3)
        .stdout_has(&["cannot be read"]);
}

#[test]
fn hidden_files_are_passed_over_and_others_told_in_one_warning() {
    let sandbox = sandbox();
    for name in [
        "train/.ipynb_checkpoints/1.pgm",
        "train/3/.hidden.pgm",
        "train/.DS_Store",
    ] {
        sandbox.write(&format!("digits/{name}"), "hidden");
    }
    let splits = load(&sandbox, &[FOLDER]).unwrap();
    let told = splits.warnings.join("\n");
    assert!(
        splits.train.len() == 60 && !told.contains("skipped (not an image"),
        "{told}"
    );
    for name in [
        "train/3/Thumbs.db",
        "train/notes.txt",
        "train/4/a.doc",
        "train/4/b.doc",
    ] {
        sandbox.write(&format!("digits/{name}"), "other");
    }
    let outcome = sandbox.runner(&["run", "tiny.toml", FOLDER]).success();
    outcome.stderr_has(&["warning: digits/train: 4 files skipped", "and 1 more"]);
}

#[test]
fn a_class_without_images_is_refused() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path("digits/train/extra")).unwrap();
    sandbox
        .runner(&["run", "tiny.toml", FOLDER])
        .code(4)
        .stderr_has(&[
            "digits/train: the folder extra, which would be a class, contains no images",
            "remove the folder",
        ]);
}

/// Red if evaluation labels are numbered by their own folders.
#[test]
fn evaluation_classes_are_matched_by_name() {
    let sandbox = sandbox();
    fs::remove_dir_all(sandbox.path("digits/test/0")).unwrap();
    fs::remove_dir_all(sandbox.path("digits/test/4")).unwrap();
    let splits = load(&sandbox, &[FOLDER]).unwrap();
    for place in 0..splits.eval.len() {
        let (_, path) = splits.eval.origin(place);
        let folder = path.rsplit('/').nth(1).unwrap();
        assert_eq!(splits.eval.labels[place].to_string(), folder);
    }
    write_pgm(&sandbox, "digits/test/ten/1.pgm", &[0; 784], [28, 28]);
    sandbox
        .runner(&["run", "tiny.toml", FOLDER])
        .code(4)
        .stderr_has(&[
            "classes that the training images do not have: ten",
            "are 0, 1, 2",
        ]);
    fs::remove_dir_all(sandbox.path("digits/test/ten")).unwrap();
    fs::remove_dir_all(sandbox.path("digits/train/7")).unwrap();
    sandbox
        .runner(&["run", "tiny.toml", FOLDER])
        .code(4)
        .stderr_has(&[
            "digits/train: the network has 10 outputs, the data 9 classes (0, 1, 2",
            "\ngive the last layer out_features = 9\n(`data.path` is set at command line:1:11)",
        ]);
    // A preset's last layer is not typed.
    let preset = [
        "model={input=[1,28,28],preset=\"lenet5\",classes=10}",
        FOLDER,
    ];
    sandbox
        .runner(&[&["run", "tiny.toml"][..], &preset].concat())
        .code(4)
        .stderr_has(&["\nset model.classes = 9\n(`model.classes` is set at command line:1:48)"]);
}

#[test]
fn every_broken_file_is_told_before_anything_is_made() {
    let sandbox = sandbox();
    let broken = fixtures().join("images/broken");
    for (name, class) in [
        ("half.jpg", 1),
        ("empty.png", 2),
        ("text.jpg", 3),
        ("bomb.png", 3),
    ] {
        let target = sandbox.path(&format!("digits/train/{class}/{name}"));
        fs::copy(broken.join(name), target).unwrap();
    }
    let outcome = sandbox.runner(&["run", "tiny.toml", FOLDER]).code(4);
    let outcome = outcome.stderr_has(&[
        "4 image files cannot be used:",
        "digits/train/1/half.jpg: the JPEG ends early: it was cut off",
        "digits/train/2/empty.png: the file is empty",
        "digits/train/3/text.jpg: it is not a JPEG",
        "digits/train/3/bomb.png: its header says 20000x20000 pixels",
        "data.on_bad_image = \"skip\"",
    ]);
    assert!(!sandbox.path("experiments").exists(), "{}", outcome.stderr);
    let run = sandbox.run_tiny(&[FOLDER, "data.on_bad_image=skip"]);
    let listing = sandbox.read(&format!("{run}/data.csv"));
    assert_eq!(listing.matches("cut off").count(), 1);
    assert_eq!(
        load(&sandbox, &[FOLDER, "data.on_bad_image=skip"])
            .unwrap()
            .train
            .len(),
        60
    );
    sandbox.runner(&["verify", &run]).success();
}

#[test]
fn images_of_other_sizes_need_resize() {
    let sandbox = sandbox();
    write_pgm(
        &sandbox,
        "digits/train/1/large.pgm",
        &[7; 35 * 20],
        [35, 20],
    );
    sandbox
        .runner(&["run", "tiny.toml", FOLDER])
        .code(4)
        .stderr_has(&["1 image is not 28x28, the size in `model.input`:\n  \
             35x20: 1 image, digits/train/1/large.pgm\n\
             resize all images to one size with data.resize = [28, 28]\n"]);
    // Many of them are counted.
    for size in 1..=9 {
        for copy in 0..size {
            let name = format!("digits/test/2/{size}-{copy}.pgm");
            write_pgm(&sandbox, &name, &vec![3; 30 * size], [30, size]);
        }
    }
    let outcome = sandbox.runner(&["run", "tiny.toml", FOLDER]).code(4);
    let outcome = outcome.stderr_has(&[
        "46 images are not 28x28, the size in `model.input`:\n  \
         30x9: 9 images, for example digits/test/2/9-0.pgm\n  30x8: 8 images",
        "  30x4: 4 images, for example digits/test/2/4-0.pgm\n  \
         and 7 images of 4 other sizes; `runner data inspect digits --json` lists them all\n",
    ]);
    assert_eq!(outcome.stderr.lines().count(), 10, "{}", outcome.stderr);
    let inspected = sandbox.runner(&["data", "inspect", "tiny.toml", FOLDER, "--json"]);
    let report: Value = serde_json::from_str(&inspected.success().stdout).unwrap();
    assert_eq!(report["splits"][1]["sizes"]["30x1"], 1);
    assert_eq!(report["splits"][1]["sizes"]["28x28"], 30);
    assert_eq!(report["splits"][0]["sizes"]["35x20"], 1);
    fs::remove_dir_all(sandbox.path("digits/test/2")).unwrap();
    sandbox.run_tiny(&[FOLDER, "data.resize=28"]);
    // Larger ones are cropped.
    sandbox
        .runner(&["run", "tiny.toml", FOLDER, "data.resize=32"])
        .code(4)
        .stderr_has(&[
            "images are resized to [32, 32], but the network takes [28, 28]",
            "random_crop",
        ]);
    sandbox.run_tiny(&[FOLDER, "data.resize=32", "data.augment=[\"random_crop\"]"]);
}

#[test]
fn a_resume_wants_the_very_same_images_and_says_which_is_not() {
    let sandbox = sandbox();
    let run = sandbox.run_tiny(&[FOLDER, "training.epochs=1"]);
    let resume = |code, parts: &[&str]| {
        let arguments = ["resume", &run, "-q", "training.epochs=2"];
        sandbox.runner(&arguments).code(code).stderr_has(parts);
    };
    let path = fs::read_dir(sandbox.path("digits/train/3"))
        .unwrap()
        .next()
        .unwrap();
    let path = path.unwrap().path();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let bytes = fs::read(&path).unwrap();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(&path, &other).unwrap();
    resume(
        4,
        &[
            "the images of digits/train differ from those",
            &name,
            "has changed",
        ],
    );
    sandbox
        .runner(&["verify", &run])
        .code(3)
        .stdout_has(&[&name]);
    fs::remove_file(&path).unwrap();
    resume(4, &[&name, "is missing"]);
    fs::write(&path, &bytes).unwrap();
    write_pgm(&sandbox, "digits/train/3/new.pgm", &[0; 784], [28, 28]);
    resume(4, &["new.pgm is new"]);
    fs::remove_file(sandbox.path("digits/train/3/new.pgm")).unwrap();
    write_pgm(&sandbox, "digits/train/30/new.pgm", &[0; 784], [28, 28]);
    resume(4, &["11 classes"]);
    fs::remove_dir_all(sandbox.path("digits/train/30")).unwrap();
    resume(0, &[]);
}

/// A folder, and a list of images in the same folder, as they are on other disks of a cluster.
#[test]
fn images_that_have_moved_are_found_and_told_apart_from_others() {
    let sandbox = sandbox();
    let mut list = "path,label,split\n".to_owned();
    for (split, folder) in [("train", "train"), ("val", "test")] {
        for digit in 0..10 {
            let files = sandbox.path(&format!("digits/{folder}/{digit}"));
            for file in fs::read_dir(files).into_iter().flatten() {
                let name = file.unwrap().file_name().into_string().unwrap();
                list += &format!("{folder}/{digit}/{name},{digit},{split}\n");
            }
        }
    }
    sandbox.write("digits/list.csv", &list);
    let folders = [FOLDER, "data.path=digits/list.csv"];
    let runs = folders.map(|path| sandbox.run_tiny(&[path, "training.epochs=1"]));
    fs::rename(sandbox.path("digits"), sandbox.path("moved")).unwrap();
    for (run, place) in runs.iter().zip(["moved", "moved/list.csv"]) {
        let moved = format!("data.path={place}");
        sandbox.runner(&["verify", run, &moved]).success();
        sandbox.runner(&["reproduce", run, &moved]).success();
        let resume = ["resume", run, &moved, "training.epochs=2"];
        let path = fs::read_dir(sandbox.path("moved/train/3"))
            .unwrap()
            .next()
            .unwrap();
        let path = path.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let mut other = bytes.clone();
        *other.last_mut().unwrap() ^= 1;
        fs::write(&path, &other).unwrap();
        let name = path.strip_prefix(sandbox.path("")).unwrap();
        let changed = format!("{} has changed", name.display());
        sandbox.runner(&resume).code(4).stderr_has(&[&changed]);
        sandbox.runner(&["verify", run, &moved]).code(3);
        fs::write(&path, &bytes).unwrap();
        sandbox.runner(&resume).success();
        sandbox.runner(&["verify", run]).success();
    }
}

/// Red without a checkpoint where an image is lost.
#[test]
fn an_image_that_is_lost_in_mid_epoch_ends_the_run_with_a_checkpoint_of_that_step() {
    let sandbox = Sandbox::new();
    // More than a mebibyte of them, so that some are read again in every epoch.
    write_folder(&sandbox, "digits/train", &digits("train", 1400));
    write_folder(&sandbox, "digits/test", &digits("t10k", 600));
    let run = [
        "run",
        "tiny.toml",
        FOLDER,
        "data.memory_limit=1",
        "data.cache=off",
        "training.epochs=60",
        "training.batch_size=100",
        "checkpoint.every_epochs=1000",
    ];
    let whole = sandbox.runner(&[&run[..], &["-q"]].concat()).success();
    let whole = crate::resume::traces(&sandbox, whole.stdout.trim());
    for split in ["train", "test"] {
        let mut child = sandbox
            .command(&run)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut folder, mut told) = (String::new(), String::new());
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some(run) = line.strip_prefix("run: ") {
                folder = run.to_owned();
            }
            if line.starts_with("epoch 2/") {
                break;
            }
        }
        let images = [format!("digits/{split}"), "digits/away".to_owned()];
        let [there, away] = images.map(|name| sandbox.path(&name));
        fs::rename(&there, &away).unwrap();
        lines.map_while(Result::ok).for_each(|line| told += &line);
        assert_eq!(child.wait().unwrap().code(), Some(4), "{told}");
        assert!(told.contains("runner resume"), "{told}");
        let events = sandbox.read(&format!("{folder}/events.jsonl"));
        let failed: serde_json::Value =
            serde_json::from_str(events.lines().last().unwrap()).unwrap();
        assert_eq!(failed["event"], "failed");
        let kept = crate::resume::checkpoints(&sandbox, &folder);
        let name = format!("step-{:08}", failed["step"].as_u64().unwrap());
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(kept[0].starts_with(&name), "{kept:?} at {failed}");
        fs::rename(&away, &there).unwrap();
        sandbox.runner(&["resume", &folder]).success();
        assert_eq!(crate::resume::traces(&sandbox, &folder), whole);
    }
}

/// Red if the cache is trusted by name alone, or if a damaged one is.
#[test]
fn the_second_start_reads_no_image_and_a_changed_one_is_noticed() {
    let sandbox = sandbox();
    let first = sandbox.run_tiny(&[FOLDER]);
    let rows = |run: &str| sandbox.read(&format!("{run}/metrics.csv"));
    // What was touched just before is not trusted yet.
    std::thread::sleep(std::time::Duration::from_millis(2200));
    sandbox.run_tiny(&[FOLDER]);
    let caches = || -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(sandbox.path("caches/runner")).unwrap();
        let entries = entries.map(|entry| entry.unwrap());
        entries
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).unwrap(),
                )
            })
            .collect()
    };
    let kept = caches();
    assert_eq!(kept.len(), 4, "{:?}", kept.keys());
    // Decoded images of another file of this name, so that reading them shows.
    let pixels: Vec<&String> = kept
        .keys()
        .filter(|name| name.starts_with("pixels"))
        .collect();
    assert_eq!(pixels.len(), 2);
    assert_eq!(rows(&sandbox.run_tiny(&[FOLDER])), rows(&first));
    for name in &pixels {
        let mut bytes = kept[*name].clone();
        bytes[5] ^= 1;
        fs::write(sandbox.path("caches/runner").join(name), bytes).unwrap();
    }
    assert_eq!(rows(&sandbox.run_tiny(&[FOLDER])), rows(&first));
    assert_eq!(caches(), kept, "what was damaged is written anew");
    for cut in [0, 1, 100] {
        for name in kept.keys() {
            let bytes = &kept[name][..kept[name].len() * cut / 101];
            fs::write(sandbox.path("caches/runner").join(name), bytes).unwrap();
        }
        assert_eq!(rows(&sandbox.run_tiny(&[FOLDER])), rows(&first));
    }
    assert_eq!(
        rows(&sandbox.run_tiny(&[FOLDER, "data.cache=off"])),
        rows(&first)
    );
    let path = fs::read_dir(sandbox.path("digits/train/3"))
        .unwrap()
        .next()
        .unwrap();
    let path = path.unwrap().path();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 0xff;
    fs::write(&path, bytes).unwrap();
    assert_ne!(rows(&sandbox.run_tiny(&[FOLDER])), rows(&first));
}

/// The same from a cache, decoded as needed, and from a file of decoded images.
#[test]
fn images_above_the_memory_limit_train_the_same() {
    let sandbox = Sandbox::new();
    // More than a mebibyte of them.
    write_folder(&sandbox, "digits/train", &digits("train", 1400));
    write_folder(&sandbox, "digits/test", &digits("t10k", 600));
    let rows = |overrides: &[&str]| {
        let common = [FOLDER, "training.epochs=1", "training.batch_size=100"];
        let run = sandbox.run_tiny(&[&common, overrides].concat());
        sandbox.read(&format!("{run}/metrics.csv"))
    };
    let whole = rows(&[]);
    assert_eq!(rows(&["data.memory_limit=1", "data.cache=off"]), whole);
    assert_eq!(rows(&["data.memory_limit=1"]), whole);
    assert_eq!(rows(&["data.memory_limit=1", "data.cache=disk"]), whole);
    assert_eq!(rows(&["data.memory_limit=1", "data.cache=disk"]), whole);
}

/// Red if pipes are read, which have no end, or all of a large file.
#[cfg(unix)]
#[test]
fn what_is_no_file_or_too_large_is_told_at_once() {
    let sandbox = sandbox();
    let pipe = sandbox.path("digits/train/1/pipe.png");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("/dev/zero", sandbox.path("digits/train/2/zero.png")).unwrap();
    std::os::unix::fs::symlink("nowhere", sandbox.path("digits/train/2/link.png")).unwrap();
    let large = fs::File::create(sandbox.path("digits/train/3/large.jpg")).unwrap();
    large.set_len(6 << 30).unwrap();
    sandbox
        .runner(&["run", "tiny.toml", FOLDER])
        .code(4)
        .stderr_has(&[
            "digits/train/1/pipe.png: it is not a regular file",
            "digits/train/2/zero.png: it is not a regular file",
            "digits/train/2/link.png: cannot be read",
            "digits/train/3/large.jpg: it has 6144 MiB, more than the 256 allowed",
        ]);
    let run = sandbox.run_tiny(&[FOLDER, "data.on_bad_image=skip", "training.epochs=1"]);
    sandbox.runner(&["verify", &run]).success();
    // What is not used may come and go.
    fs::remove_file(pipe).unwrap();
    fs::remove_file(sandbox.path("digits/train/2/link.png")).unwrap();
    sandbox.runner(&["verify", &run]).success();
    sandbox
        .runner(&["resume", &run, "-q", "training.epochs=2"])
        .success();
}

/// Red if links are followed without end, or not at all.
#[cfg(unix)]
#[test]
fn a_link_that_leads_back_is_told_and_one_that_does_not_is_followed() {
    use std::os::unix::fs::symlink;

    let sandbox = sandbox();
    fs::rename(sandbox.path("digits/train/3"), sandbox.path("threes")).unwrap();
    symlink(sandbox.path("threes"), sandbox.path("digits/train/3")).unwrap();
    assert_eq!(load(&sandbox, &[FOLDER]).unwrap().train.len(), 60);
    // Hidden ones are passed over.
    symlink("..", sandbox.path("digits/train/4/.parent")).unwrap();
    assert_eq!(load(&sandbox, &[FOLDER]).unwrap().train.len(), 60);
    // Two of them would be 2^32 folders to a limit of depth alone.
    symlink("..", sandbox.path("digits/train/4/parent")).unwrap();
    symlink("..", sandbox.path("digits/train/5/parent")).unwrap();
    sandbox
        .runner(&["run", "tiny.toml", FOLDER])
        .code(4)
        .stderr_has(&["digits/train/4/parent", "leads back"]);
}

#[test]
fn one_folder_may_serve_for_training_and_evaluation() {
    let sandbox = sandbox();
    let both = [
        "data.train=digits/train",
        "data.eval=digits/train",
        "training.epochs=1",
    ];
    let run = sandbox.run_tiny(&both);
    sandbox.runner(&["verify", &run]).success();
    sandbox
        .runner(&["resume", &run, "-q", "training.epochs=2"])
        .success();
}

/// Nothing is made for data that are not those of the original.
#[test]
fn other_images_are_not_reproduced() {
    let sandbox = sandbox();
    let run = sandbox.run_tiny(&[FOLDER, "training.epochs=1"]);
    write_pgm(&sandbox, "digits/train/3/new.pgm", &[3; 784], [28, 28]);
    let before = fs::read_dir(sandbox.path("experiments")).unwrap().count();
    sandbox
        .runner(&["reproduce", &run, "-q"])
        .code(4)
        .stderr_has(&["new.pgm is new"]);
    assert_eq!(
        fs::read_dir(sandbox.path("experiments")).unwrap().count(),
        before
    );
}

#[test]
fn names_that_no_terminal_should_show_are_refused() {
    let sandbox = sandbox();
    write_pgm(
        &sandbox,
        "digits/train/3\u{1b}[31m/new.pgm",
        &[3; 784],
        [28, 28],
    );
    let outcome = sandbox.runner(&["run", "tiny.toml", FOLDER]).code(4);
    let outcome = outcome.stderr_has(&["characters that cannot be shown"]);
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
}
