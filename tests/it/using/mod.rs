//! What comes after a run: its network on other images, elsewhere, or trained further.

mod evaluate;
mod predict;

use crate::support::Sandbox;

/// The cells of CSV text, without the header.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| row.unwrap());
    rows.map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}

/// A sandbox whose digits are also a folder `png`, with `train/<class>/<number>.png` and `test/`.
fn with_png() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.runner(&["data", "export", "data", "png"]).success();
    sandbox
}

/// The overrides of a run whose best epoch is not its last.
const UNSTEADY: [&str; 3] = [
    "training.learning_rate=0.3",
    "training.epochs=4",
    "checkpoint.monitor=\"train_loss\"",
];

/// The overrides of a run on `png` with what changes images on their way: colours, another size, normalization from the
/// training images; and averaged weights, a best checkpoint that is not the last, and a test split.
const ON_PNG: [&str; 9] = [
    "data.path=png",
    "data.resize=[30, 20]",
    "data.center_crop=[28, 18]",
    "data.normalize=auto",
    "model.input=[3, 28, 18]",
    "training.ema_decay=0.7",
    UNSTEADY[0],
    UNSTEADY[1],
    UNSTEADY[2],
];
