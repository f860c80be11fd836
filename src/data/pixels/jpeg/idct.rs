//! The inverse DCT of a block, at full size or reduced, with exactly the arithmetic of libjpeg's accurate integer
//! transforms (jidctint.c and jidctred.c).

use std::array::from_fn;
use std::num::Wrapping;

type Number = Wrapping<i32>;

/// Constants are in fixed point with 13 fractional bits; the first pass leaves 2.
const CONSTANT_BITS: usize = 13;
const PASS_BITS: usize = 2;

/// Dequantizes and transforms a block to `side` x `side` samples (8, 4, 2 or 1) in `samples`, whose rows are `stride`
/// apart. With `is_flat`, all AC coefficients are zero.
pub fn transform(
    block: &[i16; 64],
    steps: &[u16; 64],
    is_flat: bool,
    samples: &mut [u8],
    [side, stride]: [usize; 2],
) {
    if is_flat || side == 1 {
        let mean = Wrapping(i32::from(block[0].wrapping_mul(steps[0] as i16)));
        let sample = sample(mean, 3);
        for row in samples.chunks_mut(stride).take(side) {
            row[..side].fill(sample);
        }
        return;
    }
    match side {
        8 => two_passes(
            block,
            steps,
            &[0, 1, 2, 3, 4, 5, 6, 7],
            full,
            0,
            samples,
            stride,
        ),
        4 => two_passes(
            block,
            steps,
            &[0, 1, 2, 3, 5, 6, 7],
            half,
            1,
            samples,
            stride,
        ),
        _ => two_passes(block, steps, &[0, 1, 3, 5, 7], quarter, 2, samples, stride),
    }
}

/// Transforms the columns that a reduced transform uses, then the rows. Reduced transforms have `extra_bits` more
/// fractional bits.
#[inline]
fn two_passes<const SIDE: usize>(
    block: &[i16; 64],
    steps: &[u16; 64],
    columns: &[usize],
    pass: impl Fn([Number; 8]) -> [Number; SIDE],
    extra_bits: usize,
    samples: &mut [u8],
    stride: usize,
) {
    let first = CONSTANT_BITS - PASS_BITS + extra_bits;
    let second = CONSTANT_BITS + PASS_BITS + 3 + extra_bits;
    let mut coefficients = *block;
    for (coefficient, step) in coefficients.iter_mut().zip(steps) {
        *coefficient = coefficient.wrapping_mul(*step as i16);
    }
    let number = |row: usize, column: usize| Wrapping(i32::from(coefficients[8 * row + column]));
    let mut is_filled = [0; 8];
    for row in coefficients[8..].chunks_exact(8) {
        for (is_filled, coefficient) in is_filled.iter_mut().zip(row) {
            *is_filled |= coefficient;
        }
    }
    // Indexed by column: the result of the first pass.
    let mut turned = [[Wrapping(0); SIDE]; 8];
    for column in columns {
        // Most columns of most blocks are zero below their first coefficient.
        turned[*column] = match is_filled[*column] {
            0 => [number(0, *column) << PASS_BITS; SIDE],
            _ => {
                let made = pass(from_fn(|row| number(row, *column)));
                from_fn(|row| scaled(made[row], first))
            }
        };
    }
    // A loop of its own, so that it vectorizes across the rows.
    let mut made = [[Wrapping(0); SIDE]; SIDE];
    for (row, made) in made.iter_mut().enumerate() {
        *made = pass(from_fn(|column| turned[column][row]));
    }
    for (target, made) in samples.chunks_mut(stride).zip(&made) {
        for (target, number) in target.iter_mut().zip(made) {
            *target = sample(*number, second);
        }
    }
}

#[inline]
fn scaled(number: Number, bits: usize) -> Number {
    (number + Wrapping(1 << (bits - 1))) >> bits
}

#[inline]
fn sample(number: Number, bits: usize) -> u8 {
    (scaled(number, bits).0 + 128).clamp(0, 255) as u8
}

const fn constant(value: i32) -> Number {
    Wrapping(value)
}

/// Eight samples of eight coefficients: Loeffler, Ligtenberg and Moschytz, with 12 products.
#[inline]
fn full(x: [Number; 8]) -> [Number; 8] {
    let shared = (x[2] + x[6]) * constant(4433);
    let even_2 = shared - x[6] * constant(15137);
    let even_3 = shared + x[2] * constant(6270);
    let even_0 = (x[0] + x[4]) << CONSTANT_BITS;
    let even_1 = (x[0] - x[4]) << CONSTANT_BITS;
    let even = [
        even_0 + even_3,
        even_1 + even_2,
        even_1 - even_2,
        even_0 - even_3,
    ];
    let shared = (x[7] + x[3] + x[5] + x[1]) * constant(9633);
    let z1 = (x[7] + x[1]) * constant(-7373);
    let z2 = (x[5] + x[3]) * constant(-20995);
    let z3 = (x[7] + x[3]) * constant(-16069) + shared;
    let z4 = (x[5] + x[1]) * constant(-3196) + shared;
    let odd = [
        x[1] * constant(12299) + z1 + z4,
        x[3] * constant(25172) + z2 + z3,
        x[5] * constant(16819) + z2 + z4,
        x[7] * constant(2446) + z1 + z3,
    ];
    [
        even[0] + odd[0],
        even[1] + odd[1],
        even[2] + odd[2],
        even[3] + odd[3],
        even[3] - odd[3],
        even[2] - odd[2],
        even[1] - odd[1],
        even[0] - odd[0],
    ]
}

/// Four samples of eight coefficients.
#[inline]
fn half(x: [Number; 8]) -> [Number; 4] {
    let mean = x[0] << (CONSTANT_BITS + 1);
    let slope = x[2] * constant(15137) - x[6] * constant(6270);
    let (outer, inner) = (mean + slope, mean - slope);
    let odd_inner = x[5] * constant(11893) - x[7] * constant(1730) - x[3] * constant(17799)
        + x[1] * constant(8697);
    let odd_outer = x[3] * constant(7373) - x[7] * constant(4176) - x[5] * constant(4926)
        + x[1] * constant(20995);
    [
        outer + odd_outer,
        inner + odd_inner,
        inner - odd_inner,
        outer - odd_outer,
    ]
}

/// Two samples of eight coefficients.
#[inline]
fn quarter(x: [Number; 8]) -> [Number; 2] {
    let mean = x[0] << (CONSTANT_BITS + 2);
    let odd = x[5] * constant(6967) - x[7] * constant(5906) - x[3] * constant(10426)
        + x[1] * constant(29692);
    [mean + odd, mean - odd]
}
