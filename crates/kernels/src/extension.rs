//! The door to Burn: each kernel is an operation that any backend has, with a body made of Burn's
//! own operations, and that the CPU backends have in our own form.
#![allow(
    deprecated,
    reason = "Burn prefers flex; users of ndarray may still choose it"
)]

use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, backend_extension};

use super::activation::Activation;
use super::adam::Adam;
use super::avg_pool::AvgPoolGeometry;
use super::composed;
use super::geometry::{BlockGeometry, Conv2dGeometry};
use super::group_norm::GroupNormGeometry;
use super::host::{self, ImageTensor, Stored};
use super::loss::{Loss, Targets};
use super::prelu::PreluGeometry;
use runner_random::DropoutMask;

#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "cuda"),
    Autodiff
)]
pub trait Kernels: Backend {
    fn conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Conv2dGeometry,
        relu: bool,
    ) -> FloatTensor<Self> {
        composed::conv2d::<Self>(input, weight, bias, &geometry, relu)
    }

    fn conv2d_pool(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: BlockGeometry,
        mask: Option<DropoutMask>,
    ) -> FloatTensor<Self> {
        composed::conv2d_pool::<Self>(input, weight, bias, &geometry, mask.as_ref())
    }

    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        <Self as ModuleOps<Self>>::linear(input, weight, Some(bias))
    }

    fn flatten_linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed::flatten_linear::<Self>(input, weight, bias)
    }

    /// The output, the mean, the unbiased variance.
    fn batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::batch_norm::<Self>(input, weight, bias, eps, relu)
    }

    fn avg_pool(input: FloatTensor<Self>, geometry: AvgPoolGeometry) -> FloatTensor<Self> {
        composed::avg_pool::<Self>(input, &geometry)
    }

    fn activation(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        composed::activation::<Self>(input, activation)
    }

    /// `input` is `[batch, channels, ...]`.
    fn prelu(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: PreluGeometry,
    ) -> FloatTensor<Self> {
        composed::prelu::<Self>(input, weight, &geometry)
    }

    /// `input` is `[batch, ...]`.
    fn group_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: GroupNormGeometry,
    ) -> FloatTensor<Self> {
        composed::group_norm::<Self>(input, weight, bias, &geometry)
    }

    fn residual(one: FloatTensor<Self>, other: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        composed::residual::<Self>(one, other, relu)
    }

    fn dropout(input: FloatTensor<Self>, mask: DropoutMask) -> FloatTensor<Self> {
        composed::dropout::<Self>(input, &mask)
    }

    fn loss(
        logits: FloatTensor<Self>,
        targets: Targets,
        loss: Loss,
        total: f64,
    ) -> FloatTensor<Self> {
        composed::loss::<Self>(logits, &targets, &loss, total)
    }

    fn adam_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        exp_avg: FloatTensor<Self>,
        exp_avg_sq: FloatTensor<Self>,
        adam: Adam,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::adam_step::<Self>(parameter, gradient, exp_avg, exp_avg_sq, &adam)
    }
}

macro_rules! on_host {
    ($backend:ty) => {
        impl Kernels for $backend {
            fn conv2d(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                geometry: Conv2dGeometry,
                relu: bool,
            ) -> FloatTensor<Self> {
                host::conv2d::<Self>(&input, &weight, &bias, &geometry, relu)
            }

            fn conv2d_pool(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                geometry: BlockGeometry,
                mask: Option<DropoutMask>,
            ) -> FloatTensor<Self> {
                let mask = mask.as_ref();
                host::conv2d_pool::<Self>(&input, &weight, &bias, &geometry, mask, None)
            }

            fn linear(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                host::linear::<Self>(&input, &weight, &bias)
            }

            fn flatten_linear(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                host::flatten_linear::<Self>(&ImageTensor::new(&input), &weight, &bias)
            }

            fn batch_norm(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                eps: f64,
                relu: bool,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                let input = ImageTensor::new(&input).channels_last();
                let device = weight.device();
                let (output, statistics) =
                    host::batch_norm::<Self>(&input, &weight, &bias, eps, relu);
                let [mean, variance] = host::statistics::<Self>(&statistics, &device);
                (output, mean, variance)
            }

            fn avg_pool(input: FloatTensor<Self>, geometry: AvgPoolGeometry) -> FloatTensor<Self> {
                host::avg_pool::<Self>(&ImageTensor::new(&input).channels_last(), &geometry)
            }

            fn dropout(input: FloatTensor<Self>, mask: DropoutMask) -> FloatTensor<Self> {
                host::dropout::<Self>(&input, &mask)
            }

            fn activation(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
                host::activation::<Self>(&Stored::new(&input), activation)
            }

            fn prelu(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                geometry: PreluGeometry,
            ) -> FloatTensor<Self> {
                host::prelu::<Self>(&input, &weight, &geometry)
            }

            fn group_norm(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                geometry: GroupNormGeometry,
            ) -> FloatTensor<Self> {
                host::group_norm::<Self>(&input, &weight, &bias, &geometry)
            }

            fn residual(
                one: FloatTensor<Self>,
                other: FloatTensor<Self>,
                relu: bool,
            ) -> FloatTensor<Self> {
                host::residual::<Self>(&one, &other, relu)
            }

            fn loss(
                logits: FloatTensor<Self>,
                targets: Targets,
                loss: Loss,
                total: f64,
            ) -> FloatTensor<Self> {
                host::loss::<Self>(&logits, &targets, &loss, total).0
            }

            fn adam_step(
                parameter: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
                exp_avg: FloatTensor<Self>,
                exp_avg_sq: FloatTensor<Self>,
                adam: Adam,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                host::adam_step::<Self>(&parameter, &gradient, &exp_avg, &exp_avg_sq, &adam)
            }
        }
    };
}

#[cfg(feature = "flex")]
on_host!(burn::backend::Flex);

#[cfg(feature = "ndarray")]
mod ndarray {
    use super::*;
    on_host!(burn::backend::NdArray);
}

#[cfg(feature = "cuda")]
impl Kernels for burn::backend::Cube {}
