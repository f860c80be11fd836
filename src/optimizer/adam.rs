//! Adam and AdamW, as `torch.optim.Adam` and `torch.optim.AdamW`, with or without AMSGrad.

use burn::tensor::Tensor;

use super::rule::{Rule, Update, average_square, begin, decayed, lerp, penalized};
use crate::config;
use crate::kernels;

pub struct Adam {
    config: config::Adam,
    /// Whether the weight decay is decoupled from the gradient.
    is_decoupled: bool,
}

impl Adam {
    pub fn new(config: config::Adam, is_decoupled: bool) -> Self {
        Self {
            config,
            is_decoupled,
        }
    }

    /// `J. S. Reddi, S. Kale and S. Kumar, "On the Convergence of Adam and Beyond", 2018`
    fn step_amsgrad(
        &self,
        update: &Update<'_>,
        adam: &kernels::adam::Adam,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        begin(state, 3, &parameter);
        let (parameter, gradient) = match self.is_decoupled {
            true => (decayed(update, parameter), gradient),
            false => {
                let gradient = penalized(update, gradient, &parameter);
                (parameter, gradient)
            }
        };
        let [beta1, beta2] = self.config.betas;
        let [correction1, correction2] = adam.corrections();
        state[0] = lerp(state[0].clone(), gradient.clone(), beta1);
        state[1] = average_square(state[1].clone(), gradient, beta2);
        state[2] = state[2].clone().max_pair(state[1].clone());
        let denominator = state[2].clone().sqrt() / correction2.sqrt() + self.config.eps;
        parameter - state[0].clone() / denominator * (update.learning_rate / correction1)
    }
}

impl Rule for Adam {
    fn state_names(&self, _dimensions: usize) -> Vec<&'static str> {
        match self.config.amsgrad {
            true => vec!["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
            false => vec!["exp_avg", "exp_avg_sq"],
        }
    }

    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let adam = kernels::adam::Adam {
            learning_rate: update.learning_rate,
            betas: self.config.betas,
            eps: self.config.eps,
            weight_decay: update.weight_decay,
            is_decoupled: self.is_decoupled,
            time: update.time,
        };
        if self.config.amsgrad {
            return self.step_amsgrad(&update, &adam, parameter, gradient, state);
        }
        begin(state, 2, &parameter);
        let averages = [state[0].clone(), state[1].clone()];
        let (parameter, averages) = kernels::adam_step(parameter, gradient, averages, adam);
        *state = averages.to_vec();
        parameter
    }
}
