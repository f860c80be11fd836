//! Sums and clips gradients, between the backward pass and the step.

use burn::optim::GradientsParams;

use crate::model::Network;

/// Adds the gradients of another batch.
pub fn add(network: &Network, gradients: &mut GradientsParams, others: &GradientsParams) {
    network.visit_parameters(|parameter| {
        let sum = match (parameter.gradient(gradients), parameter.gradient(others)) {
            (Some(one), Some(other)) => Some(one + other),
            (None, other) => other,
            (_, None) => None,
        };
        if let Some(sum) = sum {
            parameter.set_gradient(gradients, sum);
        }
    });
}

/// Scales all gradients so that their norm together is at most `norm`, then cuts each number to at most
/// `value` up and down, as `torch.nn.utils.clip_grad_norm_` and `clip_grad_value_`.
pub fn clip(
    network: &Network,
    gradients: &mut GradientsParams,
    norm: Option<f64>,
    value: Option<f64>,
) {
    if let Some(most) = norm {
        let mut squares = 0.0;
        network.visit_parameters(|parameter| {
            if let Some(gradient) = parameter.gradient(gradients) {
                squares += super::rule::norm(gradient).powi(2);
            }
        });
        let factor = most / (squares.sqrt() + 1e-6);
        if factor < 1.0 {
            network.visit_parameters(|parameter| {
                if let Some(gradient) = parameter.gradient(gradients) {
                    parameter.set_gradient(gradients, gradient * factor);
                }
            });
        }
    }
    if let Some(most) = value {
        network.visit_parameters(|parameter| {
            if let Some(gradient) = parameter.gradient(gradients) {
                parameter.set_gradient(gradients, gradient.clamp(-most, most));
            }
        });
    }
}
