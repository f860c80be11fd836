//! Images per second of each augmentation: `cargo bench --bench augment`, on as many threads as RAYON_NUM_THREADS says.
//!
//! Each line has the step, the side of the images, images per second and milliseconds of CPU time per image of all threads
//! together. An image is copied, augmented and turned into normalized floats, as in a training.

use std::fs;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use runner::config::{Document, Experiment};
use runner::data::{Batches, Splits};

/// Each as a step of `data.augment` and as torchvision's transform is called in benches/augment.py.
const STEPS: &[(&str, &str)] = &[
    ("none", ""),
    ("random_horizontal_flip", r#""random_horizontal_flip""#),
    ("random_crop", "{ random_crop = { padding = 4 } }"),
    ("random_resized_crop", r#""random_resized_crop""#),
    ("random_rotation", "{ random_rotation = { degrees = 15 } }"),
    (
        "random_affine",
        "{ random_affine = { degrees = 15, translate = [0.1, 0.1], scale = [0.9, 1.1], shear = 5 } }",
    ),
    (
        "color_jitter",
        "{ color_jitter = { brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 } }",
    ),
    ("random_grayscale", "{ random_grayscale = { p = 1.0 } }"),
    (
        "gaussian_blur",
        "{ gaussian_blur = { kernel_size = 5, sigma = [0.1, 2.0] } }",
    ),
    ("random_erasing", "{ random_erasing = { p = 1.0 } }"),
    ("trivial_augment", r#""trivial_augment""#),
    ("rand_augment", r#""rand_augment""#),
];

const BATCH: usize = 32;
const IMAGES: usize = 256;
const LEAST: Duration = Duration::from_secs(1);

fn main() {
    for side in [224, 32] {
        for (name, step) in STEPS {
            measure(name, step, side);
        }
    }
}

fn measure(name: &str, step: &str, side: usize) {
    let experiment = experiment(step, side);
    let (data, input) = (&experiment.data, experiment.model.input);
    let splits = Splits::load(data, input, 10, &|_, _| {}).expect("synthetic images");
    let epoch = |epoch| {
        let batches = Batches::training(&splits, data, input, BATCH, 1, epoch);
        for index in 0..batches.len() {
            batches.get(index).expect("a batch of images in memory");
        }
    };
    epoch(1);
    let (start, before) = (Instant::now(), cpu_seconds());
    let mut epochs = 0;
    while start.elapsed() < LEAST {
        epochs += 1;
        epoch(epochs);
    }
    let images = epochs as f64 * IMAGES as f64;
    writeln!(
        io::stdout(),
        "{name} {side} {:.0} {:.3}",
        images / start.elapsed().as_secs_f64(),
        1000.0 * (cpu_seconds() - before) / images
    )
    .expect("stdout takes a line");
}

fn experiment(step: &str, side: usize) -> Experiment {
    let text = format!(
        "seed = 1\n\
         [data]\n\
         synthetic = {{ train_images = {IMAGES}, eval_images = 10 }}\n\
         normalize = {{ mean = [0.5, 0.5, 0.5], std = [0.2, 0.2, 0.2] }}\n\
         scale = 0.00392156862745098\n\
         augment = [{step}]\n\
         [training]\n\
         epochs = 1\n\
         batch_size = {BATCH}\n\
         learning_rate = 1e-3\n\
         [optimizer.adam]\n\
         [model]\n\
         input = [3, {side}, {side}]\n\
         layers = [\"flatten\", {{ linear = {{ out_features = 10 }} }}]\n"
    );
    let document = Document::parse("augment.toml", text, "augment");
    document.experiment().expect("an experiment without errors")
}

/// User and system time of this process; 0 where there is no /proc.
fn cpu_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let times = after_name.split_whitespace().skip(11).take(2);
    times
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_A_SECOND
}
