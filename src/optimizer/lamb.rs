//! LAMB: `Y. You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes",
//! 2020`, with the trust ratio for every parameter and without a clipping of its own.

use burn::tensor::Tensor;

use super::rule::{Rule, Update, average_square, begin, norm};
use crate::config;
use crate::kernels;

pub struct Lamb(pub config::Lamb);

impl Rule for Lamb {
    fn state_names(&self, _dimensions: usize) -> Vec<&'static str> {
        vec!["exp_avg", "exp_avg_sq"]
    }

    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let config::Lamb { betas, eps, .. } = self.0;
        let [beta1, beta2] = betas;
        begin(state, 2, &parameter);
        state[0] = state[0].clone() * beta1 + gradient.clone() * (1.0 - beta1);
        state[1] = average_square(state[1].clone(), gradient, beta2);
        let [correction1, correction2] = kernels::adam::corrections(betas, update.time);
        let denominator = state[1].clone().sqrt() / correction2.sqrt() + eps;
        let mut change = state[0].clone() / correction1 / denominator;
        if update.weight_decay != 0.0 {
            change = change + parameter.clone() * update.weight_decay;
        }
        let (own, of_change) = (norm(parameter.clone()), norm(change.clone()));
        let trust = match own > 0.0 && of_change > 0.0 {
            true => own / of_change,
            false => 1.0,
        };
        parameter - change * (update.learning_rate * trust)
    }
}
