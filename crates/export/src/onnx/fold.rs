//! A batch norm as part of the layer with weights before it: `--fold`.

use crate::config::{BatchNorm, Layer, Normalization};

/// What folding needs of a batch norm: a factor and a summand for each channel.
pub(super) struct Affine {
    factors: Vec<f64>,
    summands: Vec<f64>,
}

/// How the output channels lie in a weight.
#[derive(Debug, Clone, Copy)]
pub(super) enum Channels {
    /// They are its first dimension.
    First,
    /// They are its second dimension, within the groups that its first one is cut into: transposed convolutions.
    Second {
        /// How many groups there are.
        groups: usize,
    },
}

/// The batch norm that a layer is, if it is one.
pub(super) fn batch_norm(layer: &Layer) -> Option<&BatchNorm> {
    match layer {
        Layer::Normalization(
            Normalization::BatchNorm1d(norm) | Normalization::BatchNorm2d(norm),
        ) => Some(norm),
        _ => None,
    }
}

impl Affine {
    /// `x -> (x - mean) / sqrt(variance + eps) * weight + bias`, all of one length.
    pub(super) fn new(
        eps: f64,
        weight: &[f32],
        bias: &[f32],
        [mean, variance]: [&[f32]; 2],
    ) -> Self {
        let factor = |(weight, variance): (&f32, &f32)| {
            f64::from(*weight) / (f64::from(*variance) + eps).sqrt()
        };
        let factors: Vec<f64> = weight.iter().zip(variance).map(factor).collect();
        let summands = bias.iter().zip(mean).zip(&factors);
        Self {
            summands: summands
                .map(|((bias, mean), factor)| f64::from(*bias) - f64::from(*mean) * factor)
                .collect(),
            factors,
        }
    }

    /// The weight of the layer before with the norm in it; `inputs` is its first dimension.
    pub(super) fn weight(&self, weight: &[f32], inputs: usize, channels: Channels) -> Vec<f32> {
        let rows = weight.chunks_exact(weight.len() / inputs).enumerate();
        let scaled = |(row, values): (usize, &[f32])| -> Vec<f32> {
            let first = match channels {
                Channels::First => &self.factors[row..=row],
                Channels::Second { groups } => {
                    let outputs = self.factors.len() / groups;
                    let group = row / (inputs / groups);
                    &self.factors[group * outputs..][..outputs]
                }
            };
            let kernels = values.chunks_exact(values.len() / first.len());
            kernels
                .zip(first)
                .flat_map(|(kernel, factor)| {
                    kernel
                        .iter()
                        .map(move |it| (f64::from(*it) * factor) as f32)
                })
                .collect()
        };
        rows.flat_map(scaled).collect()
    }

    /// The bias of the layer before, which may have none, with the norm in it.
    pub(super) fn bias(&self, bias: Option<&[f32]>) -> Vec<f32> {
        let channels = self.factors.iter().zip(&self.summands).enumerate();
        channels
            .map(|(channel, (factor, summand))| {
                let bias = bias.map_or(0.0, |bias| f64::from(bias[channel]));
                (bias * factor + summand) as f32
            })
            .collect()
    }
}
