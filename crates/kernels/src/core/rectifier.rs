//! Activations that cut values off and leave the others as they are, so that the kernel before applies them to what it writes.

use super::simd::Vector;

/// ReLU or ReLU6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rectifier {
    /// `max(0, x)`
    Relu,
    /// `min(max(0, x), 6)`
    Relu6,
}

impl Rectifier {
    /// `x` after it; NaN stays NaN.
    #[inline(always)]
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Self::Relu if x < 0.0 => 0.0,
            Self::Relu6 if x < 0.0 => 0.0,
            Self::Relu6 if x > 6.0 => 6.0,
            _ => x,
        }
    }

    /// Whether the gradient at `x` is zero, which is an input or, all the same, an output.
    #[inline(always)]
    pub fn cuts(self, x: f32) -> bool {
        x <= 0.0 || self == Self::Relu6 && x >= 6.0
    }
}

/// A vector after the rectifier that was asked for; NaN stays NaN.
///
/// # Safety
///
/// The processor must have the instructions of the level.
#[inline(always)]
pub unsafe fn rectified<S: Vector>(vector: S, rectifier: Option<Rectifier>) -> S {
    // SAFETY: the caller's promise.
    unsafe {
        match rectifier {
            None => vector,
            Some(Rectifier::Relu) => vector.relu(),
            Some(Rectifier::Relu6) => {
                let six = S::splat(6.0);
                vector.relu().replaced(vector.greater(six), six)
            }
        }
    }
}
