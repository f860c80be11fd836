//! The door to Burn: each kernel is an operation that any backend has, with a body made of Burn's
//! own operations, and that the CPU backends have in our own form.
#![allow(
    deprecated,
    reason = "Burn prefers flex; users of ndarray may still choose it"
)]

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension};
use runner_random::DropoutMask;

use super::composed;
use crate::core::geometry::Conv2dGeometry;
use crate::core::rectifier::Rectifier;
use crate::core::tensor::{Host, ImageTensor, Stored};
use crate::ops::activation::Activation;
use crate::ops::adam::Adam;
use crate::ops::avg_pool::AvgPoolGeometry;
use crate::ops::batch_norm::NormOptions;
use crate::ops::conv_relu_pool::ConvReluPoolGeometry;
use crate::ops::group_norm::GroupNormGeometry;
use crate::ops::loss::{Loss, Targets};
use crate::ops::prelu::PreluGeometry;
use crate::ops::{
    activation, adam, avg_pool, batch_norm, conv_relu_pool, conv2d, dropout, group_norm, linear,
    loss, norm_conv2d, prelu, residual,
};

/// The kernels as operations of a backend; each body is the fallback made of Burn's own operations.
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
        rectifier: Option<Rectifier>,
    ) -> FloatTensor<Self> {
        composed::conv2d::<Self>(input, weight, bias, &geometry, rectifier)
    }

    fn conv_relu_pool(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvReluPoolGeometry,
        mask: Option<DropoutMask>,
    ) -> FloatTensor<Self> {
        composed::conv_relu_pool::<Self>(input, weight, bias, &geometry, mask.as_ref())
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
        options: NormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::batch_norm::<Self>(input, weight, bias, options)
    }

    /// The output, the mean, the unbiased variance.
    fn norm_conv2d(
        input: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        options: NormOptions,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Conv2dGeometry,
        rectifier: Option<Rectifier>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let norm = [norm_weight, norm_bias];
        composed::norm_conv2d::<Self>(input, norm, options, [weight, bias], &geometry, rectifier)
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

    fn residual(
        one: FloatTensor<Self>,
        other: FloatTensor<Self>,
        rectifier: Option<Rectifier>,
    ) -> FloatTensor<Self> {
        composed::residual::<Self>(one, other, rectifier)
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
                rectifier: Option<Rectifier>,
            ) -> FloatTensor<Self> {
                conv2d::on_host::<Self>(&input, &weight, &bias, &geometry, rectifier)
            }

            fn conv_relu_pool(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                geometry: ConvReluPoolGeometry,
                mask: Option<DropoutMask>,
            ) -> FloatTensor<Self> {
                let mask = mask.as_ref();
                conv_relu_pool::on_host::<Self>(&input, &weight, &bias, &geometry, mask, None)
            }

            fn linear(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                linear::on_host::<Self>(&input, &weight, &bias)
            }

            fn flatten_linear(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                linear::on_host_flattened::<Self>(&ImageTensor::new(&input), &weight, &bias)
            }

            fn batch_norm(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                options: NormOptions,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                let input = ImageTensor::new(&input).channels_last();
                let (output, norm) = batch_norm::on_host::<Self>(&input, &weight, &bias, options);
                let [mean, variance] = norm.moment_tensors(&output.device());
                (output, mean, variance)
            }

            fn norm_conv2d(
                input: FloatTensor<Self>,
                norm_weight: FloatTensor<Self>,
                norm_bias: FloatTensor<Self>,
                options: NormOptions,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                geometry: Conv2dGeometry,
                rectifier: Option<Rectifier>,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                let input = ImageTensor::new(&input).channels_last();
                let norm = [&norm_weight, &norm_bias];
                let conv2d = [&weight, &bias];
                let (output, norm) = norm_conv2d::on_host::<Self>(
                    &input, norm, options, conv2d, &geometry, rectifier,
                );
                let [mean, variance] = norm.moment_tensors(&output.device());
                (output, mean, variance)
            }

            fn avg_pool(input: FloatTensor<Self>, geometry: AvgPoolGeometry) -> FloatTensor<Self> {
                avg_pool::on_host::<Self>(&ImageTensor::new(&input).channels_last(), &geometry)
            }

            fn dropout(input: FloatTensor<Self>, mask: DropoutMask) -> FloatTensor<Self> {
                dropout::on_host::<Self>(&input, &mask)
            }

            fn activation(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
                activation::on_host::<Self>(&Stored::new(&input), activation)
            }

            fn prelu(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                geometry: PreluGeometry,
            ) -> FloatTensor<Self> {
                prelu::on_host::<Self>(&input, &weight, &geometry)
            }

            fn group_norm(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                geometry: GroupNormGeometry,
            ) -> FloatTensor<Self> {
                group_norm::on_host::<Self>(&input, &weight, &bias, &geometry)
            }

            fn residual(
                one: FloatTensor<Self>,
                other: FloatTensor<Self>,
                rectifier: Option<Rectifier>,
            ) -> FloatTensor<Self> {
                residual::on_host::<Self>(&one, &other, rectifier)
            }

            fn loss(
                logits: FloatTensor<Self>,
                targets: Targets,
                loss: Loss,
                total: f64,
            ) -> FloatTensor<Self> {
                loss::on_host::<Self>(&logits, &targets, &loss, total).0
            }

            fn adam_step(
                parameter: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
                exp_avg: FloatTensor<Self>,
                exp_avg_sq: FloatTensor<Self>,
                adam: Adam,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                adam::on_host::<Self>(&parameter, &gradient, &exp_avg, &exp_avg_sq, &adam)
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

impl<B: Host + Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Conv2dGeometry,
        rectifier: Option<Rectifier>,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::conv2d::<Self>(input, weight, bias, &geometry, rectifier);
        }
        conv2d::on_graph::<B, C>(&input, &weight, &bias, &geometry, rectifier)
    }

    fn conv_relu_pool(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvReluPoolGeometry,
        mask: Option<DropoutMask>,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::conv_relu_pool::<Self>(input, weight, bias, &geometry, mask.as_ref());
        }
        conv_relu_pool::on_graph::<B, C>(&input, &weight, &bias, &geometry, mask.as_ref())
    }

    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return <Self as burn::backend::ops::ModuleOps<Self>>::linear(
                input,
                weight,
                Some(bias),
            );
        }
        linear::on_graph::<B, C>(&input, &weight, &bias)
    }

    fn flatten_linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::flatten_linear::<Self>(input, weight, bias);
        }
        linear::on_graph_flattened::<B, C>(&input, &weight, &bias)
    }

    fn batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: NormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !B::ON_HOST {
            return composed::batch_norm::<Self>(input, weight, bias, options);
        }
        let [output, mean, variance] =
            batch_norm::on_graph::<B, C>(&input, &weight, &bias, options);
        (output, mean, variance)
    }

    fn norm_conv2d(
        input: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        options: NormOptions,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Conv2dGeometry,
        rectifier: Option<Rectifier>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !B::ON_HOST {
            let norm = [norm_weight, norm_bias];
            let conv2d = [weight, bias];
            return composed::norm_conv2d::<Self>(
                input, norm, options, conv2d, &geometry, rectifier,
            );
        }
        let norm = [&norm_weight, &norm_bias];
        let conv2d = [&weight, &bias];
        let [output, mean, variance] =
            norm_conv2d::on_graph::<B, C>(&input, norm, options, conv2d, &geometry, rectifier);
        (output, mean, variance)
    }

    fn avg_pool(input: FloatTensor<Self>, geometry: AvgPoolGeometry) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::avg_pool::<Self>(input, &geometry);
        }
        avg_pool::on_graph::<B, C>(&input, &geometry)
    }

    fn dropout(input: FloatTensor<Self>, mask: DropoutMask) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::dropout::<Self>(input, &mask);
        }
        dropout::on_graph::<B, C>(&input, &mask)
    }

    fn activation(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::activation::<Self>(input, activation);
        }
        activation::on_graph::<B, C>(&input, activation)
    }

    fn prelu(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: PreluGeometry,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::prelu::<Self>(input, weight, &geometry);
        }
        prelu::on_graph::<B, C>(&input, &weight, &geometry)
    }

    fn group_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: GroupNormGeometry,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::group_norm::<Self>(input, weight, bias, &geometry);
        }
        group_norm::on_graph::<B, C>(&input, &weight, &bias, &geometry)
    }

    fn residual(
        one: FloatTensor<Self>,
        other: FloatTensor<Self>,
        rectifier: Option<Rectifier>,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::residual::<Self>(one, other, rectifier);
        }
        residual::on_graph::<B, C>(&one, &other, rectifier)
    }

    fn loss(
        logits: FloatTensor<Self>,
        targets: Targets,
        loss: Loss,
        total: f64,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::loss::<Self>(logits, &targets, &loss, total);
        }
        loss::on_graph::<B, C>(&logits, &targets, &loss, total)
    }

    /// Not differentiable, as it is not in PyTorch: what it gives are constants.
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
