//! Adadelta, as `torch.optim.Adadelta`.

use burn::tensor::Tensor;

use super::rule::{Rule, Update, average_square, begin, penalized};
use crate::config;

pub struct Adadelta(pub config::Adadelta);

impl Rule for Adadelta {
    fn state_names(&self, _dimensions: usize) -> Vec<&'static str> {
        vec!["square_avg", "acc_delta"]
    }

    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let config::Adadelta { rho, eps, .. } = self.0;
        begin(state, 2, &parameter);
        let gradient = penalized(&update, gradient, &parameter);
        state[0] = average_square(state[0].clone(), gradient.clone(), rho);
        let deviation = (state[0].clone() + eps).sqrt();
        let change = (state[1].clone() + eps).sqrt() / deviation * gradient;
        state[1] = average_square(state[1].clone(), change.clone(), rho);
        parameter - change * update.learning_rate
    }
}
