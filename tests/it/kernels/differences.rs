//! The kernels' gradients against finite differences of plain operations in double precision.

use burn::tensor::Tensor;
use proptest::prelude::*;
use proptest::sample::select;
use runner::kernels;
use runner::kernels::MemoryFormat;
use runner::kernels::loss::Loss;

use super::shapes::{Numbers, Shape, shapes};
use super::{
    FORMATS, Results, assert_close, cases, differentiate, images, rectifiers, reference, tensor,
    values,
};
use reference::to_f64;

/// Of the largest number.
const TOLERANCE: f32 = 3e-6;

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn conv2d_has_the_slopes_of_its_output(
        shape in shapes(3, 5),
        formats in [select(&FORMATS[..]), select(&FORMATS[..])],
        rectifier in select(rectifiers()),
    ) {
        let geometry = shape.block.conv2d;
        assert_slopes(
            shape,
            shape.conv2d_y(),
            formats,
            |x, weight, bias| {
                let y = reference::conv2d(&geometry, x, weight, bias);
                reference::rectified(y, rectifier)
            },
            |x, weight, bias| kernels::conv2d(x, weight, bias, geometry, rectifier),
        );
    }

    #[test]
    fn the_block_has_the_slopes_of_its_output(
        shape in shapes(3, 5),
        formats in [select(&FORMATS[..]), select(&FORMATS[..])],
    ) {
        assert_slopes(
            shape,
            shape.block_y(),
            formats,
            |x, weight, bias| reference::block(&shape.block, x, weight, bias),
            |x, weight, bias| {
                kernels::conv_relu_pool(x, weight, bias, shape.block, None)
            },
        );
    }

    #[test]
    fn linear_has_the_slopes_of_its_output(
        [samples, inputs, outputs] in [1..=5usize, 1..=20, 1..=20],
        seed: u64,
    ) {
        let draw = |array, length| Numbers::Fractions.draw(seed, array, length);
        let (x, weight) = (draw(0, samples * inputs), draw(1, inputs * outputs));
        let (bias, dy) = (draw(2, outputs), draw(3, samples * outputs));
        let ours = differentiate(
            tensor(&x, [samples, inputs]),
            tensor(&weight, [inputs, outputs]),
            Some(tensor(&bias, [outputs])),
            &dy,
            MemoryFormat::Contiguous,
            kernels::linear,
        );
        let operands = [x, weight, bias].map(|operand| to_f64(&operand));
        let f = |[x, weight, bias]: &[Vec<f64>; 3]| reference::linear(x, weight, bias);
        let slopes = slopes(&operands, |operands| product(&f(operands), &dy)).unwrap();
        assert_results(&ours, &f(&operands), &slopes);
    }

    #[test]
    fn cross_entropy_has_the_slopes_of_the_loss(
        [samples, classes] in [1..=5usize, 1..=12],
        seed: u64,
    ) {
        let numbers = Numbers::Fractions.draw(seed, 0, samples * classes);
        let logits: Vec<f32> = numbers.iter().map(|number| 4.0 * number).collect();
        let targets: Vec<u32> = (0..samples).map(|at| (at * 7 % classes) as u32).collect();
        let tracked = tensor(&logits, [samples, classes]).require_grad();
        let loss = kernels::loss(
            tracked.clone(),
            targets.as_slice().into(),
            &Loss::CROSS_ENTROPY,
            targets.len() as f64,
        );
        let gradients = loss.backward();

        let operands = [to_f64(&logits)];
        let f = |[logits]: &[Vec<f64>; 1]| reference::cross_entropy(logits, &targets);
        let [slopes] = slopes(&operands, f).unwrap();
        // Of one class alone, the loss and its slopes are 0 but for their rounding.
        let off = (f64::from(values(loss)[0]) - f(&operands)).abs();
        prop_assert!(off <= 3e-7 * f(&operands).max(1.0), "{off}");
        for (our, slope) in values(tracked.grad(&gradients).unwrap()).iter().zip(&slopes) {
            prop_assert!((f64::from(*our) - slope).abs() <= 3e-7, "{our} is not {slope}");
        }
    }
}

/// Checks a kernel against differences of `plain`, at operands where these have no kink nearby.
#[track_caller]
fn assert_slopes(
    shape: Shape,
    y: [usize; 4],
    [format, dy_format]: [MemoryFormat; 2],
    plain: impl Fn(&[f64], &[f64], Option<&[f64]>) -> Vec<f64>,
    kernel: impl Fn(Tensor<4>, Tensor<4>, Option<Tensor<1>>) -> Tensor<4>,
) {
    let f = |[x, weight, bias]: &[Vec<f64>; 3]| {
        plain(x, weight, shape.has_bias.then_some(bias.as_slice()))
    };
    let seeds = (0..20).map(|more| shape.seed.wrapping_add(more));
    let found = seeds.into_iter().find_map(|seed| {
        let shape = Shape { seed, ..shape };
        let (drawn, dy) = (
            shape.operands(Numbers::Fractions),
            shape.dy(Numbers::Fractions, y),
        );
        let bias = drawn.bias.as_deref().unwrap_or_default();
        let operands = [&drawn.x, drawn.weight.as_slice(), bias].map(to_f64);
        let slopes = slopes(&operands, |operands| product(&f(operands), &dy))?;
        Some((drawn, dy, f(&operands), slopes))
    });
    let (drawn, dy, expected, slopes) = found.expect("operands without a kink nearby");
    let ours = differentiate(
        images(&drawn.x, shape.x(), format),
        tensor(&drawn.weight, shape.weight()),
        drawn.bias.map(|bias| tensor(&bias, [bias.len()])),
        &dy,
        dy_format,
        kernel,
    );
    assert_results(&ours, &expected, &slopes);
}

#[track_caller]
fn assert_results(ours: &Results, y: &[f64], [dx, dw, db]: &[Vec<f64>; 3]) {
    for ((name, ours), expected) in ours.named().zip([y, dx, dw, db]) {
        let expected: Vec<f32> = expected.iter().map(|value| *value as f32).collect();
        // The terms of a sum are of about one: where they cancel, its rounding stays theirs.
        let largest = expected
            .iter()
            .fold(0f32, |most, value| most.max(value.abs()));
        let tolerance = TOLERANCE * (1.0 / largest.max(f32::MIN_POSITIVE)).max(1.0);
        assert_close(name, ours, &expected, tolerance);
    }
}

const STEP: f64 = 1e-6;

/// The slopes of `f` in each number, or nothing where two sides of one have different slopes.
fn slopes<const N: usize>(
    at: &[Vec<f64>; N],
    f: impl Fn(&[Vec<f64>; N]) -> f64,
) -> Option<[Vec<f64>; N]> {
    let here = f(at);
    let mut moved = at.clone();
    let mut slopes = at.clone();
    for operand in 0..N {
        for index in 0..at[operand].len() {
            let value = at[operand][index];
            moved[operand][index] = value + STEP;
            let above = f(&moved);
            moved[operand][index] = value - STEP;
            let below = f(&moved);
            moved[operand][index] = value;
            // A smooth function's slopes differ by its curvature times the step.
            if ((above - here) - (here - below)).abs() > 1e-6 * STEP {
                return None;
            }
            slopes[operand][index] = (above - below) / (2.0 * STEP);
        }
    }
    Some(slopes)
}

fn product(y: &[f64], dy: &[f32]) -> f64 {
    assert_eq!(y.len(), dy.len());
    y.iter().zip(dy).map(|(y, dy)| y * f64::from(*dy)).sum()
}
