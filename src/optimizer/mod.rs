//! The update rules, with their state kept by parameter name.
//!
//! Burn's own `ModuleOptimizer` keys its state by parameter ids that are random in each process,
//! restores it on whatever device is the default, and passes silently over a state that does not
//! fit; the defaults of its rules are not PyTorch's. So the rules are here, one a file, on Burn's
//! tensors: state goes into named arrays and comes back out of them onto the parameter's own device,
//! whole or not at all. Where a rule differs from PyTorch's, its file says so.
//!
//! `rule` is what a rule is and the formulas they share, `named_state` applies one to a network; `gradients`
//! sums and clips what goes in, `average` keeps averages of the weights that come out.

mod adadelta;
mod adagrad;
mod adam;
mod average;
mod gradients;
mod lamb;
mod lion;
mod muon;
mod named_state;
mod rmsprop;
mod rule;
mod sgd;

pub use average::WeightAverage;
pub use gradients::{add, clip};
pub use named_state::Optimizer;
