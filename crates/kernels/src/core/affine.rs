//! A product and a sum for each channel, then a rectifier: what a batch norm is once its statistics are known.

use super::rectifier::Rectifier;
use super::simd::{Level, Vector, on_level};

/// `x * scale + shift` of each channel, then the rectifier.
#[derive(Debug, Clone)]
pub struct Affine {
    pub level: Level,
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub rectifier: Option<Rectifier>,
}

impl Affine {
    /// Takes and gives whole pixels, channels last.
    pub fn write(&self, input: &[f32], output: &mut [f32]) {
        // SAFETY: the function works on slices only; the level is one of this processor.
        unsafe { write_on(self.level, self, input, output) }
    }
}

on_level! {
    unsafe fn write_on(affine: &Affine, input: &[f32], output: &mut [f32]) = write_generic
}

/// Plain Rust, which the compiler vectorizes for the level.
#[inline(always)]
unsafe fn write_generic<S: Vector>(affine: &Affine, input: &[f32], output: &mut [f32]) {
    let Affine {
        scale,
        shift,
        rectifier,
        ..
    } = affine;
    let channels = scale.len();
    let pixels = output.chunks_exact_mut(channels);
    for (output, input) in pixels.zip(input.chunks_exact(channels)) {
        let factors = scale.iter().zip(shift);
        for ((output, input), (scale, shift)) in output.iter_mut().zip(input).zip(factors) {
            let value = input * scale + shift;
            *output = rectifier.map_or(value, |rectifier| rectifier.apply(value));
        }
    }
}
