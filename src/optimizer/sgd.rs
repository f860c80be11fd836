//! Stochastic gradient descent, as `torch.optim.SGD`.

use burn::tensor::Tensor;

use super::rule::{Rule, Update, penalized};
use crate::config;

pub struct Sgd(pub config::Sgd);

impl Rule for Sgd {
    fn state_names(&self, _dimensions: usize) -> Vec<&'static str> {
        match self.0.momentum > 0.0 {
            true => vec!["momentum_buffer"],
            false => Vec::new(),
        }
    }

    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let config::Sgd {
            momentum,
            dampening,
            nesterov,
            ..
        } = self.0;
        let gradient = penalized(&update, gradient, &parameter);
        let change = if momentum > 0.0 {
            // As in PyTorch, the buffer begins with the first gradient, undampened.
            let buffer = match state.pop() {
                Some(buffer) => buffer * momentum + gradient.clone() * (1.0 - dampening),
                None => gradient.clone(),
            };
            state.push(buffer.clone());
            match nesterov {
                true => gradient + buffer * momentum,
                false => buffer,
            }
        } else {
            gradient
        };
        parameter - change * update.learning_rate
    }
}
