//! Batch normalization with running statistics.
//!
//! A forward pass changes nothing: it tells what the batch's statistics were, and the step that
//! succeeds takes them over. So a step that fails leaves no trace, and no state hides in a lock.

use burn::module::{Module, Param};
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use super::convolution;
use crate::config;
use crate::kernels::batch_norm::NormOptions;
use crate::kernels::{self, Rectifier};
use crate::model::flow::{BatchStatistics, Mode, Pass};

/// As `torch.nn.BatchNorm2d` and, for images of one pixel, `torch.nn.BatchNorm1d`.
#[derive(Module, Debug)]
pub struct BatchNorm {
    pub weight: Param<Tensor<1>>,
    pub bias: Param<Tensor<1>>,
    /// The running mean of each channel, which is not trained.
    pub running_mean: Param<Tensor<1>>,
    /// The running variance of each channel, which is not trained.
    pub running_var: Param<Tensor<1>>,
    eps: f64,
    momentum: f64,
    /// Whether it is not trained: it then normalizes by the running statistics always, and they stay as they are.
    pub is_frozen: bool,
}

impl BatchNorm {
    /// With PyTorch's start values: weight and variance 1, bias and mean 0.
    pub fn new(norm: &config::BatchNorm, channels: usize, device: &Device) -> Self {
        let trained = |tensor: Tensor<1>| Param::from_tensor(tensor);
        let running = |tensor: Tensor<1>| trained(tensor).set_require_grad(false);
        Self {
            weight: trained(Tensor::ones([channels], device)),
            bias: trained(Tensor::zeros([channels], device)),
            running_mean: running(Tensor::zeros([channels], device)),
            running_var: running(Tensor::ones([channels], device)),
            eps: norm.eps,
            momentum: norm.momentum,
            is_frozen: false,
        }
    }

    /// It is frozen where its weight and its bias are; only on a device with autodiff.
    pub fn find_out_if_frozen(&mut self) {
        self.is_frozen = !self.weight.is_require_grad() && !self.bias.is_require_grad();
    }

    /// Whether it normalizes by the running statistics in this mode.
    pub fn is_fixed(&self, mode: Mode) -> bool {
        self.is_frozen || matches!(mode, Mode::Evaluation)
    }

    /// Normalizes by the batch's statistics in training, by the running ones else and where it is frozen; then ReLU or ReLU6 where one is
    /// asked for.
    pub fn forward(
        &self,
        x: Tensor<4>,
        pass: &mut Pass,
        rectifier: Option<Rectifier>,
    ) -> Tensor<4> {
        if !self.is_fixed(pass.mode) {
            let (weight, bias) = (self.weight.val(), self.bias.val());
            let normalized = kernels::batch_norm(x, weight, bias, self.options(rectifier));
            return note(normalized, pass);
        }
        let (scale, shift) = self.scale_and_shift();
        let channels = scale.dims()[0];
        let shape = [1, channels, 1, 1];
        let output = x * scale.reshape(shape) + shift.reshape(shape);
        match rectifier {
            Some(rectifier) => kernels::activation(output, rectifier.into()),
            None => output,
        }
    }

    /// In training: as [`forward`](Self::forward), then `conv`, and the rectifier after it. What the norm gives is computed as
    /// it is read, and not kept.
    pub fn forward_into(
        &self,
        conv: &Conv2d,
        x: Tensor<4>,
        pass: &mut Pass,
        [before, after]: [Option<Rectifier>; 2],
    ) -> Tensor<4> {
        let geometry = convolution::geometry(conv, x.dims());
        let normalized = kernels::norm_conv2d(
            x,
            [self.weight.val(), self.bias.val()],
            self.options(before),
            conv.weight.val(),
            conv.bias.as_ref().map(Param::val),
            geometry,
            after,
        );
        convolution::cropped(conv, note(normalized, pass))
    }

    fn options(&self, rectifier: Option<Rectifier>) -> NormOptions {
        NormOptions {
            eps: self.eps,
            rectifier,
        }
    }

    /// The weight and bias of one convolution that does what `conv` and this norm do by the running statistics.
    pub fn fold_into(&self, conv: &Conv2d) -> (Tensor<4>, Tensor<1>) {
        let (scale, shift) = self.scale_and_shift();
        let channels = scale.dims()[0];
        let weight = conv.weight.val() * scale.clone().reshape([channels, 1, 1, 1]);
        let bias = match &conv.bias {
            Some(bias) => bias.val() * scale + shift,
            None => shift,
        };
        (weight, bias)
    }

    /// The norm with its running statistics as a factor and a summand a channel.
    fn scale_and_shift(&self) -> (Tensor<1>, Tensor<1>) {
        let deviation = (self.running_var.val() + self.eps).sqrt();
        let scale = self.weight.val() / deviation;
        let shift = self.bias.val() - self.running_mean.val() * scale.clone();
        (scale, shift)
    }

    /// Takes a batch's statistics into the running ones.
    pub fn update(&mut self, batch: BatchStatistics) {
        let momentum = self.momentum;
        let average = |running: &Param<Tensor<1>>, new: Tensor<1>| {
            let id = running.id;
            let old = running.val().inner();
            let next = old * (1.0 - momentum) + new.inner() * momentum;
            Param::initialized(id, Tensor::from_inner(next))
        };
        self.running_mean = average(&self.running_mean, batch.mean);
        self.running_var = average(&self.running_var, batch.variance);
    }
}

/// Notes the statistics of the batch in the pass.
fn note(normalized: kernels::BatchNorm, pass: &mut Pass) -> Tensor<4> {
    pass.statistics.push(BatchStatistics {
        mean: normalized.mean,
        variance: normalized.unbiased_variance,
    });
    normalized.output
}
