//! How images of any size come to the size of the network: torchvision's sizes, places and pixels.

use runner::config::{Document, PadToSquare, Resize};
use runner::data::Batches;
use runner::data::geometry::Geometry;
use serde_json::Value;

use super::{arrays, digits, fixtures, load, write_folder, write_pgm};
use crate::support::Sandbox;

fn lengths(text: &str) -> Option<[usize; 2]> {
    let (height, width) = text.split_once('x')?;
    Some([height.parse().unwrap(), width.parse().unwrap()])
}

fn geometry(pad: &str, resize: &str, crop: &str) -> Geometry {
    Geometry {
        pad_to_square: pad.parse().ok().map(|fill| PadToSquare { fill }),
        resize: match resize.strip_prefix('s') {
            Some(side) => Some(Resize::Shorter(side.parse().unwrap())),
            None => lengths(resize).map(Resize::To),
        },
        center_crop: lengths(crop),
    }
}

/// Red if the longer side is rounded, and if of two middles the lower one is always taken.
#[test]
fn images_are_padded_resized_and_cropped_as_by_torchvision() {
    let all = arrays(&fixtures().join("geometry.safetensors"));
    let mut count = 0;
    for (name, (shape, theirs)) in &all {
        let parts: Vec<&str> = name.split('/').collect();
        let [image, pad, resize, crop] = parts[..] else {
            continue;
        };
        let (from, planes) = &all[image];
        let from = [from[1], from[2]];
        let geometry = geometry(pad, resize, crop);
        assert_eq!(geometry.result(from), shape[1..], "{name}");
        let is_known =
            !crop.is_empty() || resize.contains('x') || !pad.is_empty() && !resize.is_empty();
        assert_eq!(geometry.size().is_some(), is_known, "{name}");
        assert!(
            geometry.size().is_none_or(|size| size == shape[1..]),
            "{name}"
        );
        let ours = geometry.of_planes(planes, from).unwrap();
        let off = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max();
        let most = u8::from(!resize.is_empty());
        assert!(off <= Some(most), "{name}: {off:?}");
        count += 1;
    }
    assert_eq!(count, 70);
}

/// Two classes of images of several shapes, for training and for evaluation.
fn shapes(sandbox: &Sandbox) {
    for (index, (height, width)) in [(40, 60), (60, 40), (50, 50), (33, 90)].iter().enumerate() {
        let pixel = |at: usize| (at * 37 + at / width * 11) as u8;
        let pixels: Vec<u8> = (0..height * width).map(pixel).collect();
        for split in ["train", "val"] {
            let name = format!("shapes/{split}/{}/{index}.pgm", index % 2);
            write_pgm(sandbox, &name, &pixels, [*height, *width]);
        }
    }
}

const TWO_CLASSES: &str = "model.layers=[\"flatten\",{linear={out_features=2}}]";
const SHAPES: [&str; 3] = ["data.path=shapes", "training.batch_size=2", TWO_CLASSES];

#[test]
fn images_that_keep_their_shape_are_cropped_or_padded_or_refused() {
    let sandbox = Sandbox::new();
    shapes(&sandbox);
    let run = |more: &[&str]| {
        let all = [&["run", "tiny.toml"], &SHAPES[..], more].concat();
        sandbox.runner(&all)
    };
    let shorter = "data.resize.shorter=28";
    run(&[shorter]).code(4).stderr_has(&[
        "6 images are not 28x28, the size in `model.input` once they are resized:\n  \
         28x42: 2 images, for example shapes/train/0/0.pgm\n",
        "28x76: 2 images",
        "crop them to one size with data.center_crop = [28, 28]",
        "data.resize = [28, 28], or pad them with data.pad_to_square = {}\n",
    ]);
    let inspect = [
        &["data", "inspect", "tiny.toml", shorter, "--json"],
        &SHAPES[..],
    ]
    .concat();
    let report = sandbox.runner(&inspect).success().stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let refusals = report["refusals"].to_string();
    assert!(refusals.contains("once they are resized"), "{refusals}");
    run(&[shorter, "data.center_crop=32"]).code(4).stderr_has(&[
        "data.center_crop: images are cropped to [32, 32], but the network takes [28, 28]",
        "random_crop",
    ]);
    run(&[shorter, "data.center_crop=28"]).success();
    run(&["data.center_crop=28"]).success();
    run(&["data.pad_to_square={}", shorter]).success();
    run(&["data.pad_to_square.fill=255", "data.resize=28"]).success();
    // What is cropped at random is evaluated by its middle.
    let cropped = "data.augment=[\"random_crop\"]";
    run(&[shorter, "data.center_crop=32", cropped]).success();
}

/// Red if the key of the cache lacks how images come to their size.
#[test]
fn a_cache_is_of_one_geometry() {
    let sandbox = Sandbox::new();
    shapes(&sandbox);
    // Nothing is kept of files that may still change.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let keys = |more: &[&str]| {
        let run = sandbox.run_tiny(&[&SHAPES, more].concat());
        sandbox.read(&format!("{run}/metrics.csv"))
    };
    let crop = ["data.center_crop=28"];
    let shorter = ["data.center_crop=28", "data.resize.shorter=28"];
    let padded = ["data.pad_to_square={fill=9}", "data.resize=28"];
    let first = [keys(&crop), keys(&shorter), keys(&padded)];
    let again = [keys(&crop), keys(&shorter), keys(&padded)];
    assert_eq!(first, again);
    assert!(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
    let off = [&padded[..], &["data.cache=off"]].concat();
    assert_eq!(first[2], keys(&off));
}

/// Red if a reduced JPEG has its size by what is left of it.
#[test]
fn a_photograph_that_is_reduced_has_the_size_of_the_whole() {
    let sandbox = Sandbox::new();
    // An eighth of it has 58 by 44 pixels, whose longer side would come to 36.
    let pixels: Vec<u8> = (0..459 * 345).map(|at| (at / 7 % 256) as u8).collect();
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut bytes)
        .encode(&pixels, 459, 345, image::ExtendedColorType::L8)
        .unwrap();
    for place in [
        "train/0/1.jpg",
        "train/1/2.jpg",
        "val/0/1.jpg",
        "val/1/2.jpg",
    ] {
        sandbox.write(&format!("photos/{place}"), &bytes);
    }
    let all = [
        "run",
        "tiny.toml",
        "data.path=photos",
        "data.resize.shorter=28",
        TWO_CLASSES,
    ];
    sandbox
        .runner(&all)
        .code(4)
        .stderr_has(&["28x37: 4 images, for example photos/train/0/1.jpg"]);
}

/// Red without a limit on what becomes of an image.
#[test]
fn an_image_too_narrow_to_be_padded_is_told() {
    let sandbox = Sandbox::new();
    write_folder(&sandbox, "digits/train", &digits("train", 60));
    write_folder(&sandbox, "digits/val", &digits("t10k", 30));
    write_pgm(&sandbox, "digits/train/3/line.pgm", &[9; 5000], [1, 5000]);
    for (geometry, pixels) in [
        (&["data.pad_to_square={}", "data.resize=28"][..], 25_000_000),
        (
            &["data.resize.shorter=28", "data.center_crop=28"],
            3_920_000,
        ),
    ] {
        let most = "data.max_pixels=1000000";
        let all = [&["run", "tiny.toml", "data.path=digits", most], geometry].concat();
        sandbox.runner(&all).code(4).stderr_has(&[
            "digits/train/3/line.pgm: it is 5000x1",
            &format!("to {pixels} pixels, more than data.max_pixels = 1000000"),
        ]);
    }
}

/// IDX files and images that are made up come to their size as image files do.
#[test]
fn images_without_files_are_cropped_too() {
    let sandbox = Sandbox::new();
    let pixels = |overrides: &[&str], input: [usize; 3]| {
        let splits = load(&sandbox, overrides).unwrap();
        let data = Document::read(&sandbox.path("tiny.toml")).unwrap();
        let mut data = data.experiment().unwrap().data;
        data.scale = 1.0;
        let batches = Batches::in_order(&splits.train, &data, splits.normalize.clone(), input, 1);
        batches.get(0).unwrap().images.to_vec()
    };
    let middle = ["data.center_crop=20", "model.input=[1,20,20]"];
    let whole = pixels(&[], [1, 28, 28]);
    let expected: Vec<f32> = (4..24)
        .flat_map(|row| whole[row * 28 + 4..row * 28 + 24].to_vec())
        .collect();
    assert_eq!(pixels(&middle, [1, 20, 20]), expected);
    sandbox.run_tiny(&[
        "data={synthetic={train_images=40,eval_images=20},resize={shorter=40},center_crop=28}",
    ]);
    let wide = ["data.center_crop=[20,30]"];
    let error = load(&sandbox, &wide).unwrap_err().to_string();
    assert!(error.contains("set data.center_crop = [28, 28]"), "{error}");
}
