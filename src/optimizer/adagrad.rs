//! Adagrad, as `torch.optim.Adagrad`.

use burn::tensor::Tensor;

use super::rule::{Rule, Update, penalized};
use crate::config;

pub struct Adagrad(pub config::Adagrad);

impl Rule for Adagrad {
    fn state_names(&self, _dimensions: usize) -> Vec<&'static str> {
        vec!["sum"]
    }

    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let config::Adagrad {
            lr_decay,
            initial_accumulator_value,
            eps,
            ..
        } = self.0;
        let gradient = penalized(&update, gradient, &parameter);
        let sum = match state.pop() {
            Some(sum) => sum,
            None => parameter.zeros_like() + initial_accumulator_value,
        };
        let sum = sum + gradient.clone() * gradient.clone();
        state.push(sum.clone());
        let learning_rate = update.learning_rate / (1.0 + (update.time - 1) as f64 * lr_decay);
        parameter - gradient / (sum.sqrt() + eps) * learning_rate
    }
}
