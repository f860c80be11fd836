//! What a forward pass is for.

/// Whether a forward pass is one of training, which drops out, or of evaluation.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    Training {
        seed: u64,
        /// Optimizer steps done before this one.
        step: u64,
        /// Which of the batches whose gradients make the step.
        part: u64,
    },
    Evaluation,
}
