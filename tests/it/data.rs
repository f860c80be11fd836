//! Data: what is wrong with them is told before a run directory is made; what is right gives the same run however it is packed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use runner::config;
use runner::data::{Batch, Batches, Splits};

use crate::support::{Sandbox, TINY};

const TRAIN_IMAGES: &str = "data/train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "data/train-labels-idx1-ubyte";
const EVAL_IMAGES: &str = "data/t10k-images-idx3-ubyte";
const EVAL_LABELS: &str = "data/t10k-labels-idx1-ubyte";
const FILES: [&str; 4] = [TRAIN_IMAGES, TRAIN_LABELS, EVAL_IMAGES, EVAL_LABELS];

const FETCH_AGAIN: &str = "fetch or create the file again";

#[test]
fn a_missing_folder_is_named() {
    let sandbox = Sandbox::new();
    fs::rename(sandbox.path("data"), sandbox.path("elsewhere")).unwrap();
    refused(
        &sandbox,
        &[
            "cannot read data: No such file",
            "check `data` in the config",
        ],
    );
}

/// Red without each of the three.
#[test]
fn what_a_shell_or_an_escape_would_make_of_a_path_is_told() {
    let sandbox = Sandbox::new();
    for (typed, told) in [
        ("~/images", "`~` is not expanded in paths"),
        ("$HOME/images", "`$` is not expanded in paths"),
        ("${DATA}", "`$` is not expanded in paths"),
        (r#""C:\new\train""#, "the path has a control character"),
        (r"'C:\new\train'", "check `data` in the config"),
        ("price$", "check `data` in the config"),
    ] {
        let path = format!("data.path={typed}");
        let outcome = sandbox.runner(&["run", "tiny.toml", &path]).code(4);
        outcome.stderr_has(&[told]);
    }
}

/// Red without the look around the experiment file.
#[test]
fn a_path_that_starts_at_the_folder_of_the_experiment_is_told() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    let experiment = sandbox.path("tiny.toml");
    let mut command = sandbox.command(&["run", experiment.to_str().unwrap()]);
    let output = command.current_dir(sandbox.path("elsewhere")).output();
    let stderr = String::from_utf8(output.unwrap().stderr).unwrap();
    let folder = experiment.parent().unwrap().display();
    for part in [
        "cannot read data",
        &format!("try: cd {folder}\n"),
        "`data.path` is set at",
    ] {
        assert!(stderr.contains(part), "{stderr}");
    }
}

#[test]
fn a_known_set_that_is_not_there_is_to_be_fetched() {
    let sandbox = Sandbox::new();
    let with = |path: &str, remedy: &str| {
        let path = format!("data.path={path}");
        let outcome = sandbox.runner(&["run", "tiny.toml", &path]).code(4);
        outcome.stderr_has(&[remedy]);
    };
    if cfg!(feature = "fetch") {
        with(
            "data/fashion-mnist",
            "`runner data fetch fashion-mnist` gets it",
        );
        with(
            "sets/cifar10/train",
            "`runner data fetch cifar-10 --to sets/cifar10` gets it",
        );
    }
    // The bundled one cannot be fetched, and one that is here need not be.
    with("data/digits", "check `data` in the config");
    for name in FILES {
        let plain = sandbox.path(name);
        let file = plain.file_name().unwrap().to_str().unwrap();
        sandbox.write(&format!("data/mnist/{file}"), "");
    }
    with("mnist", "the set is in data/mnist");
}

#[test]
fn a_path_that_is_nearly_right_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("My Pictures/train/cat/1.png", "");
    for (typed, meant) in [
        ("dta", Some("data")),
        ("my pictures", Some("My Pictures")),
        ("./MyPictures/trian", Some("./My Pictures/train")),
        ("data/train-image-idx3-ubyte", Some(TRAIN_IMAGES)),
        ("My Pictures/evaluation", None),
        ("dta/evaluation", None),
        ("elsewhere", None),
    ] {
        let outcome = sandbox.runner(&["data", "inspect", typed]).code(4);
        let remedy = match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "check `data` in the config".to_owned(),
        };
        outcome.stderr_has(&[&format!("error: cannot read {typed}: No such"), &remedy]);
    }
}

/// Red if every error is of `data.path`.
#[test]
fn an_error_points_at_the_key_that_it_is_of() {
    let sandbox = Sandbox::new();
    let bytes = fs::read(sandbox.path(TRAIN_IMAGES)).unwrap();
    sandbox.write("cut/t10k-images-idx3-ubyte", &bytes[..99]);
    sandbox.write("cut/t10k-labels-idx1-ubyte", "");
    let one_label = [0, 0, 8, 1, 0, 0, 0, 1, 30];
    sandbox.write("beyond/t10k-labels-idx1-ubyte", one_label);
    let mut one_image = bytes[..16 + 784].to_vec();
    one_image[7] = 1;
    sandbox.write("beyond/t10k-images-idx3-ubyte", one_image);
    for (keys, place) in [
        ("test = \"cut\"", "`data.test` is set at tiny.toml:6:8"),
        ("test = \"away\"", "`data.test` is set at tiny.toml:6:8"),
        ("test = \"beyond\"", "`data.test` is set at tiny.toml:6:8"),
        ("eval = \"cut\"", "`data.eval` is set at tiny.toml:6:8"),
        ("train = \"away\"", "`data.train` is set at tiny.toml:6:9"),
        ("resize = 20", "`data.resize` is set at tiny.toml:6:10"),
        ("validation = 1e-9", "`data.path` is set at tiny.toml:5:8"),
        (
            "train = \"data\"\nvalidation = 1e-9",
            "`data.train` is set at tiny.toml:6:9",
        ),
    ] {
        let config = TINY.replace("\nscale", &format!("\n{keys}\nscale"));
        sandbox.write("tiny.toml", config);
        refused(&sandbox, &[&format!("\n({place})\n")]);
    }
    sandbox.write("tiny.toml", TINY);
    sandbox
        .runner(&["run", "tiny.toml", "data.test=away"])
        .code(4)
        .stderr_has(&["(`data.test` is set at command line:1:11)"]);
}

#[test]
fn a_folder_without_the_files_says_what_they_are_called() {
    let sandbox = Sandbox::new();
    for name in FILES {
        fs::remove_file(sandbox.path(name)).unwrap();
    }
    refused(
        &sandbox,
        &[
            "data: no training images here",
            "a folder of images contains one folder per class",
            "t10k-labels-idx1-ubyte, each plain or .gz",
        ],
    );
}

#[test]
fn a_missing_labels_file_is_named() {
    for name in [TRAIN_LABELS, EVAL_LABELS] {
        let sandbox = Sandbox::new();
        fs::remove_file(sandbox.path(name)).unwrap();
        let labels = name.strip_prefix("data/").unwrap();
        refused(
            &sandbox,
            &[&format!("data: no {labels} or {labels}.gz here")],
        );
    }
}

#[test]
fn labels_missing_beside_a_named_file_are_named() {
    let sandbox = Sandbox::new();
    for (name, folder) in [
        ("data/lone-images-idx3-ubyte", "data"),
        ("lone-images-idx3-ubyte", "."),
    ] {
        fs::copy(sandbox.path(TRAIN_IMAGES), sandbox.path(name)).unwrap();
        name_files(&sandbox, name, EVAL_IMAGES);
        let missing = "no lone-labels-idx1-ubyte or lone-labels-idx1-ubyte.gz here";
        refused(
            &sandbox,
            &[
                &format!("error: {folder}: {missing}"),
                &format!("put the labels of {name} there"),
            ],
        );
    }
}

#[test]
fn a_named_file_that_is_no_images_file_says_what_it_must_be_called() {
    let sandbox = Sandbox::new();
    name_files(&sandbox, TRAIN_LABELS, EVAL_IMAGES);
    refused(
        &sandbox,
        &[
            TRAIN_LABELS,
            "no IDX images file here",
            "begins with the bytes 0, 0, 8, 3",
        ],
    );
}

#[test]
fn a_plain_file_cut_anywhere_is_refused() {
    for name in FILES {
        let sandbox = Sandbox::new();
        let bytes = fs::read(sandbox.path(name)).unwrap();
        // Nothing, inside the magic number, inside the header, after it, one byte short.
        for length in [0, 3, 7, 16, bytes.len() - 1] {
            sandbox.write(name, &bytes[..length]);
            refused(&sandbox, &[name, "truncated", FETCH_AGAIN]);
        }
    }
}

#[test]
fn a_gzip_file_cut_anywhere_is_refused() {
    let sandbox = Sandbox::new();
    let (name, packed) = pack(&sandbox, TRAIN_IMAGES);
    // Inside gzip's header, inside the data, before the checksum, inside it.
    for length in [2, 9, packed.len() / 2, packed.len() - 8, packed.len() - 1] {
        sandbox.write(&name, &packed[..length]);
        refused(&sandbox, &[&name, "truncated", FETCH_AGAIN]);
    }
}

#[test]
fn a_gzip_file_with_a_flipped_byte_is_refused() {
    let sandbox = Sandbox::new();
    let (name, packed) = pack(&sandbox, TRAIN_IMAGES);
    // Inside the data, and in the checksum at the end.
    for index in [packed.len() / 2, packed.len() - 8] {
        let mut flipped = packed.clone();
        flipped[index] ^= 1;
        sandbox.write(&name, &flipped);
        refused(&sandbox, &[&name, FETCH_AGAIN]);
    }
}

/// Red if reading stops where the header says, before gzip's checksum.
#[test]
fn no_flipped_byte_of_a_gzip_file_changes_what_is_read() {
    let sandbox = Sandbox::new();
    let (name, packed) = pack(&sandbox, EVAL_LABELS);
    let folder = sandbox.path("data").display().to_string();
    let load = || Splits::load(&data(&folder, &folder), [1, 28, 28], 10, &|_, _| {});
    let labels = load().unwrap().eval.labels;
    let mut harmless = 0;
    for index in 0..packed.len() {
        let mut flipped = packed.clone();
        flipped[index] ^= 0x10;
        sandbox.write(&name, &flipped);
        match load() {
            Ok(splits) => {
                assert_eq!(splits.eval.labels, labels, "byte {index}");
                harmless += 1;
            }
            Err(error) => assert!(error.to_string().contains(&name), "byte {index}: {error}"),
        }
    }
    // Of gzip's header: time (4 bytes), flags of the compressor, system. And of the last byte of
    // data the bits that fill it up.
    assert!(harmless <= 7, "{harmless}");
}

#[test]
fn bytes_too_many_are_refused() {
    let sandbox = Sandbox::new();
    for name in FILES {
        let bytes = fs::read(sandbox.path(name)).unwrap();
        sandbox.write(name, [bytes.as_slice(), &[0]].concat());
        refused(&sandbox, &[name, "more bytes follow than", FETCH_AGAIN]);
        sandbox.write(name, bytes);
    }
    let (name, packed) = pack(&sandbox, TRAIN_IMAGES);
    sandbox.write(&name, [packed.as_slice(), b"more"].concat());
    refused(&sandbox, &[&name, FETCH_AGAIN]);
}

#[test]
fn labels_in_place_of_images_are_refused_and_the_reverse() {
    let sandbox = Sandbox::new();
    let images = fs::read(sandbox.path(TRAIN_IMAGES)).unwrap();
    let labels = fs::read(sandbox.path(TRAIN_LABELS)).unwrap();
    sandbox.write(TRAIN_IMAGES, &labels);
    refused(
        &sandbox,
        &[
            TRAIN_IMAGES,
            "magic number 0x00000801 instead of 0x00000803: not an IDX file of images",
            FETCH_AGAIN,
        ],
    );
    sandbox.write(TRAIN_IMAGES, &images);
    sandbox.write(TRAIN_LABELS, &images);
    refused(
        &sandbox,
        &[
            TRAIN_LABELS,
            "magic number 0x00000803 instead of 0x00000801: not an IDX file of labels",
            FETCH_AGAIN,
        ],
    );
}

/// Red if memory is taken on the header's word.
#[test]
fn a_header_that_promises_the_earth_is_refused() {
    let sandbox = Sandbox::new();
    let mut bytes = fs::read(sandbox.path(TRAIN_IMAGES)).unwrap();
    bytes[4..16].fill(0xff);
    sandbox.write(TRAIN_IMAGES, &bytes);
    refused(
        &sandbox,
        &[
            TRAIN_IMAGES,
            "its header announces 4294967295 x 4294967295 x 4294967295 bytes, which is too many",
            FETCH_AGAIN,
        ],
    );
    // Sixteen gigabytes, which are not too many, but not there.
    bytes[4..16].copy_from_slice(&[0, 4, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
    sandbox.write(TRAIN_IMAGES, &bytes);
    refused(&sandbox, &[TRAIN_IMAGES, "truncated", FETCH_AGAIN]);
}

#[test]
fn counts_that_disagree_are_refused() {
    let sandbox = Sandbox::new();
    let labels = fs::read(sandbox.path(TRAIN_LABELS)).unwrap();
    sandbox.cut_data("data", 59, 30);
    sandbox.write(TRAIN_LABELS, labels);
    refused(
        &sandbox,
        &[
            &format!("{TRAIN_LABELS}: 60 labels for 59 images in {TRAIN_IMAGES}"),
            "use both files from the same source",
        ],
    );
}

#[test]
fn a_split_without_images_is_refused() {
    for (train, eval, name) in [(0, 30, TRAIN_IMAGES), (60, 0, EVAL_IMAGES)] {
        let sandbox = Sandbox::new();
        sandbox.cut_data("data", train, eval);
        refused(
            &sandbox,
            &[
                &format!("{name}: no images in this file"),
                "name a file that contains images",
            ],
        );
    }
}

#[test]
fn images_of_another_size_are_refused() {
    let sandbox = Sandbox::new();
    let mut bytes = fs::read(sandbox.path(EVAL_IMAGES)).unwrap();
    // As many bytes, so that only the shape tells.
    (bytes[11], bytes[15]) = (14, 56);
    sandbox.write(EVAL_IMAGES, bytes);
    refused(
        &sandbox,
        &[
            &format!("{EVAL_IMAGES}: its images are [1, 14, 56], but `model.input` is [1, 28, 28]"),
            "set model.input = [1, 14, 56], resize the images with data.resize = [28, 28]",
        ],
    );
}

#[test]
fn a_label_outside_the_classes_is_refused() {
    let sandbox = Sandbox::new();
    let mut bytes = fs::read(sandbox.path(EVAL_LABELS)).unwrap();
    (bytes[8 + 17], bytes[8 + 20]) = (10, 12);
    sandbox.write(EVAL_LABELS, bytes);
    refused(
        &sandbox,
        &[&format!(
            "{EVAL_LABELS}: the network has 10 outputs, and image 17 has the label 10\n\
                 give the last layer out_features = 13 or more, or use other data\n\
                 (`data.path` is set at tiny.toml:5:8)"
        )],
    );
}

#[test]
fn a_batch_above_the_data_points_at_its_line() {
    let sandbox = Sandbox::new();
    let line = TINY
        .lines()
        .position(|line| line.starts_with("batch_size"))
        .unwrap()
        + 1;
    let too_many = TINY.replace("batch_size = 7", "batch_size = 61");
    sandbox.write("tiny.toml", too_many);
    let before = everything(&sandbox);
    sandbox
        .runner(&["run", "tiny.toml", "-q"])
        .code(2)
        .stderr_has(&[
            "batch size 61 is larger than the 60 training images",
            &format!("tiny.toml:{line}:14"),
            "choose a `batch_size` of at most 60",
        ]);
    assert_eq!(everything(&sandbox), before);
    // All at once is no error; and an override is pointed at on the command line.
    sandbox.run_tiny(&["training.batch_size=60"]);
    let outcome = sandbox.runner(&["run", "tiny.toml", "training.batch_size=62"]);
    outcome
        .code(2)
        .stderr_has(&["command line:1:21", "batch size 62"]);
}

#[test]
fn plain_and_gzip_files_give_the_same_run() {
    let sandbox = Sandbox::new();
    let plain = metrics(&sandbox);
    for name in FILES {
        pack(&sandbox, name);
        assert_eq!(metrics(&sandbox), plain, "{name} as gzip");
    }
}

/// Red if the splits are swapped.
#[test]
fn a_folder_and_its_files_by_name_give_the_same_run() {
    let sandbox = Sandbox::new();
    let folder = metrics(&sandbox);
    name_files(&sandbox, TRAIN_IMAGES, EVAL_IMAGES);
    assert_eq!(metrics(&sandbox), folder);
    // One of them a gzip file with plain labels, the other a folder.
    let (train, _) = pack(&sandbox, TRAIN_IMAGES);
    name_files(&sandbox, &train, "data");
    assert_eq!(metrics(&sandbox), folder);
    name_files(&sandbox, EVAL_IMAGES, &train);
    assert_ne!(metrics(&sandbox), folder);
}

#[test]
fn pixels_are_scaled_then_normalized_channel_by_channel() {
    let pixels = [0, 10, 20, 255, 1, 2, 3, 4];
    let images = |data: &mut config::Data| {
        let splits = made(data, [2, 1, 2], &pixels, &[0, 1]);
        let batches =
            Batches::in_order(&splits.train, data, splits.normalize.clone(), [2, 1, 2], 2);
        batches.get(0).unwrap().images.to_vec()
    };
    let mut data = data("", "");
    assert_eq!(
        images(&mut data),
        [0.0, 10.0, 20.0, 255.0, 1.0, 2.0, 3.0, 4.0]
    );
    data.scale = 0.5;
    assert_eq!(
        images(&mut data),
        [0.0, 5.0, 10.0, 127.5, 0.5, 1.0, 1.5, 2.0]
    );
    data.normalize = Some(config::Normalize::Stated(config::Moments {
        mean: vec![1.0, 0.5],
        std: vec![2.0, 0.25],
    }));
    assert_eq!(
        images(&mut data),
        [-0.5, 2.0, 38.0, 508.0, -0.25, 0.0, 4.0, 6.0]
    );
    // In double precision, rounded once at the end.
    data.scale = 1.0 / 255.0;
    data.normalize = Some(config::Normalize::Stated(config::Moments {
        mean: vec![0.1307, 0.1307],
        std: vec![0.3081, 0.3081],
    }));
    assert_eq!(images(&mut data)[3], 2.8214865);
}

#[test]
fn an_epoch_sees_every_image_once_with_its_own_label() {
    let (pixels, labels): (Vec<u8>, Vec<u8>) = (0..60).map(|it| (it, it + 100)).unzip();
    let mut data = data("", "");
    let splits = made(&mut data, [1, 1, 1], &pixels, &labels);
    let epoch = |seed, epoch| -> Vec<u32> {
        let batches = Batches::training(&splits, &data, [1, 1, 1], 7, seed, epoch);
        let batches: Vec<Batch> = (0..batches.len())
            .map(|index| batches.get(index).unwrap())
            .collect();
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.labels.len()).collect();
        assert_eq!(sizes, [7, 7, 7, 7, 7, 7, 7, 7, 4]);
        let pairs = batches.into_iter().flat_map(|batch| {
            let images = batch.images.to_vec();
            images.into_iter().zip(batch.labels)
        });
        pairs
            .map(|(image, label)| {
                assert_eq!(image as u32 + 100, label);
                label
            })
            .collect()
    };
    let order = epoch(1, 1);
    assert_eq!(order.iter().copied().collect::<BTreeSet<u32>>().len(), 60);
    assert_eq!(epoch(1, 1), order);
    assert_ne!(epoch(1, 2), order);
    assert_ne!(epoch(2, 1), order);
}

/// Both splits of these images, in IDX files; `shape`: channels, height, width.
fn made(data: &mut config::Data, shape: [usize; 3], pixels: &[u8], labels: &[u8]) -> Splits {
    let folder = tempfile::tempdir().unwrap();
    let count = labels.len() as u32;
    let sizes = [&[count][..], &shape.map(|size| size as u32)].concat();
    for split in ["train", "t10k"] {
        for (name, sizes, bytes) in [
            ("images-idx3-ubyte", sizes.as_slice(), pixels),
            ("labels-idx1-ubyte", &[count], labels),
        ] {
            let mut file = vec![0, 0, 8, sizes.len() as u8];
            file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
            file.extend(bytes);
            fs::write(folder.path().join(format!("{split}-{name}")), file).unwrap();
        }
    }
    let path = folder.path().display().to_string();
    (data.train, data.eval) = (Some(path.clone()), Some(path));
    Splits::load(data, shape, 256, &|_, _| {}).unwrap()
}

/// Exit code 4, these words on stderr, and everything as it was: no run directory, no temporary one.
#[track_caller]
fn refused(sandbox: &Sandbox, parts: &[&str]) {
    let before = everything(sandbox);
    let outcome = sandbox.runner(&["run", "tiny.toml", "-q"]);
    let outcome = outcome.code(4).stderr_has(parts);
    assert_eq!(outcome.stdout, "");
    assert_eq!(everything(sandbox), before);
}

fn everything(sandbox: &Sandbox) -> BTreeSet<OsString> {
    fn walk(folder: &Path, found: &mut BTreeSet<OsString>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            }
            found.insert(path.into());
        }
    }
    let mut found = BTreeSet::new();
    walk(&sandbox.path(""), &mut found);
    found
}

/// metrics.csv of a new run, which ends in a digest of all parameters and optimizer state.
fn metrics(sandbox: &Sandbox) -> String {
    let run = sandbox.run_tiny(&[]);
    sandbox.read(&format!("{run}/metrics.csv"))
}

/// Names the splits apart in the config.
fn name_files(sandbox: &Sandbox, train: &str, eval: &str) {
    let files = format!("train = \"{train}\"\neval = \"{eval}\"");
    let config = TINY.replace("path = \"data\"", &files);
    assert_ne!(config, TINY);
    sandbox.write("tiny.toml", config);
}

/// Puts a gzip file in the place of a plain one; gives its name and content.
fn pack(sandbox: &Sandbox, name: &str) -> (String, Vec<u8>) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(&fs::read(sandbox.path(name)).unwrap())
        .unwrap();
    let packed = encoder.finish().unwrap();
    fs::remove_file(sandbox.path(name)).unwrap();
    let name = format!("{name}.gz");
    sandbox.write(&name, &packed);
    (name, packed)
}

fn data(train: &str, eval: &str) -> config::Data {
    let document = config::Document::parse("tiny.toml", TINY.to_owned(), "tiny");
    let mut data = document.experiment().unwrap().data;
    data.path = None;
    data.train = Some(train.to_owned());
    data.eval = Some(eval.to_owned());
    data.scale = 1.0;
    data
}

/// Red where only the first of several errors is reported.
#[test]
fn all_paths_that_are_wrong_are_reported_at_once() {
    let sandbox = Sandbox::new();
    let places = ["data.train=nowhere", "data.test=neither"];
    let outcome = sandbox.runner(&[&["run", "tiny.toml"][..], &places].concat());
    outcome.code(4).stderr_has(&[
        "error: cannot read nowhere",
        "`data.train` is set at",
        "error: cannot read neither",
        "`data.test` is set at",
    ]);
    for command in ["run", "check"] {
        let arguments = [&[command, "tiny.toml", "bacth=3"][..], &places].concat();
        sandbox.runner(&arguments).code(2).stderr_has(&[
            "unknown key `bacth`",
            "cannot read nowhere",
            "cannot read neither",
            "3 errors",
        ]);
    }
    let outcome = sandbox.runner(&["config", "show", "tiny.toml", "data.path=nowhere"]);
    outcome.success();
}

/// Red where only the folder of the file is looked into.
#[test]
fn a_config_in_a_folder_that_is_nearly_right_is_found() {
    let sandbox = Sandbox::new();
    sandbox.write("configs/one.toml", "");
    let outcome = sandbox.runner(&["run", "config/one.toml"]).code(2);
    outcome.stderr_has(&["did you mean configs/one.toml?"]);
    let outcome = sandbox.runner(&["run", "elsewhere/one.toml"]).code(2);
    outcome.stderr_has(&["there is no folder elsewhere"]);
}
