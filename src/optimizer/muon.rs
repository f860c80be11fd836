//! Muon, as `torch.optim.Muon`, for parameters of two dimensions or more; AdamW for the others.
//!
//! PyTorch's iterates in half precision and takes matrices alone. Here it is in single precision, and a
//! convolution's weight is the matrix of its output channels.

use burn::tensor::Tensor;

use super::adam::Adam;
use super::rule::{Rule, Update, begin, decayed, lerp, norm};
use crate::config;
use crate::kernels;

pub struct Muon {
    config: config::Muon,
    /// The rule for parameters of one dimension.
    adamw: Adam,
}

/// Those that PyTorch takes from `K. Jordan et al., "Muon", 2024`.
const COEFFICIENTS: [f64; 3] = [3.4445, -4.775, 2.0315];

impl Muon {
    pub fn new(config: config::Muon) -> Self {
        let adamw = config::Adam {
            betas: config.betas,
            eps: config.adamw_eps,
            weight_decay: config.weight_decay,
            amsgrad: false,
            no_decay: Vec::new(),
        };
        Self {
            config,
            adamw: Adam::new(adamw, true),
        }
    }

    /// The orthogonal matrix next to this one, nearly: its singular values all come close to 1, by steps
    /// of an odd polynomial. It has no more rows than columns.
    fn orthogonal(&self, matrix: Tensor<2>) -> Tensor<2> {
        let [a, b, c] = COEFFICIENTS;
        let length = matrix.shape().num_elements();
        let size = norm(matrix.clone().reshape([length])).max(self.config.eps);
        let mut x = matrix / size;
        for _ in 0..self.config.ns_steps {
            let gram = kernels::linear(x.clone(), x.clone().transpose(), None);
            let square = kernels::linear(gram.clone(), gram.clone(), None);
            let polynomial = gram * b + square * c;
            x = x.clone() * a + kernels::linear(polynomial, x, None);
        }
        x
    }

    /// The factor on the learning rate for a matrix of this shape.
    fn adjustment(&self, rows: usize, columns: usize) -> f64 {
        let (rows, columns) = (rows as f64, columns as f64);
        match self.config.adjust_lr_fn {
            config::AdjustLrFn::Original => (rows / columns).max(1.0).sqrt(),
            config::AdjustLrFn::MatchRmsAdamw => 0.2 * rows.max(columns).sqrt(),
        }
    }
}

impl Rule for Muon {
    fn state_names(&self, dimensions: usize) -> Vec<&'static str> {
        match dimensions {
            1 => self.adamw.state_names(dimensions),
            _ => vec!["momentum_buffer"],
        }
    }

    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let [rows, rest @ ..] = update.shape else {
            unreachable!("a parameter has at least one dimension")
        };
        if rest.is_empty() {
            return self.adamw.step(update, parameter, gradient, state);
        }
        let (rows, columns) = (*rows, rest.iter().product::<usize>());
        let config::Muon {
            momentum, nesterov, ..
        } = self.config;
        begin(state, 1, &parameter);
        state[0] = lerp(state[0].clone(), gradient.clone(), momentum);
        let direction = match nesterov {
            true => lerp(gradient, state[0].clone(), 1.0 - momentum),
            false => state[0].clone(),
        };
        // Burn has linear weights transposed; orthogonal is orthogonal either way.
        let burn_shape = match rest.len() {
            1 => [columns, rows],
            _ => [rows, columns],
        };
        let matrix = direction.reshape(burn_shape);
        let matrix = match burn_shape[0] > burn_shape[1] {
            true => self.orthogonal(matrix.transpose()).transpose(),
            false => self.orthogonal(matrix),
        };
        let direction = matrix.reshape([rows * columns]);
        let learning_rate = update.learning_rate * self.adjustment(rows, columns);
        decayed(&update, parameter) - direction * learning_rate
    }
}
