//! Nodes of Burn's autodiff graph for operations with a backward pass of their own.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, OpsKind};
use burn::backend::tensor::FloatTensor;

use super::tensor::Host;

/// An output as a node of the graph, if any of its parents is one; only then its backward pass needs
/// its state.
pub(crate) fn tracked<B, C, K, const N: usize>(
    backward: K,
    parents: [&FloatTensor<Autodiff<B, C>>; N],
    output: FloatTensor<B>,
    state: impl FnOnce(&FloatTensor<B>) -> K::State,
) -> FloatTensor<Autodiff<B, C>>
where
    B: Host,
    C: CheckpointStrategy,
    K: Backward<B, N>,
{
    let prepared = backward.prepare::<C>(parents.map(|parent| parent.node()));
    match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let state = state(&output);
            prepared.finish(state, output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}

/// Registers the gradients that somebody asked for.
macro_rules! register {
    ($grads:expr, $backend:ty, $nodes:expr, $gradients:expr) => {
        for (node, gradient) in $nodes.into_iter().zip($gradients) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                $grads.register::<$backend>(node.id, gradient);
            }
        }
    };
}
pub(crate) use register;
