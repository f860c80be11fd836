//! The handwritten kernels. What is right is said by PyTorch's numbers, by Burn's own operations
//! and by finite differences; beyond that, instruction sets and threads must not change a bit.

mod bits;
mod differences;
mod dropout;
mod nan;
mod norms;
mod operations;
mod pytorch;
mod reference;
mod shapes;
mod ties;

use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::ProptestConfig;
use runner::device;
use runner::kernels::{MemoryFormat, Rectifier};

const FORMATS: [MemoryFormat; 2] = [MemoryFormat::Contiguous, MemoryFormat::ChannelsLast];

/// What may be part of a kernel.
fn rectifiers() -> Vec<Option<Rectifier>> {
    vec![None, Some(Rectifier::Relu), Some(Rectifier::Relu6)]
}

/// What an operation gives and its gradients, each in the order of its shape.
struct Results {
    y: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
    db: Option<Vec<f32>>,
}

impl Results {
    fn named(&self) -> impl Iterator<Item = (&'static str, &[f32])> {
        let all = [
            ("y", Some(&self.y)),
            ("dx", Some(&self.dx)),
            ("dw", Some(&self.dw)),
            ("db", self.db.as_ref()),
        ];
        all.into_iter()
            .filter_map(|(name, values)| Some((name, values?.as_slice())))
    }
}

/// With autodiff.
fn device() -> Device {
    device::choose(runner::config::Device::Flex, None)
        .unwrap()
        .device
        .autodiff()
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device())
}

/// Images `[batch, channels, height, width]` that lie in memory as the format says.
fn images(values: &[f32], shape: [usize; 4], format: MemoryFormat) -> Tensor<4> {
    let [batch, channels, height, width] = shape;
    let stored = laid(values, shape, format);
    match format {
        MemoryFormat::Contiguous => tensor(&stored, shape),
        MemoryFormat::ChannelsLast => {
            tensor(&stored, [batch, height, width, channels]).permute([0, 3, 1, 2])
        }
    }
}

/// The elements of images `[batch, channels, height, width]` in the order of a format.
fn laid(values: &[f32], shape: [usize; 4], format: MemoryFormat) -> Vec<f32> {
    let [batch, channels, height, width] = shape;
    let (pixels, image_len) = (height * width, channels * height * width);
    match format {
        MemoryFormat::Contiguous => values.to_vec(),
        MemoryFormat::ChannelsLast => (0..batch * image_len)
            .map(|at| {
                let (image, pixel) = (at / image_len, at % image_len / channels);
                values[image * image_len + at % channels * pixels + pixel]
            })
            .collect(),
    }
}

/// The elements in the order of the shape.
fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// Runs an operation and its backward pass; the gradient of its output lies as the format says.
fn differentiate<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<D>,
    bias: Option<Tensor<1>>,
    dy: &[f32],
    format: MemoryFormat,
    operation: impl FnOnce(Tensor<D>, Tensor<D>, Option<Tensor<1>>) -> Tensor<D>,
) -> Results {
    let (x, weight) = (x.require_grad(), weight.require_grad());
    let bias = bias.map(Tensor::require_grad);
    let y = operation(x.clone(), weight.clone(), bias.clone());
    let dy = tensor(dy, y.dims());
    let weighted = match format {
        MemoryFormat::Contiguous => y.clone() * dy,
        MemoryFormat::ChannelsLast => y.clone().movedim(1, D - 1) * dy.movedim(1, D - 1),
    };
    let gradients = weighted.sum().backward();
    Results {
        y: values(y),
        dx: values(x.grad(&gradients).unwrap()),
        dw: values(weight.grad(&gradients).unwrap()),
        db: bias.map(|bias| values(bias.grad(&gradients).unwrap())),
    }
}

/// Equal but for `tolerance` times the largest magnitude.
#[track_caller]
fn assert_close(what: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    for (index, (our, their)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (our - their).abs() <= tolerance * largest,
            "{what}, number {index}: {our} is not {their}; the largest is {largest}"
        );
    }
}

#[track_caller]
fn assert_same_bits(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (our, their)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            our.to_bits() == their.to_bits(),
            "{what}, number {index}: {our:e} is not {their:e}"
        );
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
