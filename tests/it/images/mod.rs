//! Image files: what is decoded is what Pillow and torchvision make of it; what is broken is told.

mod archives;
mod augment;
mod commands;
mod decode;
mod folder;
mod formats;
mod geometry;
mod jpeg;
mod manifests;
mod new_config;
mod photos;
mod rows;
mod sources;
mod splits;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use runner::config::Document;
use runner::data::Splits;

use crate::support::{Sandbox, bundled, project};

fn fixtures() -> PathBuf {
    project().join("tests/fixtures")
}

/// The arrays of a fixture: name, shape, bytes.
fn arrays(path: &Path) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let array = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        (name, (view.shape().to_vec(), view.data().to_vec()))
    };
    tensors.tensors().into_iter().map(array).collect()
}

/// Pixels and labels of the first bundled digits of a split (`train` or `t10k`).
fn digits(split: &str, count: usize) -> Vec<(Vec<u8>, u8)> {
    let images = bundled(&format!("{split}-images-idx3-ubyte.gz"));
    let labels = bundled(&format!("{split}-labels-idx1-ubyte.gz"));
    let images = images[16..].chunks_exact(784).map(<[u8]>::to_vec);
    images
        .zip(labels[8..].iter().copied())
        .take(count)
        .collect()
}

/// Writes an image as a PGM file, which holds its bytes as they are.
fn write_pgm(sandbox: &Sandbox, name: &str, pixels: &[u8], [height, width]: [usize; 2]) {
    let header = format!("P5\n{width} {height}\n255\n");
    sandbox.write(name, [header.as_bytes(), pixels].concat());
}

/// A folder tree of digits like the tutorial's: `<folder>/<label>/<index>.pgm`.
fn write_folder(sandbox: &Sandbox, folder: &str, digits: &[(Vec<u8>, u8)]) {
    for (index, (pixels, label)) in digits.iter().enumerate() {
        let name = format!("{folder}/{label}/{index:05}.pgm");
        write_pgm(sandbox, &name, pixels, [28, 28]);
    }
}

/// The splits of `tiny.toml` with these overrides; paths start in the sandbox.
fn load(sandbox: &Sandbox, overrides: &[&str]) -> Result<Splits, runner::data::LoadError> {
    let mut document = Document::read(&sandbox.path("tiny.toml")).unwrap();
    // Nothing of these is kept for others.
    let overrides = [&["data.cache=off"], overrides].concat();
    let overrides: Vec<String> = overrides.iter().map(|it| (*it).to_owned()).collect();
    document.set_all(&overrides);
    let mut experiment = document
        .experiment()
        .unwrap_or_else(|error| panic!("{error:?}"));
    let data = &mut experiment.data;
    let places = [
        &mut data.path,
        &mut data.train,
        &mut data.eval,
        &mut data.test,
    ];
    for place in places.into_iter().flatten() {
        *place = sandbox.path(place).display().to_string();
    }
    let (input, classes) = (experiment.model.input, experiment.classes());
    Splits::load(&experiment.data, input, classes, &|_, _| {})
}
