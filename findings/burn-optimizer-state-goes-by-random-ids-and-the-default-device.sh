#!/usr/bin/env bash
# Burn 0.22.1: ModuleOptimizer::load_record puts state on the default device, and state of unknown parameters is dropped
# without a word.
#
# An optimizer's record names the state of a parameter by its ParamId, a random number that each process draws anew, and
# load_record has no argument for a device. All tensors go to Device::default() until the next step moves them; a build
# with CUDA has CUDA for its default, so that a training that was asked to stay on the CPU asks for a GPU to go on. Whoever
# loads the weights as a record of Burn's, gets the ids with them; whoever sets them in another way, as from a
# safetensors file, has parameters with other ids: load_record takes everything, nothing says that no state fits, and the
# optimizer begins anew.
#
# A model on one CPU backend, where another is the default; an optimizer whose state is the number of its steps. Seen:
#
#     step 1 on Device<NdArray(Cpu)>
#     step 2 on Device<NdArray(Cpu)>
#     the same model:
#     loaded onto Device<Flex(Cpu)>
#     step 3 on Device<NdArray(Cpu)>
#     its weights, loaded as a record into another one:
#     loaded onto Device<Flex(Cpu)>
#     step 4 on Device<NdArray(Cpu)>
#     its weights, set in another one:
#     loaded onto Device<Flex(Cpu)>
#     step 1 on Device<NdArray(Cpu)>
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
#![allow(deprecated)] // Device::ndarray, a second device for the CPU.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{
    GradientsParams, LearningRate, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource,
};
use burn::tensor::{Device, Tensor};

/// Counts its steps, and says where its state is put.
#[derive(Clone)]
struct Counter;

#[derive(Clone)]
struct Count<const D: usize>(Tensor<D>);

impl<const D: usize> RecordState for Count<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, "count", self.0.to_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        println!("loaded onto {device:?}");
        let data = source.take_tensor(prefix, "count")?;
        Some(Self(Tensor::from_data(data, device)))
    }
}

impl Optimizer for Counter {
    type State<const D: usize> = Count<D>;

    fn step<const D: usize>(
        &self,
        _: LearningRate,
        tensor: Tensor<D>,
        _: Tensor<D>,
        state: Option<Count<D>>,
    ) -> (Tensor<D>, Option<Count<D>>) {
        let before = state.map_or_else(|| tensor.zeros_like(), |state| state.0);
        let count = before + 1.0;
        let number: f32 = count.clone().max().into_scalar();
        println!("step {number} on {:?}", tensor.device());
        (tensor, Some(Count(count)))
    }

    fn to_device<const D: usize>(state: Count<D>, device: &Device) -> Count<D> {
        Count(state.0.to_device(device))
    }
}

fn model() -> Linear {
    LinearConfig::new(1, 1)
        .with_bias(false)
        .init(&Device::ndarray().autodiff())
}

fn train(optimizer: &mut ModuleOptimizer, model: Linear) -> Linear {
    let output = model.forward(Tensor::<2>::ones([1, 1], &Device::ndarray().autodiff()));
    let gradients = GradientsParams::from_grads(output.backward(), &model);
    optimizer.step(0.1, model, gradients)
}

fn main() {
    let mut optimizer = ModuleOptimizer::from(Counter);
    let first = train(&mut optimizer, model());
    let first = train(&mut optimizer, first);
    let record = optimizer.to_record();

    println!("the same model:");
    let mut optimizer = ModuleOptimizer::from(Counter).load_record(record);
    train(&mut optimizer, first.clone());
    let record = optimizer.to_record();

    println!("its weights, loaded as a record into another one:");
    let mut optimizer = ModuleOptimizer::from(Counter).load_record(record);
    let second = model().load_record(first.clone().into_record());
    train(&mut optimizer, second);
    let record = optimizer.to_record();

    println!("its weights, set in another one:");
    let mut optimizer = ModuleOptimizer::from(Counter).load_record(record);
    let mut third = model();
    third.weight = Param::from_tensor(first.weight.val().detach()).set_require_grad(true);
    train(&mut optimizer, third);
}
RUST
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$work/target} cargo run --quiet --manifest-path "$work/Cargo.toml" > "$work/output"
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
