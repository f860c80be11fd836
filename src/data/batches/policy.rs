//! Operations of which some are drawn for each image: torchvision's `TrivialAugmentWide` and `RandAugment`, with their
//! ranges, in their order of draws.

use strum::VariantArray;

use super::bytes::Bytes;
use crate::random::Stream;

/// What may be drawn, in torchvision's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

use Operation::*;

/// How many steps there are from nothing to the most, both included.
const BINS: u32 = 31;

/// The most of each operation.
struct Ranges {
    slope: f64,
    /// To the right and down, in pixels.
    shift: [f64; 2],
    degrees: f64,
    /// By how much factors differ from 1.
    factor: f64,
    /// Bits that are lost.
    bits: f64,
}

/// One operation, of a strength of its own.
pub fn trivial_augment(image: &mut Bytes, random: &mut Stream) {
    let ranges = Ranges {
        slope: 0.99,
        shift: [32.0, 32.0],
        degrees: 135.0,
        factor: 0.99,
        bits: 6.0,
    };
    let operation = Operation::drawn(random);
    let bin = match operation {
        Identity | AutoContrast | Equalize => 0,
        _ => random.below(u64::from(BINS)) as u32,
    };
    operation.apply(image, bin, &ranges, random);
}

/// So many operations one after the other, all of strength `magnitude`, 0 to 30.
pub fn rand_augment(image: &mut Bytes, num_ops: usize, magnitude: u32, random: &mut Stream) {
    let share = 150.0 / 331.0;
    let ranges = Ranges {
        slope: 0.3,
        shift: [share * image.width as f64, share * image.height as f64],
        degrees: 30.0,
        factor: 0.9,
        bits: 4.0,
    };
    for _ in 0..num_ops {
        let operation = Operation::drawn(random);
        operation.apply(image, magnitude, &ranges, random);
    }
}

impl Operation {
    /// Any of them.
    fn drawn(random: &mut Stream) -> Self {
        Self::VARIANTS[random.below(Self::VARIANTS.len() as u64) as usize]
    }

    fn apply(self, image: &mut Bytes, bin: u32, ranges: &Ranges, random: &mut Stream) {
        let up_to = |most: f64| spaced(0.0, most as f32, bin);
        let mut signed = |most: f64| match random.unit() <= 0.5 {
            true => -up_to(most),
            false => up_to(most),
        };
        match self {
            Identity => {}
            ShearX => image.shear_x(signed(ranges.slope)),
            ShearY => image.shear_y(signed(ranges.slope)),
            TranslateX => image.translate([signed(ranges.shift[0]).trunc(), 0.0]),
            TranslateY => image.translate([0.0, signed(ranges.shift[1]).trunc()]),
            Rotate => image.rotate(signed(ranges.degrees)),
            Brightness => image.adjust_brightness(1.0 + signed(ranges.factor)),
            Color => image.adjust_saturation(1.0 + signed(ranges.factor)),
            Contrast => image.adjust_contrast(1.0 + signed(ranges.factor)),
            Sharpness => image.adjust_sharpness(1.0 + signed(ranges.factor)),
            Posterize => {
                let lost = f64::from(bin) * ranges.bits / f64::from(BINS - 1);
                image.posterize((f64::from(u8::BITS) - lost).round_ties_even() as u32);
            }
            Solarize => image.solarize((255.0 * spaced(1.0, 0.0, bin)) as f32),
            AutoContrast => image.autocontrast(),
            Equalize => image.equalize(),
        }
    }
}

/// `torch.linspace(low, high, 31)[bin]`, with its rounding.
fn spaced(low: f32, high: f32, bin: u32) -> f64 {
    let step = (high - low) / (BINS - 1) as f32;
    let value = match bin < BINS / 2 {
        true => low + step * bin as f32,
        false => high - step * (BINS - 1 - bin) as f32,
    };
    f64::from(value)
}
