//! Augmentation: each step against torchvision's arithmetic; draws that depend on nothing but their place.

use runner::config::{Augment, Document, Experiment, GaussianBlur, RandomResizedCrop};
use runner::data::augment::{Canvas, augment, inverse_affine, part_of};
use runner::data::resample::Part;
use runner::data::{Batch, Batches};
use runner::random::{Purpose, stream};

use super::{arrays, fixtures, load, write_folder};
use crate::support::{Sandbox, TINY};

fn floats(bytes: &[u8]) -> Vec<f32> {
    let floats = bytes
        .chunks_exact(4)
        .map(|it| f32::from_le_bytes(it.try_into().unwrap()));
    floats.collect()
}

/// Red with an angle that turns the other way.
#[test]
fn every_step_is_torchvisions() {
    let all = arrays(&fixtures().join("augment.safetensors"));
    let mut seen = std::collections::BTreeSet::new();
    for (name, (shape, theirs)) in &all {
        let parts: Vec<&str> = name.split('/').collect();
        let [image, operation, ..] = parts[..] else {
            continue;
        };
        let numbers: Vec<f64> = parts.get(2).map_or(Vec::new(), |numbers| {
            numbers
                .split(',')
                .map(|number| number.parse().unwrap())
                .collect()
        });
        let size = |at: usize| numbers[at] as usize;
        let (input_shape, input) = &all[image];
        let mut canvas = Canvas {
            height: input_shape[1],
            width: input_shape[2],
            planes: floats(input),
        };
        match operation {
            "horizontal_flip" => canvas.flip_horizontally(),
            "vertical_flip" => canvas.flip_vertically(),
            "rotate_unfilled" => {
                canvas.transform(&inverse_affine(-numbers[0], [0.0, 0.0], 1.0, [0.0, 0.0]));
            }
            "affine_unfilled" => {
                let [angle, right, down, scale, x, y] = numbers[..] else {
                    panic!("{name}");
                };
                canvas.transform(&inverse_affine(angle, [right, down], scale, [x, y]));
            }
            "adjust_brightness" => canvas.adjust_brightness(numbers[0] as f32),
            "adjust_contrast" => canvas.adjust_contrast(numbers[0] as f32),
            "adjust_saturation" => canvas.adjust_saturation(numbers[0] as f32),
            "adjust_hue" => canvas.adjust_hue(numbers[0] as f32),
            "rgb_to_grayscale" => canvas.grayscale(),
            "gaussian_blur" => canvas.gaussian_blur([size(0), size(1)], numbers[2]),
            "erase" => canvas.erase([size(0), size(1)], [size(2), size(3)], numbers[4] as f32),
            "pad_crop" => canvas.crop([size(0), size(0)], [size(1), size(2)], [size(3), size(4)]),
            "resized_crop" => {
                let part = Part {
                    top: size(0),
                    left: size(1),
                    size: [size(2), size(3)],
                };
                canvas.resized_crop(part, [size(4), size(5)]);
            }
            // Mixes are of batches; with a colour around the image torchvision darkens its rim twice.
            "mixup" | "cutmix" | "rotate" | "affine" => continue,
            other => panic!("{other}"),
        }
        seen.insert(operation.to_owned());
        assert_eq!(
            shape[..],
            [input_shape[0], canvas.height, canvas.width],
            "{name}"
        );
        let theirs = floats(theirs);
        let off = canvas
            .planes
            .iter()
            .zip(&theirs)
            .map(|(a, b)| (a - b).abs());
        let worst = off.fold(0.0, f32::max);
        assert!(worst < 2e-3, "{name}: {worst}");
    }
    assert_eq!(seen.len(), 13, "{seen:?}");
}

/// Red with another order of draws.
#[test]
fn parts_are_those_that_torchvision_crops_by_the_same_draws() {
    let all = arrays(&fixtures().join("policies.safetensors"));
    let mut count = 0;
    for (name, (_, theirs)) in &all {
        let Some(rest) = name.strip_prefix("crop/") else {
            continue;
        };
        let numbers: Vec<f64> = rest
            .split(['/', ',', 'x'])
            .map(|number| number.parse().unwrap())
            .collect();
        let crop = RandomResizedCrop {
            scale: [numbers[2], numbers[3]],
            ratio: [numbers[4], numbers[5]],
        };
        let mut random = stream(1, Purpose::Augment, 1, numbers[6] as u64);
        let part = part_of(
            [numbers[0] as usize, numbers[1] as usize],
            &crop,
            &mut random,
        );
        let ours = [part.top, part.left, part.size[0], part.size[1]].map(|it| it as i32);
        let (theirs, _) = theirs.as_chunks();
        let theirs: Vec<i32> = theirs.iter().map(|it| i32::from_le_bytes(*it)).collect();
        assert_eq!(ours[..], theirs, "{name}");
        count += 1;
    }
    assert_eq!(count, 200);
}

/// Red if a result is rounded where torchvision cuts it off.
#[test]
fn drawn_operations_are_those_of_torchvision_on_bytes() {
    let all = arrays(&fixtures().join("policies.safetensors"));
    let (mut changed, mut off) = (0, Vec::new());
    for (name, (_, theirs)) in &all {
        let parts: Vec<&str> = name.split('/').collect();
        let (step, image, index) = match parts[..] {
            ["trivial", image, index] => (Augment::TrivialAugment, image, index),
            ["rand", image, options, index] => {
                let (num_ops, magnitude) = options.split_once(',').unwrap();
                let step = Augment::RandAugment {
                    num_ops: num_ops.parse().unwrap(),
                    magnitude: magnitude.parse().unwrap(),
                };
                (step, image, index)
            }
            _ => continue,
        };
        let (shape, before) = &all[image];
        let mut canvas = Canvas {
            height: shape[1],
            width: shape[2],
            planes: before.iter().map(|pixel| f32::from(*pixel)).collect(),
        };
        let mut random = stream(1, Purpose::Augment, 1, index.parse().unwrap());
        augment(&mut canvas, &[step], [shape[1], shape[2]], &mut random);
        let ours: Vec<u8> = canvas.planes.iter().map(|pixel| *pixel as u8).collect();
        if ours != *theirs {
            let others = ours.iter().zip(theirs).filter(|(a, b)| a != b).count();
            off.push(format!("{name}: {others} pixels"));
        }
        changed += usize::from(theirs != before);
    }
    assert!(off.is_empty(), "{}", off.join("\n"));
    assert!(changed > 250, "{changed}");
}

/// Numbers that the steps draw are within what the config says, and reach its ends.
#[test]
fn a_shift_and_a_crop_reach_every_place_they_may() {
    let mut places = std::collections::BTreeSet::new();
    let steps = [Augment::RandomCrop { padding: [2, 1] }];
    for index in 0..400 {
        let mut canvas = Canvas {
            height: 5,
            width: 5,
            planes: vec![0.0; 25],
        };
        canvas.planes[12] = 1.0;
        augment(
            &mut canvas,
            &steps,
            [5, 5],
            &mut stream(1, Purpose::Augment, 1, index),
        );
        places.insert(canvas.planes.iter().position(|pixel| *pixel == 1.0));
    }
    // Five rows by three columns.
    assert_eq!(places.len(), 15, "{places:?}");
    assert!(!places.contains(&None));
}

/// How many of 400 images of noise a step changes.
fn changed(step: Augment) -> usize {
    let steps = [step];
    let whole = Canvas {
        height: 2,
        width: 3,
        planes: (0..18).map(|at| (at * 53 % 256) as f32).collect(),
    };
    let is_changed = |index: &u64| {
        let mut canvas = whole.clone();
        let mut random = stream(1, Purpose::Augment, 1, *index);
        augment(&mut canvas, &steps, [2, 3], &mut random);
        canvas != whole
    };
    (0..400).filter(is_changed).count()
}

/// Red if the draw is compared the other way round.
#[test]
fn as_many_images_turn_grey_or_blurred_as_p_says() {
    let blur = |p| {
        Augment::GaussianBlur(GaussianBlur {
            kernel_size: [3, 3],
            sigma: [0.5, 2.0],
            p,
        })
    };
    for (p, expected) in [(0.0, 0..=0), (0.2, 50..=110), (1.0, 400..=400)] {
        let grey = changed(Augment::RandomGrayscale { p });
        assert!(expected.contains(&grey), "{p}: {grey}");
        let blurred = changed(blur(p));
        assert!(expected.contains(&blurred), "{p}: {blurred}");
    }
}

/// Torchvision refuses such kernels; red if the mirror ends after the first reflection.
#[test]
fn a_kernel_may_be_larger_than_the_image() {
    for (height, width) in [(1, 1), (1, 4), (3, 2)] {
        let mut canvas = Canvas {
            height,
            width,
            planes: vec![100.0; 3 * height * width],
        };
        canvas.gaussian_blur([31, 255], 5.0);
        let worst = canvas.planes.iter().map(|pixel| (pixel - 100.0).abs());
        assert!(worst.fold(0.0, f32::max) < 1e-3);
    }
    // About the first pixel: 1 0 1 0 1 0 1; about the second: 0 1 0 1 0 1 0.
    let mut canvas = Canvas {
        height: 1,
        width: 2,
        planes: vec![0.0, 100.0],
    };
    canvas.gaussian_blur([1, 7], 1e6);
    let expected = [400.0 / 7.0, 300.0 / 7.0];
    for (pixel, expected) in canvas.planes.iter().zip(expected) {
        assert!((pixel - expected).abs() < 1e-3, "{pixel} {expected}");
    }
}

const STEPS: &str = "data.augment=[{random_crop={padding=2}}, \"random_horizontal_flip\", \
                     {random_rotation={degrees=10}}, \"gaussian_noise\", \"mixup\", \"cutmix\"]";

fn experiment(overrides: &[&str]) -> Experiment {
    let mut document = Document::parse("tiny.toml", TINY.to_owned(), "tiny");
    let overrides: Vec<String> = overrides.iter().map(|it| (*it).to_owned()).collect();
    document.set_all(&overrides);
    document.experiment().unwrap()
}

/// Every batch of an epoch, on so many threads.
fn epoch(sandbox: &Sandbox, threads: usize, epoch: u64, overrides: &[&str]) -> Vec<Batch> {
    let splits = load(sandbox, overrides).unwrap();
    let experiment = experiment(overrides);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(|| {
        let batches = Batches::training(&splits, &experiment.data, [1, 28, 28], 7, 1, epoch);
        (0..batches.len())
            .map(|index| batches.get(index).unwrap())
            .collect()
    })
}

/// Red if the stream of an image is that of the order in which threads come to it.
#[test]
fn an_image_is_augmented_the_same_on_any_number_of_threads() {
    let sandbox = Sandbox::new();
    let one = epoch(&sandbox, 1, 3, &[STEPS]);
    for threads in [2, 3, 8] {
        let many = epoch(&sandbox, threads, 3, &[STEPS]);
        for (one, many) in one.iter().zip(&many) {
            assert_eq!(one.images[..], many.images[..]);
            assert_eq!(one.mixed, many.mixed);
        }
    }
    let next = epoch(&sandbox, 1, 4, &[STEPS]);
    assert_ne!(one[0].images[..], next[0].images[..]);
}

/// What is evaluated is never augmented, and a resume goes on with the same images.
#[test]
fn a_run_with_every_step_resumes_exactly_from_anywhere() {
    let sandbox = Sandbox::new();
    let every = "data.augment=[{random_crop={padding=2}}, \"random_horizontal_flip\", \
         \"random_vertical_flip\", {random_rotation={degrees=10}}, {random_affine={degrees=5,shear=5,\
         scale=[0.9,1.1],translate=[0.1,0.1]}}, \"random_shift\", \"random_scale\", \
         {color_jitter={brightness=0.2,contrast=0.2}}, {random_grayscale={p=0.5}}, \
         {gaussian_blur={kernel_size=3,p=0.5}}, \"random_resized_crop\", \"trivial_augment\", \
         {rand_augment={num_ops=2,magnitude=9}}, \"random_erasing\", \"gaussian_noise\", \
         \"mixup\", {cutmix={p=0.5}}]";
    let sampler = "data.sampler=balanced";
    let whole = sandbox.run_tiny(&[every, sampler]);
    let stopped = sandbox.run_tiny(&[every, sampler, "training.epochs=1"]);
    sandbox
        .runner(&["resume", &stopped, "-q", "training.epochs=3"])
        .success();
    let rows = |run: &str| sandbox.read(&format!("{run}/metrics.csv"));
    assert_eq!(rows(&stopped), rows(&whole));
    let threads = sandbox.runner(&["run", "tiny.toml", "-q", "--threads", "1", every, sampler]);
    assert_eq!(rows(threads.success().stdout.trim()), rows(&whole));
    assert_ne!(rows(&sandbox.run_tiny(&[])), rows(&whole));
    sandbox
        .runner(&["prove", "tiny.toml", "--kills", "2", every, sampler])
        .success();
}

/// Red if the shares are swapped.
#[test]
fn mixed_images_are_the_mean_of_two_with_their_shares() {
    let sandbox = Sandbox::new();
    let plain = epoch(&sandbox, 1, 1, &[]);
    let mixed = epoch(&sandbox, 1, 1, &["data.augment=[\"mixup\"]"]);
    for (plain, mixed) in plain.iter().zip(&mixed) {
        let count = plain.labels.len();
        assert_eq!(plain.labels, mixed.labels);
        assert_eq!(mixed.mixed.len(), count);
        for (index, other) in mixed.mixed.iter().enumerate() {
            let next = (index + 1) % count;
            assert_eq!(other.label, plain.labels[next]);
            let main = if other.share > 0.5 { next } else { index };
            assert_eq!(mixed.main_labels()[index], plain.labels[main]);
            let image = |batch: &Batch, index: usize| batch.images[index * 784..][..784].to_vec();
            let expected = image(plain, index)
                .into_iter()
                .zip(image(plain, next))
                .map(|(own, theirs)| (1.0 - other.share) * own + other.share * theirs);
            let worst = expected
                .zip(image(mixed, index))
                .map(|(expected, ours)| (expected - ours).abs())
                .fold(0.0, f32::max);
            assert!(worst < 1e-6, "{worst}");
        }
    }
}

#[test]
fn cut_images_have_as_much_of_the_other_as_their_share_says() {
    let sandbox = Sandbox::new();
    let digits: Vec<(Vec<u8>, u8)> = (0..10)
        .map(|label| (vec![label * 20 + 20; 784], label))
        .collect();
    write_folder(&sandbox, "flat/train", &digits);
    write_folder(&sandbox, "flat/val", &digits);
    let overrides = [
        "data.path=flat",
        "data.scale=1.0",
        "data.augment=[\"cutmix\"]",
    ];
    let batches = epoch(&sandbox, 1, 1, &overrides);
    let mut shares = Vec::new();
    for batch in &batches {
        for (index, mixed) in batch.mixed.iter().enumerate() {
            let image = &batch.images[index * 784..][..784];
            let own = (batch.labels[index] * 20 + 20) as f32;
            let theirs = (mixed.label * 20 + 20) as f32;
            assert!(image.iter().all(|pixel| *pixel == own || *pixel == theirs));
            if own != theirs {
                let count = image.iter().filter(|pixel| **pixel == theirs).count();
                assert_eq!(count as f32 / 784.0, mixed.share);
                shares.push(mixed.share);
            }
        }
    }
    assert!(shares.iter().any(|share| *share > 0.1), "{shares:?}");
}
