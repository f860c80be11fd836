//! Lion: `X. Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023`.

use burn::tensor::Tensor;

use super::rule::{Rule, Update, begin, decayed};
use crate::config;

pub struct Lion(pub config::Lion);

impl Rule for Lion {
    fn state_names(&self, _dimensions: usize) -> Vec<&'static str> {
        vec!["exp_avg"]
    }

    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let [beta1, beta2] = self.0.betas;
        begin(state, 1, &parameter);
        let parameter = decayed(&update, parameter);
        let average = state[0].clone();
        let change = average.clone() * beta1 + gradient.clone() * (1.0 - beta1);
        state[0] = average * beta2 + gradient * (1.0 - beta2);
        parameter - change.sign() * update.learning_rate
    }
}
