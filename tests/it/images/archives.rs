//! Sets inside single files: NumPy's archives and WebDataset's shards. The fixtures were written by NumPy and by
//! webdataset; `tests/fixtures/sources.py` says what is in them.

use std::fs;

use runner::data::picture::Picture;

use super::{fixtures, load};
use crate::support::Sandbox;

/// No images but those that are named one by one.
const NO_PATH: &str = "data.path={ unset = true }";

/// A network for the images of the fixtures, of which there are three classes.
const GREY: [&str; 2] = [
    "model.input=[1,8,8]",
    "model.layers[5].linear.out_features=3",
];
const COLOUR: [&str; 2] = [
    "model.input=[3,8,8]",
    "model.layers[5].linear.out_features=3",
];

fn sandbox(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for name in names {
        let bytes = fs::read(fixtures().join("sources").join(name)).unwrap();
        sandbox.write(&format!("set/{name}"), bytes);
    }
    sandbox
}

/// The planes of image `index` as the fixtures' script says them.
fn planes(index: usize, channels: usize) -> Vec<u8> {
    let mut planes = Vec::new();
    for channel in 0..channels {
        let value = |place: usize| ((place * channels + channel) * 7 + 31 * index) % 256;
        planes.extend((0..64).map(|place| value(place) as u8));
    }
    planes
}

/// Exports a set and holds every image and its class against what the script wrote.
fn check_pixels(
    sandbox: &Sandbox,
    place: &str,
    splits: &[(&str, std::ops::Range<usize>)],
    channels: usize,
) {
    sandbox
        .runner(&["data", "export", place, "out", "--as", "png"])
        .success();
    for (split, indices) in splits {
        for (number, index) in indices.clone().enumerate() {
            let name = format!("out/{split}/{}/{number:06}.png", index % 3);
            let picture = Picture::decode(&fs::read(sandbox.path(&name)).unwrap()).unwrap();
            assert_eq!(picture.planes(channels), planes(index, channels), "{name}");
        }
    }
    fs::remove_dir_all(sandbox.path("out")).unwrap();
}

/// Red if colours are not brought into planes, or labels of eight bytes are read as one.
#[test]
fn archives_of_numpy_are_read_as_medmnist_and_keras_have_them() {
    let sandbox = sandbox(&["grey.npz", "colour.npz", "keras.npz"]);
    let three = [("train", 0..12), ("val", 12..18), ("test", 18..24)];
    check_pixels(&sandbox, "set/grey.npz", &three, 1);
    check_pixels(&sandbox, "set/colour.npz", &three, 3);
    check_pixels(
        &sandbox,
        "set/keras.npz",
        &[("train", 0..12), ("test", 18..24)],
        1,
    );
    for (name, network, test) in [
        ("grey", GREY, Some(6)),
        ("colour", COLOUR, Some(6)),
        ("keras", GREY, None),
    ] {
        let path = format!("data.path=set/{name}.npz");
        let splits = load(&sandbox, &[&[path.as_str()][..], &network].concat()).unwrap();
        assert_eq!((splits.train.len(), splits.eval.len()), (12, 6));
        assert_eq!(splits.test.as_ref().map(|test| test.len()), test);
        assert_eq!(splits.train.labels[..4], [0, 1, 2, 0]);
    }
    let run = sandbox.run_tiny(&[&["data.path=set/grey.npz"][..], &GREY].concat());
    sandbox.runner(&["verify", &run]).success();
    sandbox
        .runner(&["resume", &run, "-q", "training.epochs=4"])
        .success();
}

#[test]
fn archives_of_numpy_that_are_wrong_say_how() {
    let sandbox = sandbox(&["grey.npz"]);
    let good = fs::read(sandbox.path("set/grey.npz")).unwrap();
    let run = [&["run", "tiny.toml", "data.path=set/grey.npz"][..], &GREY].concat();
    // The arrays are stored as they are, so their headers can be changed in place; zip has a checksum of each.
    let replace = |from: &[u8], to: &[u8]| {
        let mut bytes = good.clone();
        let at = bytes.windows(from.len()).position(|it| it == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    for (bytes, expected) in [
        (good[..good.len() / 2].to_vec(), "not a NumPy archive"),
        (replace(b"(12, 8, 8)", b"(99999999)"), "more than its"),
        (replace(b"(12, 8, 8)", b"(11, 8, 8)"), "but more are there"),
        (replace(b"'|u1'", b"'<f4'"), "not little-endian integers"),
        (replace(b"False", b"True "), "Fortran"),
        (b"nothing".to_vec(), "not a NumPy archive"),
    ] {
        sandbox.write("set/grey.npz", bytes);
        sandbox
            .runner(&run)
            .code(4)
            .stderr_has(&["set/grey.npz: ", expected]);
    }
}

/// Labels from 1 on are what the letters of EMNIST have.
#[test]
fn labels_that_begin_at_one_have_a_remedy_that_helps() {
    let sandbox = Sandbox::new();
    let labels = sandbox.path("data/train-labels-idx1-ubyte");
    for name in ["train", "t10k"] {
        let path = sandbox.path(&format!("data/{name}-labels-idx1-ubyte"));
        let mut bytes = fs::read(&path).unwrap();
        bytes[8..].iter_mut().for_each(|label| *label += 1);
        fs::write(path, bytes).unwrap();
    }
    sandbox.runner(&["run", "tiny.toml"]).code(4).stderr_has(&[
        "its labels are numbers from 1 to 10, but the 10 outputs of the network stand for 0 to 9",
        "set data.first_label = 1",
    ]);
    let splits = load(&sandbox, &["data.first_label=1"]).unwrap();
    let bytes = fs::read(labels).unwrap();
    let classes: Vec<u32> = bytes[8..]
        .iter()
        .map(|label| u32::from(*label) - 1)
        .collect();
    assert_eq!(splits.train.labels, classes);
    assert_eq!(splits.class_names[0], "1");
    sandbox
        .runner(&["run", "tiny.toml", "data.first_label=2"])
        .code(4)
        .stderr_has(&[
            "it has the label 1, but data.first_label is 2",
            "set data.first_label = 1",
        ]);
    sandbox.run_tiny(&["data.first_label=1"]);
}

const SHARDS: [&str; 3] = ["train-000000.tar", "train-000001.tar", "val-000000.tar"];

/// Red if keys end at a dot in a folder's name, or offsets are those of headers.
#[test]
fn shards_of_webdataset_are_read_in_place() {
    let sandbox = sandbox(&SHARDS);
    check_pixels(&sandbox, "set", &[("train", 0..12), ("val", 12..18)], 1);
    let load = |overrides: &[&str]| load(&sandbox, &[overrides, &GREY].concat()).unwrap();
    let splits = load(&["data.path=set"]);
    assert_eq!((splits.train.len(), splits.eval.len()), (12, 6));
    let (_, path) = splits.train.origin(7);
    assert!(
        path.ends_with("set/train-000001.tar/a.b/0007.png"),
        "{path}"
    );
    // By a range, by a pattern, by a file; images of one shard split by what they are.
    for train in ["set/train-{000000..000001}.tar", "set/train-*.tar"] {
        let splits = load(&[
            NO_PATH,
            &format!("data.train={train}"),
            "data.eval=set/val-000000.tar",
        ]);
        assert_eq!((splits.train.len(), splits.eval.len()), (12, 6), "{train}");
    }
    let splits = load(&["data.path=set/train-*.tar", "data.validation=0.3"]);
    assert_eq!(splits.train.len() + splits.eval.len(), 12);

    // Decoded as needed, which these sizes have to be, and from a file of decoded images: the same bits.
    let large = [
        "data.path=set",
        "data.resize=[512,512]",
        "data.augment=[\"random_crop\"]",
    ];
    let large = [&large[..], &GREY, &["training.epochs=1"]].concat();
    let rows = |more: &[&str]| {
        let run = sandbox.run_tiny(&[&large[..], more].concat());
        sandbox.read(&format!("{run}/metrics.csv"))
    };
    let whole = rows(&["data.cache=off"]);
    assert_eq!(rows(&["data.memory_limit=1", "data.cache=off"]), whole);
    for _ in 0..2 {
        assert_eq!(rows(&["data.memory_limit=1", "data.cache=disk"]), whole);
    }
    let run = sandbox.run_tiny(&[&["data.path=set"][..], &GREY].concat());
    let listing = sandbox.read(&format!("{run}/data.csv"));
    assert!(
        listing.contains("set/train-000001.tar,set/train-000001.tar/a.b/0007.png,"),
        "{listing}"
    );
    sandbox.runner(&["verify", &run]).success();
    // A label is part of what is verified.
    let shard = sandbox.path("set/train-000001.tar");
    let mut bytes = fs::read(&shard).unwrap();
    let class = bytes.windows(9).position(|it| it == b"/0007.cls").unwrap();
    let text = class + 512 - 3;
    let text = (text..text + 8).find(|at| bytes[*at] == b'1').unwrap();
    bytes[text] = b'2';
    fs::write(&shard, bytes).unwrap();
    sandbox
        .runner(&["resume", &run, "-q", "training.epochs=4"])
        .code(4)
        .stderr_has(&["set/train-000001.tar differs from the file the run started with"]);
    sandbox.runner(&["verify", &run]).code(3);
}

/// Red if only folders and files are followed to where they are now, or only the first of two patterns.
#[test]
fn shards_of_a_pattern_that_have_moved_are_verified_where_they_are() {
    let sandbox = sandbox(&SHARDS);
    let places = |train: &str, eval: &str| {
        [
            format!("data.train=\"{train}/train-{{000000..000001}}.tar\""),
            format!("data.eval=\"{eval}/val-*.tar\""),
        ]
    };
    let [train, eval] = places("set", "set");
    let run = sandbox.run_tiny(&[&[NO_PATH, &train, &eval][..], &GREY].concat());
    fs::create_dir(sandbox.path("disk")).unwrap();
    fs::rename(sandbox.path("set"), sandbox.path("disk/one")).unwrap();
    fs::create_dir(sandbox.path("disk/two")).unwrap();
    let shard = sandbox.path("disk/two/val-000000.tar");
    fs::rename(sandbox.path("disk/one/val-000000.tar"), &shard).unwrap();
    sandbox.runner(&["verify", &run]).code(3);
    let [train, eval] = places("disk/one", "disk/two");
    sandbox.runner(&["verify", &run, &train, &eval]).success();
    let mut bytes = fs::read(&shard).unwrap();
    bytes[600] ^= 1;
    fs::write(&shard, bytes).unwrap();
    sandbox
        .runner(&["verify", &run, &train, &eval])
        .code(3)
        .stdout_has(&["differs from the file the run was trained on"]);
}

/// A member of a tar file: its header and its content.
fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut member = vec![0; 512];
    member[..name.len()].copy_from_slice(name.as_bytes());
    member[100..107].copy_from_slice(b"0000644");
    member[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    member[156] = b'0';
    member[257..265].copy_from_slice(b"ustar\x0000");
    member[148..156].fill(b' ');
    let sum: u32 = member.iter().map(|byte| u32::from(*byte)).sum();
    member[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    member.extend(content);
    member.resize(member.len().next_multiple_of(512), 0);
    member
}

#[test]
fn shards_that_are_wrong_say_how_and_nothing_is_lost_without_a_word() {
    let sandbox = sandbox(&SHARDS);
    let pgm = |seed: u8| [b"P5\n8 8\n255\n".to_vec(), vec![seed; 64]].concat();
    let image = |i: u8| member(&format!("x/{i}.pgm"), &pgm(i * 9));
    let class = |i: u8| member(&format!("x/{i}.cls"), format!("{}\n", i % 3).as_bytes());
    let good: Vec<u8> = (0..6).flat_map(|i| [image(i), class(i)].concat()).collect();
    let end = vec![0; 1024];
    let whole = [good.clone(), end.clone()].concat();
    let run = |train: &str| {
        let train = format!("data.train={train}");
        sandbox.runner(
            &[
                &[
                    "run",
                    "tiny.toml",
                    "training.batch_size=2",
                    NO_PATH,
                    &train,
                    "data.eval=set/val-000000.tar",
                ][..],
                &GREY,
            ]
            .concat(),
        )
    };
    sandbox.write("x.tar", &whole);
    run("x.tar").success();
    // In any order: all images before all classes.
    let unsorted = (0..6).flat_map(image).chain((0..6).flat_map(class));
    sandbox.write("x.tar", unsorted.chain(end.clone()).collect::<Vec<u8>>());
    run("x.tar").success();
    for (more, expected) in [
        (
            member("x/9.pgm", &pgm(9)),
            "warning: x.tar: 1 image or class without a partner left out, the first of them x/9.pgm",
        ),
        (
            member("x/9.cls", b"1"),
            "the first of them x/9.cls (no image)",
        ),
        (
            member("x/0.json", b"{}"),
            "1 member that is neither an image nor a .cls",
        ),
    ] {
        sandbox.write("x.tar", [good.clone(), more, end.clone()].concat());
        run("x.tar").success().stderr_has(&[expected]);
    }
    for (bytes, expected) in [
        (
            [good.clone(), member("x/0.5mm.pgm", &pgm(9)), end.clone()].concat(),
            "two images of the sample \"x/0\"",
        ),
        (
            [good.clone(), member("x/0.cls", b"1"), end.clone()].concat(),
            "two classes of the sample \"x/0\"",
        ),
        (
            [good.clone(), member("x/7.cls", b" "), end.clone()].concat(),
            "x/7.cls does not contain a class",
        ),
        (good.clone(), "it was cut off"),
        (good[..good.len() - 700].to_vec(), "it was cut off"),
        (
            [whole.clone(), whole.clone()].concat(),
            "data follow its end",
        ),
        (vec![7; 2048], "not a tar file"),
        (end.clone(), "no image with a class"),
        ([&[0x1f, 0x8b][..], &whole].concat(), "it is compressed"),
    ] {
        sandbox.write("x.tar", bytes);
        run("x.tar").code(4).stderr_has(&["x.tar: ", expected]);
    }
    for (train, expected) in [
        (
            "set/train-{000000..000002}.tar",
            "set/train-000002.tar does not exist",
        ),
        ("set/train-{2..1}.tar", "{2..1} is empty"),
        ("set/test-*.tar", "no file has a name that fits"),
        ("set/{train", "an opening brace is never closed"),
    ] {
        run(train).code(4).stderr_has(&[expected]);
    }
    // Nothing says which of them are for evaluation.
    sandbox
        .runner(
            &[
                &["run", "tiny.toml", "data.path=set/train-*.tar"][..],
                &GREY,
            ]
            .concat(),
        )
        .code(4)
        .stderr_has(&["nothing says which of its images are for evaluation"]);
}

/// What a user is told whose program cannot read Parquet files.
#[cfg(not(feature = "parquet"))]
#[test]
fn a_program_without_parquet_names_the_feature() {
    let sandbox = sandbox(&PARQUET);
    sandbox
        .runner(&[&["run", "tiny.toml", "data.path=set"][..], &GREY].concat())
        .code(4)
        .stderr_has(&[
            "set/train-00000-of-00002.parquet: this program was built without the feature `parquet`",
            "cargo build --release --features parquet",
        ]);
}

/// A shard of a set of which another one is missing is no set, whatever can be read.
#[test]
fn a_shard_that_is_missing_by_the_names_of_others_is_told() {
    let sandbox = sandbox(&[PARQUET[0], PARQUET[2]]);
    sandbox
        .runner(&[&["run", "tiny.toml", "data.path=set"][..], &GREY].concat())
        .code(4)
        .stderr_has(&["its name says that there are 2 files, but 1 are here"]);
}

const PARQUET: [&str; 3] = [
    "train-00000-of-00002.parquet",
    "train-00001-of-00002.parquet",
    "test-00000-of-00001.parquet",
];

/// Red if shards are numbered by their own classes, or if names of classes are sorted.
#[cfg(feature = "parquet")]
#[test]
fn parquet_files_of_hugging_face_are_read_with_their_classes() {
    let sandbox = sandbox(&[&PARQUET[..], &["other_order.parquet"]].concat());
    sandbox
        .runner(&["data", "export", "set", "out", "--as", "png"])
        .code(4);
    fs::rename(
        sandbox.path("set/other_order.parquet"),
        sandbox.path("other_order.parquet"),
    )
    .unwrap();
    sandbox
        .runner(&["data", "export", "set", "out", "--as", "png"])
        .success();
    for (split, indices) in [("train", 0..12), ("test", 12..18)] {
        for (number, index) in indices.enumerate() {
            let name = format!(
                "out/{split}/{}/{number:06}.png",
                ["cat", "dog", "owl"][index % 3]
            );
            let picture = Picture::decode(&fs::read(sandbox.path(&name)).unwrap()).unwrap();
            assert_eq!(picture.planes(1), planes(index, 1), "{name}");
        }
    }
    let load = |overrides: &[&str]| load(&sandbox, &[overrides, &GREY].concat()).unwrap();
    let splits = load(&["data.path=set"]);
    assert_eq!((splits.train.len(), splits.eval.len()), (12, 6));
    assert_eq!(splits.class_names, ["cat", "dog", "owl"]);
    // As webdataset's and MedMNIST's numbers say, whatever the order of the names in a shard.
    let splits = load(&[
        NO_PATH,
        "data.train=other_order.parquet",
        "data.eval=set/test-*.parquet",
    ]);
    assert_eq!(splits.class_names, ["owl", "dog", "cat"]);
    assert_eq!(splits.train.labels, [2, 1, 0, 2, 1, 0]);
    assert_eq!(splits.eval.labels, [2, 1, 0, 2, 1, 0]);
    let both = r#"data.train="{set/train-00000-of-00002,other_order}.parquet""#;
    let splits = load(&[NO_PATH, both, "data.eval=set/test-*.parquet"]);
    assert_eq!(splits.train.labels, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);

    let run = sandbox.run_tiny(&[&["data.path=set"][..], &GREY].concat());
    sandbox.runner(&["verify", &run]).success();
    sandbox
        .runner(&["resume", &run, "-q", "training.epochs=4"])
        .success();
    let rows = sandbox.read(&format!("{run}/metrics.csv"));
    // Another start finds the images in the cache; both give the same bits.
    let again = sandbox.run_tiny(&[&["data.path=set", "training.epochs=4"][..], &GREY].concat());
    assert_eq!(sandbox.read(&format!("{again}/metrics.csv")), rows);
}

/// Red if rows are numbered within their split, if all rows are taken, if only the first file is asked for splits, or if
/// classes of the test are wanted where it is not used.
#[cfg(feature = "parquet")]
#[test]
fn rows_of_parquet_files_are_of_the_split_that_a_column_says() {
    let sandbox = sandbox(&["half-a.parquet", "half-b.parquet", "numbered.parquet"]);
    let numbered = sandbox.path("numbered.parquet");
    fs::rename(sandbox.path("set/numbered.parquet"), &numbered).unwrap();
    let rows = |split: usize| (0..24).filter(move |index| [0, 0, 1, 2][index / 3 % 4] == split);
    for place in ["set", "set/half-*.parquet"] {
        sandbox
            .runner(&["data", "export", place, "out", "--as", "png"])
            .success();
        for (split, name) in ["train", "val", "test"].into_iter().enumerate() {
            for (number, index) in rows(split).enumerate() {
                let class = ["cat", "dog", "owl"][index % 3];
                let name = format!("out/{name}/{class}/{number:06}.png");
                let picture = Picture::decode(&fs::read(sandbox.path(&name)).unwrap()).unwrap();
                assert_eq!(picture.planes(1), planes(index, 1), "{name}");
            }
        }
        fs::remove_dir_all(sandbox.path("out")).unwrap();
    }
    let load = |overrides: &[&str]| load(&sandbox, &[overrides, &GREY].concat()).unwrap();
    for place in ["set", "set/half-{a,b}.parquet"] {
        let splits = load(&[&format!("data.path=\"{place}\"")]);
        assert_eq!((splits.train.len(), splits.eval.len()), (12, 6));
        assert_eq!(splits.test.map(|test| test.len()), Some(6), "{place}");
        let (_, path) = splits.eval.origin(3);
        assert!(path.ends_with("half-b.parquet/row 6"), "{path}");
    }
    let run = sandbox.run_tiny(&[&["data.path=set"][..], &GREY].concat());
    sandbox.runner(&["verify", &run]).success();

    let both = [
        NO_PATH,
        "data.train=numbered.parquet",
        "data.eval=numbered.parquet",
    ];
    let splits = load(&both);
    assert_eq!(splits.train.labels, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    assert_eq!(splits.eval.labels, [0, 1, 2, 0, 1, 2]);
    for (name, from) in [("train", PARQUET[0]), ("one-split", "one-split.parquet")] {
        let bytes = fs::read(fixtures().join("sources").join(from)).unwrap();
        sandbox.write(&format!("{name}.parquet"), bytes);
    }
    let splits = load(&["data.path=\"{one-split,set/half-b}.parquet\""]);
    assert_eq!((splits.train.len(), splits.eval.len()), (12, 3));
    let unlabelled = "6 of its rows have no class, the first of them row 9: its label is -1";
    for (overrides, expected) in [
        (&["data.path=numbered.parquet"][..], unlabelled),
        (
            &[&both[..], &["data.columns.split=label"]].concat(),
            "numbered.parquet: the split of its row 0 is unknown: \"cat\"",
        ),
        (
            &[
                NO_PATH,
                "data.eval=numbered.parquet",
                "data.train=\"{train,set/half-a}.parquet\"",
            ],
            "train.parquet: no column says the split of each row, as one of set/half-a.parquet does",
        ),
        (
            &[
                NO_PATH,
                "data.train=set/half-a.parquet",
                "data.eval=one-split.parquet",
            ],
            "one-split.parquet: no row of the split eval here",
        ),
    ] {
        let run = [&["run", "tiny.toml", "-q"][..], overrides, &GREY].concat();
        sandbox.runner(&run).code(4).stderr_has(&[expected]);
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_that_lack_something_say_what() {
    let sandbox = sandbox(&[
        "paths.parquet",
        "unlabelled.parquet",
        "strings.parquet",
        PARQUET[2],
    ]);
    let run = |train: &str, more: &[&str]| {
        let train = format!("data.train=set/{train}");
        let run = [
            "run",
            "tiny.toml",
            "-q",
            "training.batch_size=2",
            NO_PATH,
            &train,
            "data.eval=set/test-*.parquet",
        ];
        sandbox.runner(&[&run[..], &GREY, more].concat())
    };
    // Rows without bytes have the path of a file; the last has neither.
    for index in 0..5 {
        let header = b"P5\n8 8\n255\n".to_vec();
        sandbox.write(
            &format!("set/files/{index:04}.pgm"),
            [header, planes(index, 1)].concat(),
        );
    }
    run("paths.parquet", &[])
        .code(4)
        .stderr_has(&["paths.parquet/row 5: the row has neither an image nor the path of one"]);
    let outcome = run("paths.parquet", &["data.on_bad_image=skip"]).success();
    let directory = outcome.stdout.trim().to_owned();
    sandbox.runner(&["verify", &directory]).success();
    fs::remove_file(sandbox.path("set/files/0003.pgm")).unwrap();
    run("paths.parquet", &[])
        .code(4)
        .stderr_has(&["set/files/0003.pgm: cannot be read"]);
    run("unlabelled.parquet", &[])
        .code(4)
        .stderr_has(&["2 of its rows have no class, the first of them row 2: its label is -1"]);
    run("strings.parquet", &[])
        .code(4)
        .stderr_has(&["the columns are img, animal, not path and label"]);
    // The columns of a config are those of all its files, and the others have `label`.
    let alone = [
        "data.columns.label=animal",
        "data.eval={unset=true}",
        "data.validation=0.5",
    ];
    run("strings.parquet", &alone).success();
    let good = fs::read(sandbox.path("set/test-00000-of-00001.parquet")).unwrap();
    for bytes in [&good[..good.len() / 2], &good[..9], b"PAR1", &[]] {
        sandbox.write("set/cut.parquet", bytes);
        run("cut.parquet", &[])
            .code(4)
            .stderr_has(&["set/cut.parquet: not a Parquet file, or a damaged one"]);
    }
}
