//! RMSprop, as `torch.optim.RMSprop`.

use burn::tensor::Tensor;

use super::rule::{Rule, Update, average_square, begin, lerp, penalized};
use crate::config;

pub struct Rmsprop(pub config::Rmsprop);

impl Rule for Rmsprop {
    fn state_names(&self, _dimensions: usize) -> Vec<&'static str> {
        let mut names = vec!["square_avg"];
        if self.0.centered {
            names.push("grad_avg");
        }
        if self.0.momentum > 0.0 {
            names.push("momentum_buffer");
        }
        names
    }

    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let config::Rmsprop {
            alpha,
            eps,
            momentum,
            centered,
            ..
        } = self.0;
        begin(state, self.state_names(1).len(), &parameter);
        let gradient = penalized(&update, gradient, &parameter);
        state[0] = average_square(state[0].clone(), gradient.clone(), alpha);
        let mut square = state[0].clone();
        if centered {
            state[1] = lerp(state[1].clone(), gradient.clone(), alpha);
            square = square - state[1].clone() * state[1].clone();
        }
        let change = gradient / (square.sqrt() + eps);
        if momentum > 0.0 {
            let last = state.len() - 1;
            state[last] = state[last].clone() * momentum + change;
            return parameter - state[last].clone() * update.learning_rate;
        }
        parameter - change * update.learning_rate
    }
}
