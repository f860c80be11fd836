#!/usr/bin/env bash
# Burn 0.22.1: a batch norm that is saved after a step of training has the running statistics of the step before.
#
# BatchNorm keeps its running statistics in a RunningState: a lock around the value, and beside it what each thread has made
# of it since. A forward pass in training puts its result aside, and the next one, or an evaluation (`valid()`), takes it
# over. into_record() and save_file() see the value alone. So what is saved after a step lacks the last batch,
# unless somebody has evaluated in between, and a training that goes on from there is not the one that was
# stopped. And the lock is shared between clones: a clone made before a step, to go back to, changes with it.
#
# Batches with a mean of 8, momentum 0.5: the running mean is 4, 6 and 7 after one, two and three steps. Seen:
#
#     saved after step 1: 0
#     saved after step 2: 4
#     saved after step 3: 6
#     saved after an evaluation: 7
#     a clone made before step 1: 4
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat > "$work/Cargo.toml" << 'TOML'
[package]
name = "findings"
version = "0.0.0"
edition = "2024"

[dependencies]
burn = { version = "=0.22.1", default-features = false, features = ["std", "optim", "flex", "ndarray"] }

[profile.dev]
debug = false
TOML
cat > "$work/src/main.rs" << 'RUST'
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};

fn fresh() -> BatchNorm {
    BatchNormConfig::new(1)
        .with_momentum(0.5)
        .init(&Device::flex().autodiff())
}

/// A step of training on a batch whose mean is 8.
fn step(norm: &BatchNorm) {
    norm.forward(Tensor::<2>::full([4, 1], 8.0, &Device::flex().autodiff()));
}

fn saved(norm: &BatchNorm) -> f32 {
    let loaded = fresh().load_record(norm.clone().into_record());
    loaded.running_mean.value().into_scalar()
}

fn main() {
    let norm = fresh();
    for count in 1..=3 {
        step(&norm);
        println!("saved after step {count}: {}", saved(&norm));
    }
    let _ = norm.valid();
    println!("saved after an evaluation: {}", saved(&norm));

    let norm = fresh();
    let copy = norm.clone();
    step(&norm);
    let mean: f32 = copy.running_mean.value_sync().into_scalar();
    println!("a clone made before step 1: {mean}");
}
RUST
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$work/target} cargo run --quiet --manifest-path "$work/Cargo.toml" > "$work/output"
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
