//! Which images are for what: shares, folds, limits, duplicates, sampling, moments.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use runner::config::Document;
use runner::data::{Batches, Dataset, Splits};

use super::{digits, load, write_folder, write_pgm};
use crate::support::{Sandbox, TINY};

/// The paths of a split's images.
fn paths(dataset: &Dataset) -> BTreeSet<String> {
    (0..dataset.len())
        .map(|place| dataset.origin(place).1.to_owned())
        .collect()
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    write_folder(&sandbox, "digits/train", &digits("train", 600));
    write_folder(&sandbox, "digits/test", &digits("t10k", 30));
    sandbox
}

const SPLIT: [&str; 2] = ["data.path=digits", "data.validation=0.25"];

fn split(sandbox: &Sandbox, more: &[&str]) -> Splits {
    load(sandbox, &[&SPLIT[..], more].concat()).unwrap()
}

/// Red if the draw is of the place in the list.
#[test]
fn a_share_is_split_off_by_content_and_no_file_moves_another() {
    let sandbox = sandbox();
    let before = split(&sandbox, &[]);
    assert_eq!(before.train.len() + before.eval.len(), 600);
    assert_eq!(
        before.test.as_ref().unwrap().len(),
        30,
        "the folder's own are for the end"
    );
    // Each class its share, as closely as chance brings it: four deviations.
    let (train, eval) = (before.train.class_counts(10), before.eval.class_counts(10));
    for class in 0..10 {
        let all = (train[class] + eval[class]) as f64;
        let off = (eval[class] as f64 - 0.25 * all).abs();
        assert!(
            off < 4.0 * (all * 0.25 * 0.75).sqrt(),
            "{class}: {} of {all}",
            eval[class]
        );
    }
    let (train, eval) = (paths(&before.train), paths(&before.eval));
    assert!(train.is_disjoint(&eval));
    assert_eq!(paths(&split(&sandbox, &["seed=2"]).eval), eval);
    assert_ne!(paths(&split(&sandbox, &["data.split_seed=2"]).eval), eval);
    // Neither size nor colour of what the network sees makes a difference.
    let small = ["data.resize=20", "model.input=[3,20,20]"];
    assert_eq!(paths(&split(&sandbox, &small).eval), eval);

    for index in 0..20 {
        let pixels: Vec<u8> = (0..784u32).map(|at| (at * (index + 3)) as u8).collect();
        write_pgm(
            &sandbox,
            &format!("digits/train/{}/0-new{index}.pgm", index % 10),
            &pixels,
            [28, 28],
        );
    }
    let after = split(&sandbox, &[]);
    assert_eq!(after.train.len() + after.eval.len(), 620);
    assert!(paths(&after.train).is_superset(&train));
    assert!(paths(&after.eval).is_superset(&eval));
    // The same image under another name is on the same side.
    let twin = eval.iter().next().unwrap();
    let class = twin.rsplit('/').nth(1).unwrap();
    std::fs::copy(
        twin,
        sandbox.path(&format!("digits/train/{class}/twin.pgm")),
    )
    .unwrap();
    assert!(
        paths(&split(&sandbox, &[]).eval)
            .iter()
            .any(|path| path.ends_with("twin.pgm"))
    );
}

#[test]
fn every_image_is_in_one_fold() {
    let sandbox = sandbox();
    let folds: Vec<BTreeSet<String>> = (1..=5)
        .map(|fold| {
            let fold = format!("data.fold={fold}");
            let overrides = ["data.path=digits", "data.folds=5", &fold];
            let splits = load(&sandbox, &overrides).unwrap();
            assert_eq!(splits.train.len() + splits.eval.len(), 600);
            assert!(
                (80..160).contains(&splits.eval.len()),
                "{}",
                splits.eval.len()
            );
            paths(&splits.eval)
        })
        .collect();
    assert_eq!(folds.iter().map(BTreeSet::len).sum::<usize>(), 600);
    assert_eq!(folds.iter().flatten().collect::<BTreeSet<_>>().len(), 600);
}

#[test]
fn stratified_folds_have_every_class_its_share_to_the_image() {
    let sandbox = sandbox();
    let whole = load(&sandbox, &["data.path=digits"]).unwrap();
    let all = whole.train.class_counts(10);
    let mut seen = BTreeSet::new();
    for fold in 1..=7 {
        let fold = format!("data.fold={fold}");
        let overrides = ["data.path=digits", "data.stratify=true", "data.folds=7"];
        let splits = load(&sandbox, &[&overrides[..], &[&fold]].concat()).unwrap();
        for (class, count) in splits.eval.class_counts(10).into_iter().enumerate() {
            let share = all[class] as f64 / 7.0;
            assert!((count as f64 - share).abs() < 1.0, "{count} of {share}");
        }
        let (train, eval) = (paths(&splits.train), paths(&splits.eval));
        assert!(train.is_disjoint(&eval) && seen.is_disjoint(&eval));
        seen.extend(eval);
    }
    assert_eq!(seen.len(), 600);
    // What is left is limited as ever, and the seed of the split goes on to matter.
    let limited = split(&sandbox, &["data.stratify=true", "data.limit_eval=50"]);
    assert_eq!(limited.eval.len(), 50);
    assert!((445..=455).contains(&limited.train.len()));
    let stratified = |more| paths(&split(&sandbox, &["data.stratify=true", more]).eval);
    assert_eq!(stratified("seed=2"), stratified("seed=3"));
    assert_ne!(stratified("data.split_seed=2"), stratified("seed=3"));
}

/// Whether each of some images, a number with a class, is for evaluation.
fn sides(images: &[(u32, u8)], split: &[String]) -> Vec<bool> {
    // A class of its own, so that neither side is ever empty.
    let filler = (0..40).map(|number| (1_000_000 + number, 9));
    let all: Vec<(u32, u8)> = images.iter().copied().chain(filler).collect();
    let folder = tempfile::tempdir().unwrap();
    let count = all.len() as u32;
    let pixels = all.iter().flat_map(|(number, _)| number.to_be_bytes());
    let labels = all.iter().map(|(_, label)| *label);
    for (name, sizes, bytes) in [
        ("images-idx3", &[count, 1, 4][..], pixels.collect()),
        ("labels-idx1", &[count], labels.collect::<Vec<u8>>()),
    ] {
        let mut file = vec![0, 0, 8, sizes.len() as u8];
        file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        file.extend(bytes);
        std::fs::write(folder.path().join(format!("train-{name}-ubyte")), file).unwrap();
    }
    let mut document = Document::parse("tiny.toml", TINY.to_owned(), "tiny");
    document.set_all(split);
    let mut data = document.experiment().unwrap().data;
    data.path = Some(folder.path().display().to_string());
    let splits = Splits::load(&data, [1, 1, 4], 10, &|_, _| {}).unwrap();
    let mut sides = vec![false; all.len()];
    for place in 0..splits.eval.len() {
        sides[splits.eval.origin(place).0 as usize] = true;
    }
    sides.truncate(images.len());
    sides
}

/// A split by share and one by folds, stratified.
fn stratified_split() -> impl Strategy<Value = (Vec<String>, f64, bool)> {
    let share = (0.02..0.98).prop_map(|share| (vec![format!("data.validation={share}")], share));
    let folds = (2u64..9, 0.0..1.0).prop_map(|(folds, at)| {
        let fold = 1 + (at * folds as f64) as u64;
        let split = vec![format!("data.folds={folds}"), format!("data.fold={fold}")];
        (split, 1.0 / folds as f64)
    });
    let seeded = |of_folds: bool| {
        move |((mut split, share), seed): ((Vec<String>, f64), u32)| {
            split.push("data.stratify=true".to_owned());
            split.push(format!("data.split_seed={seed}"));
            (split, share, of_folds)
        }
    };
    prop_oneof![
        (share, any::<u32>()).prop_map(seeded(false)),
        (folds, any::<u32>()).prop_map(seeded(true)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Red if the rank is that of the place in the file, or among the images of all classes, or if a copy has a rank
    /// of its own.
    #[test]
    fn a_stratified_share_is_exact_and_an_image_moves_one_other_of_its_class(
        images in hash_map(0u32..100_000, 0u8..4, 1..120),
        (split, share, of_folds) in stratified_split(),
        gone in any::<Index>(),
    ) {
        let images: Vec<(u32, u8)> = images.into_iter().collect();
        let before = sides(&images, &split);
        for class in 0..4 {
            let of_class = |at: &usize| images[*at].1 == class;
            let places: Vec<usize> = (0..images.len()).filter(of_class).collect();
            let count = places.iter().filter(|at| before[**at]).count() as f64;
            let exact = share * places.len() as f64;
            let off = (count - exact).abs();
            prop_assert!(off < if of_folds { 1.0 } else { 0.5 + 1e-9 }, "{count} for {exact}");
        }
        let gone = gone.index(images.len());
        let (mut rest, mut known) = (images.clone(), before.clone());
        let (_, class) = rest.remove(gone);
        known.remove(gone);
        let after = sides(&rest, &split);
        let moved = |to: bool| -> Vec<usize> {
            let is_moved = |at: &usize| after[*at] == to && known[*at] != to;
            (0..rest.len()).filter(is_moved).collect()
        };
        let (joined, left) = (moved(true), moved(false));
        prop_assert!(joined.iter().chain(&left).all(|at| rest[*at].1 == class));
        prop_assert!(joined.len() <= 1 && left.len() <= 1, "{joined:?} {left:?}");
        prop_assert!(of_folds || joined.len() + left.len() <= 1, "{joined:?} {left:?}");
    }

    /// Red if an image has a rank in each of its classes.
    #[test]
    fn copies_of_an_image_are_on_one_side_of_a_stratified_split(
        images in vec((0u32..30, 0u8..4), 1..120),
        (split, ..) in stratified_split(),
    ) {
        let sides = sides(&images, &split);
        let mut side_of = BTreeMap::new();
        for ((number, _), side) in images.iter().zip(sides) {
            prop_assert_eq!(*side_of.entry(number).or_insert(side), side, "{}", number);
        }
    }
}

/// Red if every class has as many.
#[test]
fn limits_leave_every_class_its_share() {
    let sandbox = Sandbox::new();
    write_folder(&sandbox, "digits/train", &digits("train", 600));
    write_folder(&sandbox, "digits/test", &digits("t10k", 300));
    let limited =
        |train: &str, eval: &str| load(&sandbox, &["data.path=digits", train, eval]).unwrap();
    let whole = limited("data.limit_train=600", "data.limit_eval=1000");
    assert_eq!((whole.train.len(), whole.eval.len()), (600, 300));
    let few = limited("data.limit_train=100", "data.limit_eval=50");
    assert_eq!((few.train.len(), few.eval.len()), (100, 50));
    for (part, whole, share) in [
        (&few.train, &whole.train, 6.0),
        (&few.eval, &whole.eval, 6.0),
    ] {
        let (part, whole) = (part.class_counts(10), whole.class_counts(10));
        for class in 0..10 {
            let off = (part[class] as f64 - whole[class] as f64 / share).abs();
            assert!(off < 1.0, "{class}: {} of {}", part[class], whole[class]);
        }
    }
    let more = limited("data.limit_train=200", "data.limit_eval=50");
    assert!(paths(&more.train).is_superset(&paths(&few.train)));
}

#[test]
fn images_that_are_in_two_splits_are_told() {
    let sandbox = sandbox();
    let train = digits("train", 3);
    for (index, (pixels, label)) in train.iter().enumerate().take(2) {
        write_pgm(
            &sandbox,
            &format!("digits/test/{label}/copy{index}.pgm"),
            pixels,
            [28, 28],
        );
    }
    let run = sandbox.runner(&["run", "tiny.toml", "data.path=digits", "training.epochs=1"]);
    run.success().stderr_has(&[
        "warning: 2 evaluation images are also among the training images (identical pixels): ",
        "copy",
    ]);
}

/// Red if one image is repeated before all of its class were there.
#[test]
fn a_balanced_epoch_has_every_class_as_often() {
    let sandbox = Sandbox::new();
    let digits = digits("train", 600);
    let rare = |label: u8| if label == 3 { 4 } else { 40 };
    let mut counts = BTreeMap::new();
    let kept: Vec<(Vec<u8>, u8)> = digits
        .into_iter()
        .filter(|(_, label)| {
            let count = counts.entry(*label).or_insert(0);
            *count += 1;
            *count <= rare(*label)
        })
        .collect();
    write_folder(&sandbox, "digits/train", &kept);
    write_folder(&sandbox, "digits/test", &kept);
    let overrides = ["data.path=digits", "data.sampler=balanced"];
    let splits = load(&sandbox, &overrides).unwrap();
    let mut document = Document::parse("tiny.toml", TINY.to_owned(), "tiny");
    document.set_all(&overrides.map(str::to_owned));
    let data = document.experiment().unwrap().data;
    let batches = Batches::training(&splits, &data, [1, 28, 28], 50, 1, 1);
    let (mut labels, mut images) = (vec![0; 10], BTreeMap::<Vec<u32>, usize>::new());
    for index in 0..batches.len() {
        let batch = batches.get(index).unwrap();
        for (image, label) in batch.images.chunks_exact(784).zip(&batch.labels) {
            labels[*label as usize] += 1;
            if *label == 3 {
                let bits = image.iter().map(|pixel| pixel.to_bits()).collect();
                *images.entry(bits).or_default() += 1;
            }
        }
    }
    assert_eq!(labels.iter().sum::<usize>(), 364);
    assert!(
        labels.iter().all(|count| (36..=37).contains(count)),
        "{labels:?}"
    );
    assert_eq!(images.len(), 4);
    assert!(
        images.values().all(|count| (9..=10).contains(count)),
        "{images:?}"
    );
}

/// Against moments computed here, over the training images alone.
#[test]
fn moments_are_those_of_the_training_images() {
    let sandbox = sandbox();
    let overrides = [SPLIT[0], SPLIT[1], "data.normalize=auto"];
    let splits = load(&sandbox, &overrides).unwrap();
    let mut pixels = Vec::new();
    for path in paths(&splits.train) {
        let bytes = std::fs::read(path).unwrap();
        pixels.extend(
            bytes[bytes.len() - 784..]
                .iter()
                .map(|pixel| f64::from(*pixel) / 255.0),
        );
    }
    let mean = pixels.iter().sum::<f64>() / pixels.len() as f64;
    let variance = pixels
        .iter()
        .map(|pixel| (pixel - mean).powi(2))
        .sum::<f64>()
        / pixels.len() as f64;
    let moments = splits.normalize.unwrap();
    assert!(
        (moments.mean[0] - mean).abs() < 1e-9,
        "{} {mean}",
        moments.mean[0]
    );
    assert!((moments.std[0] - variance.sqrt()).abs() < 1e-9);
    let run = sandbox.run_tiny(&[&overrides[..], &["training.epochs=1"]].concat());
    let identity: serde_json::Value =
        serde_json::from_str(&sandbox.read(&format!("{run}/run.json"))).unwrap();
    assert_eq!(identity["normalize"]["mean"][0], moments.mean[0]);
    sandbox.runner(&["reproduce", &run, "-q"]).success();
}

#[test]
fn classes_without_images_and_images_with_two_classes_are_told() {
    let sandbox = Sandbox::new();
    let mut some = digits("train", 60);
    write_folder(&sandbox, "digits/test", &some);
    some.retain(|(_, label)| *label != 7);
    write_folder(&sandbox, "digits/train", &some);
    let (twin, label) = &some[0];
    write_pgm(&sandbox, "digits/train/7/twin.pgm", twin, [28, 28]);
    let splits = load(&sandbox, &["data.path=digits", "data.limit_eval=5"]).unwrap();
    let told = splits.warnings.join("\n");
    assert!(told.contains("no evaluation images of "), "{told}");
    assert!(
        told.contains("identical pixels under two training classes (1 image)"),
        "{told}"
    );
    assert!(told.contains(&format!("00000.pgm is {label}, ")), "{told}");
}

/// Images of four channels, as no picture file has them, go through everything that is for any number.
#[test]
fn images_of_more_channels_than_colours_have_no_moments_of_their_own() {
    let sandbox = Sandbox::new();
    for (split, count) in [("train", 40u32), ("t10k", 20)] {
        let mut images = vec![0, 0, 8, 4];
        for size in [count, 4, 28, 28] {
            images.extend(size.to_be_bytes());
        }
        images.extend((0..count * 4 * 784).map(|at| (at * 7) as u8));
        sandbox.write(&format!("four/{split}-images-idx3-ubyte"), images);
        let mut labels = vec![0, 0, 8, 1];
        labels.extend(count.to_be_bytes());
        labels.extend((0..count).map(|at| (at % 10) as u8));
        sandbox.write(&format!("four/{split}-labels-idx1-ubyte"), labels);
    }
    let steps = "data.augment=[{color_jitter={brightness=0.1,contrast=0.1,saturation=0.1,hue=0.1}}, \
                 {random_rotation={degrees=5}}, \"random_erasing\", \"mixup\"]";
    let four = ["data.path=four", "model.input=[4,28,28]"];
    sandbox.run_tiny(&[&four[..], &[steps, "data.validation=0.5"]].concat());
    sandbox.runner(&["data", "inspect", "four"]).success();
    sandbox
        .runner(&["data", "export", "four", "out"])
        .code(4)
        .stderr_has(&["images with 4 channels"]);
    sandbox
        .runner(&["run", "tiny.toml", four[0], four[1], "data.normalize=auto"])
        .code(2)
        .stderr_has(&[
            "normalize = \"auto\" does not support 4 channels",
            "set `mean` and `std`",
        ]);
}
