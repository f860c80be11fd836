//! What data come in, and that it is recognised: CIFAR batches, lists in CSV files, made-up images.

use std::fs;

use super::{digits, load, write_folder, write_pgm};
use crate::support::Sandbox;

/// A network for images in colour of 32x32.
const COLOUR: [&str; 1] = ["model.input=[3,32,32]"];

fn record(label: &[u8], seed: u8) -> Vec<u8> {
    let pixels = (0..3072u32).map(|at| (at * 7 + u32::from(seed) * 31) as u8);
    label.iter().copied().chain(pixels).collect()
}

/// Red if the last batch comes first.
#[test]
fn cifar_batches_are_read_record_by_record() {
    let sandbox = Sandbox::new();
    for batch in 1..=5u8 {
        let records: Vec<u8> = (0..4)
            .flat_map(|i| record(&[(batch + i) % 10], batch * 4 + i))
            .collect();
        sandbox.write(
            &format!("cifar/cifar-10-batches-bin/data_batch_{batch}.bin"),
            records,
        );
    }
    let test: Vec<u8> = (0..10).flat_map(|i| record(&[i], 100 + i)).collect();
    sandbox.write("cifar/cifar-10-batches-bin/test_batch.bin", &test);
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    sandbox.write("cifar/cifar-10-batches-bin/batches.meta.txt", names);
    let splits = load(&sandbox, &[&["data.path=cifar"][..], &COLOUR].concat()).unwrap();
    let expected: Vec<u32> = (1..=5)
        .flat_map(|batch| (0..4).map(move |i| (batch + i) % 10))
        .collect();
    assert_eq!(splits.train.labels, expected);
    assert_eq!(splits.eval.len(), 10);
    assert_eq!(splits.class_names[3], "cat");
    assert_eq!(splits.files.len(), 6);

    // In grey, by one of the files alone.
    let one = "data.train=cifar/cifar-10-batches-bin/data_batch_2.bin";
    let grey = ["data.path=cifar", one, "model.input=[1,32,32]"];
    assert_eq!(load(&sandbox, &grey).unwrap().train.labels, expected[4..8]);

    sandbox.write(
        "cifar/cifar-10-batches-bin/test_batch.bin",
        &test[..test.len() - 1],
    );
    sandbox
        .runner(&[&["run", "tiny.toml", "data.path=cifar"][..], &COLOUR].concat())
        .code(4)
        .stderr_has(&["test_batch.bin: 30729 bytes are not a whole number of records of 3073"]);
    let mut bad = test.clone();
    bad[0] = 10;
    sandbox.write("cifar/cifar-10-batches-bin/test_batch.bin", bad);
    sandbox
        .runner(&[&["run", "tiny.toml", "data.path=cifar"][..], &COLOUR].concat())
        .code(4)
        .stderr_has(&["label 10 of image 0 is outside the 10 classes of CIFAR-10"]);
}

/// Red with the coarse ones.
#[test]
fn cifar_100_has_the_fine_labels() {
    let sandbox = Sandbox::new();
    let records: Vec<u8> = (0..5).flat_map(|i| record(&[19 - i, 90 + i], i)).collect();
    sandbox.write("c/train.bin", &records);
    sandbox.write("c/test.bin", &records);
    let overrides = [
        "data.path=c",
        "model.input=[3,32,32]",
        "model.layers[5].linear.out_features=100",
    ];
    let splits = load(&sandbox, &overrides).unwrap();
    assert_eq!(splits.train.labels, [90, 91, 92, 93, 94]);
    // They are the same images.
    let told = splits.warnings.join("\n");
    assert!(
        told.contains("5 evaluation images are also among the training"),
        "{told}"
    );
}

fn list(sandbox: &Sandbox) {
    let mut text = "path,label,split\n".to_owned();
    for (index, (pixels, label)) in digits("train", 60).iter().enumerate() {
        write_pgm(
            sandbox,
            &format!("set/images/{index}.pgm"),
            pixels,
            [28, 28],
        );
        let split = ["train", "train", "val", "test"][index % 4];
        text += &format!("images/{index}.pgm,{label},{split}\n");
    }
    sandbox.write("set/list.csv", text);
}

#[test]
fn a_list_says_which_image_is_what_and_for_what() {
    let sandbox = Sandbox::new();
    list(&sandbox);
    let splits = load(&sandbox, &["data.path=set/list.csv"]).unwrap();
    let test = splits.test.as_ref().unwrap();
    assert_eq!(
        (splits.train.len(), splits.eval.len(), test.len()),
        (30, 15, 15)
    );
    let digits = digits("train", 60);
    let (number, path) = splits.eval.origin(3);
    assert_eq!(number, 3);
    assert!(path.ends_with("set/images/14.pgm"), "{path}");
    assert_eq!(splits.eval.labels[3], u32::from(digits[14].1));
    // Those for the last evaluation have results of their own, which hold together.
    let run = sandbox.run_tiny(&["data.path=set/list.csv"]);
    assert_eq!(
        sandbox
            .read(&format!("{run}/test_predictions.csv"))
            .lines()
            .count(),
        16
    );
    let result = sandbox.read(&format!("{run}/result.json"));
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    let predictions = sandbox.read(&format!("{run}/test_predictions.csv"));
    let right = predictions.lines().skip(1).filter(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        cells[2] == cells[4]
    });
    assert_eq!(result["test"]["accuracy"], right.count() as f64 / 15.0);
    sandbox
        .runner(&["verify", &run])
        .success()
        .stdout_has(&["test_predictions.csv"]);
    let changed = predictions
        .replacen(",0.", ",1.", 1)
        .replacen('\n', "\n0,x,1,1,1,1,0.5\n", 1);
    sandbox.write(&format!("{run}/test_predictions.csv"), changed);
    sandbox
        .runner(&["verify", &run])
        .code(3)
        .stdout_has(&["test_report.txt is not consistent"]);
}

#[test]
fn a_list_that_is_wrong_says_in_which_line() {
    let sandbox = Sandbox::new();
    list(&sandbox);
    let good = sandbox.read("set/list.csv");
    for (text, expected) in [
        (
            good.replacen("path,label", "where,what", 1),
            "the columns are where, what, split, not path and label",
        ),
        (
            good.replacen("images/1.pgm,", "images/1.pgm,,", 1),
            "line 3: 4 cells for 3 columns",
        ),
        (
            good.replacen("images/1.pgm", "", 1),
            "line 3: the path is empty",
        ),
        (
            good.replacen(",val", ",evil", 1),
            "line 4: unknown split `evil`",
        ),
        ("path,label\n".to_owned(), "it lists no images"),
        (String::new(), "not path and label"),
        (
            good.replacen("images/5.pgm", "images/500.pgm", 1),
            "images/500.pgm: cannot be read",
        ),
    ] {
        sandbox.write("set/list.csv", text);
        sandbox
            .runner(&["run", "tiny.toml", "data.path=set/list.csv"])
            .code(4)
            .stderr_has(&["set/", expected]);
    }
    // Without a column of splits nothing says what is for evaluation.
    let lines = good
        .lines()
        .map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n");
    sandbox.write("set/list.csv", lines.collect::<String>());
    sandbox
        .runner(&["run", "tiny.toml", "data.path=set/list.csv"])
        .code(4)
        .stderr_has(&[
            "nothing says which of its images are for evaluation",
            "data.validation = 0.1",
        ]);
    let splits = load(
        &sandbox,
        &["data.path=set/list.csv", "data.validation=0.25"],
    )
    .unwrap();
    assert_eq!(splits.train.len() + splits.eval.len(), 60);
}

#[test]
fn a_folder_that_could_be_two_things_has_to_be_told() {
    let sandbox = Sandbox::new();
    write_folder(&sandbox, "data/train", &digits("train", 20));
    write_folder(&sandbox, "data/test", &digits("t10k", 20));
    sandbox.runner(&["run", "tiny.toml"]).code(4).stderr_has(&[
        "data: it could be read as idx and as image_folder",
        "data.format = \"idx\"",
    ]);
    let lengths = |format| load(&sandbox, &[format]).unwrap().train.len();
    assert_eq!(lengths("data.format=idx"), 60);
    assert_eq!(lengths("data.format=image_folder"), 20);
    sandbox
        .runner(&["run", "tiny.toml", "data.format=cifar10"])
        .code(4)
        .stderr_has(&["no training images in the format cifar10 here"]);
}

#[test]
fn idx_files_may_have_the_name_of_their_set_before_them() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("emnist")).unwrap();
    for entry in fs::read_dir(sandbox.path("data")).unwrap() {
        let entry = entry.unwrap();
        let name = entry
            .file_name()
            .into_string()
            .unwrap()
            .replace("t10k", "test");
        fs::copy(
            entry.path(),
            sandbox.path(&format!("emnist/emnist-digits-{name}")),
        )
        .unwrap();
    }
    assert_eq!(
        load(&sandbox, &["data.path=emnist"]).unwrap().eval.len(),
        30
    );
    let name = "emnist/emnist-digits-train-images-idx3-ubyte";
    fs::copy(
        sandbox.path(name),
        sandbox.path("emnist/emnist-letters-train-images-idx3-ubyte"),
    )
    .unwrap();
    let error = load(&sandbox, &["data.path=emnist"])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("it has both emnist-digits-train-images"),
        "{error}"
    );
}

#[test]
fn made_up_images_can_be_learned_and_follow_from_their_seed() {
    let sandbox = Sandbox::new();
    let made = "data.synthetic={ train_images = 600, eval_images = 100, test_images = 50 }";
    let place = "data.path={ unset = true }";
    let colour = ["model.input=[3,28,28]", "training.epochs=5"];
    for extra in [&[][..], &colour] {
        let overrides = [&[place, made, "training.batch_size=20"], extra].concat();
        let run = sandbox.run_tiny(&overrides);
        let rows = sandbox.read(&format!("{run}/metrics.csv"));
        let last = rows.lines().last().unwrap();
        let header = rows.lines().next().unwrap();
        let column = header
            .split(',')
            .position(|it| it == "eval_accuracy")
            .unwrap();
        let accuracy: f64 = last.split(',').nth(column).unwrap().parse().unwrap();
        assert!(accuracy > 0.5, "{accuracy}");
        let again = sandbox.run_tiny(&overrides);
        assert_eq!(sandbox.read(&format!("{again}/metrics.csv")), rows);
        let other = sandbox.run_tiny(&[&overrides[..], &["data.split_seed=1"]].concat());
        assert_ne!(sandbox.read(&format!("{other}/metrics.csv")), rows);
        sandbox.runner(&["verify", &run]).success();
    }
}

/// Red without the names that some programs unpack to, and without labels that are found by what is in them.
#[test]
fn idx_files_may_have_a_dot_in_their_names_or_any_name_that_is_stated() {
    let sandbox = Sandbox::new();
    for entry in fs::read_dir(sandbox.path("data")).unwrap() {
        let from = entry.unwrap();
        let name = from.file_name().into_string().unwrap();
        let dotted = name.replace("-idx", ".idx");
        sandbox.write(&format!("dots/{dotted}"), fs::read(from.path()).unwrap());
        let plain = name.replace("train-images-idx3-ubyte", "digits.bin");
        sandbox.write(&format!("plain/{plain}"), fs::read(from.path()).unwrap());
    }
    let sizes = |overrides: &[&str]| {
        let splits = load(&sandbox, overrides).unwrap();
        (splits.train.len(), splits.eval.len())
    };
    assert_eq!(sizes(&["data.path=dots"]), (60, 30));
    let both = [
        "data.train=dots/train-images.idx3-ubyte",
        "data.eval=dots/t10k-images.idx3-ubyte",
    ];
    assert_eq!(sizes(&both), (60, 30));
    // The only labels in the folder of which there are as many.
    let eval = "data.eval=plain/t10k-images-idx3-ubyte";
    let splits = load(&sandbox, &["data.train=plain/digits.bin", eval]).unwrap();
    assert_eq!((splits.train.len(), splits.eval.len()), (60, 30));
    let told = splits.warnings.join("\n");
    assert!(
        told.contains("plain/train-labels-idx1-ubyte, the only file next to it"),
        "{told}"
    );
    let again = fs::read(sandbox.path("plain/train-labels-idx1-ubyte")).unwrap();
    sandbox.write("plain/other-labels", again);
    sandbox
        .runner(&["run", "tiny.toml", "data.train=plain/digits.bin", eval])
        .code(4)
        .stderr_has(&[
            "plain: no labels file that clearly belongs to it here\n2 files here have 60 labels",
        ]);
    sandbox.write("plain/x.bin", "no IDX");
    sandbox
        .runner(&["run", "tiny.toml", "data.train=plain/x.bin", eval])
        .code(4)
        .stderr_has(&["plain/x.bin: no IDX images file here"]);
}

/// Red if four of five batches train in silence.
#[test]
fn a_missing_batch_and_batches_for_python_are_told() {
    let sandbox = Sandbox::new();
    let records: Vec<u8> = (0..10).flat_map(|i| record(&[i], i)).collect();
    for batch in [1, 2, 4, 5] {
        sandbox.write(&format!("cifar/data_batch_{batch}.bin"), &records);
    }
    sandbox.write("cifar/test_batch.bin", &records);
    let run = [&["run", "tiny.toml", "data.path=cifar"][..], &COLOUR].concat();
    for arguments in [&run[..], &["data", "inspect", "cifar"]] {
        sandbox
            .runner(arguments)
            .code(4)
            .stderr_has(&["cifar: no data_batch_3.bin here", "fetch the set again"]);
    }
    for name in ["data_batch_1", "test_batch", "batches.meta"] {
        sandbox.write(
            &format!("python/cifar-10-batches-py/{name}"),
            "\u{80}\u{2}}",
        );
    }
    sandbox
        .runner(&["run", "tiny.toml", "data.path=python"])
        .code(4)
        .stderr_has(&[
            "python/cifar-10-batches-py: these are the batches of CIFAR-10 for Python (pickle)",
            "runner data fetch cifar-10",
        ]);
}
