//! NaN and infinity: they arrive in all that depends on them, and in no other sample.

use burn::tensor::Tensor;
use runner::kernels::conv_relu_pool::ConvReluPoolGeometry;
use runner::kernels::loss::Loss;
use runner::kernels::{self, Conv2dGeometry, MemoryFormat, PoolGeometry};
use runner::random::DropoutMask;

use super::reference::{self, to_f64};
use super::shapes::{Numbers, Operands, Shape};
use super::{FORMATS, assert_same_bits, differentiate, images, rectifiers, tensor, values};

const BAD: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];

#[test]
fn bad_numbers_go_through_conv2d_where_they_should() {
    for (shape, is_tiled) in convolutions() {
        let geometry = shape.block.conv2d;
        for (what, operands, reach) in spoilt(&shape) {
            let [x, weight, bias] = in_double(&operands);
            let y = reference::conv2d(&geometry, &x, &weight, Some(&bias));
            for rectifier in rectifiers() {
                let expected = reference::rectified(y.clone(), rectifier);
                for format in FORMATS {
                    let y = run(&shape, &operands, format, |x, weight, bias| {
                        kernels::conv2d(x, weight, bias, geometry, rectifier)
                    });
                    let what = format!("{rectifier:?}, {what}");
                    let reach = if is_tiled { reach } else { Reach::Exact };
                    assert_arrives(&what, shape.conv2d_y(), &y, &expected, reach);
                }
            }
        }
    }
}

/// Wherever in a window one is.
#[test]
fn bad_numbers_go_through_the_block_where_they_should() {
    for (shape, is_tiled) in blocks() {
        for (what, operands, reach) in spoilt(&shape) {
            let [x, weight, bias] = in_double(&operands);
            let expected = reference::block(&shape.block, &x, &weight, Some(&bias));
            for format in FORMATS {
                let y = run(&shape, &operands, format, |x, weight, bias| {
                    kernels::conv_relu_pool(x, weight, bias, shape.block, None)
                });
                let reach = if is_tiled { reach } else { Reach::Exact };
                assert_arrives(&what, shape.block_y(), &y, &expected, reach);
            }
        }
    }
}

fn run(
    shape: &Shape,
    operands: &Operands,
    format: MemoryFormat,
    operation: impl FnOnce(Tensor<4>, Tensor<4>, Option<Tensor<1>>) -> Tensor<4>,
) -> Vec<f32> {
    let bias = operands.bias.as_ref().unwrap();
    values(operation(
        images(&operands.x, shape.x(), format),
        tensor(&operands.weight, shape.weight()),
        Some(tensor(bias, [bias.len()])),
    ))
}

#[test]
fn bad_numbers_go_through_linear_where_they_should() {
    for (inputs, outputs) in [(1, 1), (5, 3), (20, 17), (33, 40)] {
        let samples = 3;
        let draw = |array, length| Numbers::Fractions.draw(1, array, length);
        let operands = [
            draw(0, samples * inputs),
            draw(1, inputs * outputs),
            draw(2, outputs),
        ];
        for bad in BAD {
            for (operand, name) in ["x", "weight", "bias"].into_iter().enumerate() {
                for index in 0..operands[operand].len() {
                    let mut operands = operands.clone();
                    operands[operand][index] = bad;
                    let [x, weight, bias] = &operands;
                    let y = kernels::linear(
                        tensor(x, [samples, inputs]),
                        tensor(weight, [inputs, outputs]),
                        Some(tensor(bias, [outputs])),
                    );
                    let [x, weight, bias] = operands.each_ref().map(|operand| to_f64(operand));
                    let expected = reference::linear(&x, &weight, &bias);
                    let what = format!("{bad} in {name}[{index}], {inputs} to {outputs}");
                    assert_arrives(
                        &what,
                        [samples, outputs, 1, 1],
                        &values(y),
                        &expected,
                        Reach::Exact,
                    );
                }
            }
        }
    }
}

#[test]
fn bad_numbers_go_through_cross_entropy_where_they_should() {
    let (samples, classes) = (3, 5);
    let clean = Numbers::Fractions.draw(1, 0, samples * classes);
    let targets = [4, 0, 2];
    let differentiated = |logits: &[f32]| {
        let logits = tensor(logits, [samples, classes]).require_grad();
        let loss = kernels::loss(
            logits.clone(),
            targets.into(),
            &Loss::CROSS_ENTROPY,
            targets.len() as f64,
        );
        let gradients = loss.backward();
        (values(loss)[0], values(logits.grad(&gradients).unwrap()))
    };
    let (_, clean_gradient) = differentiated(&clean);
    for index in 0..samples * classes {
        let (row, class) = (index / classes, index % classes);
        for bad in BAD {
            let mut logits = clean.clone();
            logits[index] = bad;
            let (loss, gradient) = differentiated(&logits);
            let what = format!("{bad} in sample {row}, class {class}");
            if bad != f32::NEG_INFINITY {
                assert!(loss.is_nan(), "{what}: {loss}");
            } else if targets[row] as usize == class {
                assert_eq!(loss, f32::INFINITY, "{what}");
            } else {
                assert!(loss.is_finite(), "{what}: {loss}");
            }
            let rows = gradient
                .chunks_exact(classes)
                .zip(clean_gradient.chunks_exact(classes));
            for (other, (gradient, clean)) in rows.enumerate() {
                if other != row {
                    assert_same_bits(&what, gradient, clean);
                } else if bad != f32::NEG_INFINITY {
                    assert!(gradient.iter().all(|value| value.is_nan()), "{what}");
                }
            }
        }
    }
}

/// Whether they are dropped or not: nothing times 0 is hidden.
#[test]
fn bad_numbers_go_through_dropout_where_they_should() {
    let length = 100;
    let clean = Numbers::Fractions.draw(1, 0, length);
    let mask = DropoutMask::new(1, 2, 3, 0.5);
    let factors = mask.factors(length);
    for index in 0..length {
        for bad in BAD {
            let mut x = clean.clone();
            x[index] = bad;
            let y = values(kernels::dropout(tensor(&x, [length]), mask));
            let expected: Vec<f64> = x
                .iter()
                .zip(&factors)
                .map(|(x, factor)| f64::from(x * factor))
                .collect();
            let what = format!("{bad} in {index}");
            assert_arrives(&what, [1, 1, 1, length], &y, &expected, Reach::Exact);
        }
    }
}

/// The other samples' gradients keep their bits, the other channels' weights theirs.
#[test]
fn a_bad_gradient_spoils_its_own_sample_and_channel_alone() {
    for (shape, _) in blocks() {
        for is_block in [false, true] {
            let y = if is_block {
                shape.block_y()
            } else {
                shape.conv2d_y()
            };
            let operands = shape.operands(Numbers::Fractions);
            let clean_dy = shape.dy(Numbers::Fractions, y);
            let results = |dy: &[f32], format| {
                differentiate(
                    images(&operands.x, shape.x(), format),
                    tensor(&operands.weight, shape.weight()),
                    operands
                        .bias
                        .as_ref()
                        .map(|bias| tensor(bias, [bias.len()])),
                    dy,
                    format,
                    |x, weight, bias| match is_block {
                        true => kernels::conv_relu_pool(x, weight, bias, shape.block, None),
                        false => kernels::conv2d(x, weight, bias, shape.block.conv2d, None),
                    },
                )
            };
            for format in FORMATS {
                let clean = results(&clean_dy, format);
                let [_, channels, height, width] = y;
                let (sample, channel) = (1, channels - 1);
                // Of a place that the block has not cut.
                let plane = (sample * channels + channel) * height * width;
                let places = plane..plane + height * width;
                let Some(index) = places.into_iter().find(|index| clean.y[*index] > 0.0) else {
                    panic!("no output above zero in {shape:?}");
                };
                let mut dy = clean_dy.clone();
                dy[index] = f32::NAN;
                let spoilt = results(&dy, format);
                let what = format!("block {is_block}, {format:?}, {shape:?}");

                let image_len: usize = shape.x()[1..].iter().product();
                let samples = spoilt.dx.chunks_exact(image_len);
                for (at, (ours, clean)) in samples.zip(clean.dx.chunks_exact(image_len)).enumerate()
                {
                    if at == sample {
                        assert!(ours.iter().any(|value| value.is_nan()), "dx, {what}");
                    } else {
                        assert_same_bits(&format!("dx, {what}"), ours, clean);
                    }
                }
                let kernel_len: usize = shape.weight()[1..].iter().product();
                let ours = [(&spoilt.dw, kernel_len), (spoilt.db.as_ref().unwrap(), 1)];
                let clean = [&clean.dw, clean.db.as_ref().unwrap()];
                for ((ours, length), clean) in ours.into_iter().zip(clean) {
                    let (others, own) = ours.split_at(channel * length);
                    assert_same_bits(&what, others, &clean[..channel * length]);
                    assert!(own.iter().any(|value| value.is_nan()), "{what}");
                }
            }
        }
    }
}

/// Operands with one bad number each, in the second sample or in the parameters.
fn spoilt(shape: &Shape) -> Vec<(String, Operands, Reach)> {
    let image_len: usize = shape.x()[1..].iter().product();
    let kernel_len: usize = shape.weight()[1..].iter().product();
    let outs = shape.block.conv2d.out_channels;
    let mut all = Vec::new();
    for bad in BAD {
        let mut spoil = |name: &str, index: usize, reach| {
            let mut operands = shape.operands(Numbers::Fractions);
            let operand = match name {
                "x" => &mut operands.x,
                "weight" => &mut operands.weight,
                _ => operands.bias.as_mut().unwrap(),
            };
            operand[index] = bad;
            let what = format!("{bad} in {name}[{index}], {shape:?}");
            all.push((what, operands, reach));
        };
        for index in (0..image_len).step_by(image_len.div_ceil(100)) {
            spoil("x", image_len + index, Reach::Sample(1));
        }
        for index in (0..outs * kernel_len).step_by((outs * kernel_len).div_ceil(50)) {
            spoil("weight", index, Reach::Channel(index / kernel_len));
        }
        for index in (0..outs).step_by(outs.div_ceil(10)) {
            spoil("bias", index, Reach::Channel(index));
        }
    }
    all
}

/// What a bad number may spoil at most.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reach {
    /// No more than depends on it.
    Exact,
    Sample(usize),
    Channel(usize),
}

impl Reach {
    fn contains(self, [_, channels, height, width]: [usize; 4], index: usize) -> bool {
        let plane = index / (height * width);
        match self {
            Reach::Exact => false,
            Reach::Sample(sample) => plane / channels == sample,
            Reach::Channel(channel) => plane % channels == channel,
        }
    }
}

fn in_double(operands: &Operands) -> [Vec<f64>; 3] {
    let bias = operands.bias.as_ref().unwrap();
    [&operands.x, &operands.weight, bias].map(|operand| to_f64(operand))
}

/// Checks that what is not finite is where it should be, and NaN nowhere but within its reach.
#[track_caller]
fn assert_arrives(what: &str, shape: [usize; 4], ours: &[f32], theirs: &[f64], reach: Reach) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (our, their)) in ours.iter().zip(theirs).enumerate() {
        let agree = if their.is_finite() {
            (f64::from(*our) - their).abs() <= 1e-5
        } else {
            our.is_nan() && their.is_nan() || f64::from(*our) == *their
        };
        assert!(
            agree || our.is_nan() && reach.contains(shape, index),
            "{what}, number {index}: {our} is not {their}"
        );
    }
}

const CONV2D: Conv2dGeometry = Conv2dGeometry {
    in_channels: 2,
    out_channels: 5,
    size: [6, 5],
    kernel_size: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
};

/// Convolutions, and whether they go by Winograd's filtering, which spoils all outputs of a tile.
fn convolutions() -> Vec<(Shape, bool)> {
    let grouped = Conv2dGeometry {
        in_channels: 4,
        out_channels: 6,
        kernel_size: [2, 3],
        stride: [2, 1],
        groups: 2,
        ..CONV2D
    };
    let wide = Conv2dGeometry {
        in_channels: 3,
        out_channels: 17,
        padding: [0, 0],
        ..CONV2D
    };
    let tiled = Conv2dGeometry {
        in_channels: 8,
        out_channels: 17,
        ..CONV2D
    };
    [
        (CONV2D, false),
        (grouped, false),
        (wide, false),
        (tiled, true),
    ]
    .map(|(conv2d, is_tiled)| (shape(conv2d, [2, 2, 0]), is_tiled))
    .to_vec()
}

/// Convolutions of single pixels, so that a bad one is in one place of a window; and one of tiles.
fn blocks() -> Vec<(Shape, bool)> {
    let pools = [
        [2, 2, 0],
        [2, 2, 1],
        [2, 3, 0],
        [3, 3, 0],
        [3, 2, 1],
        [3, 1, 1],
    ];
    let mut all = Vec::new();
    for (in_channels, out_channels) in [(1, 5), (2, 17)] {
        let conv2d = Conv2dGeometry {
            in_channels,
            out_channels,
            kernel_size: [1, 1],
            padding: [0, 0],
            ..CONV2D
        };
        all.extend(pools.map(|pool| (shape(conv2d, pool), false)));
    }
    all.extend(convolutions());
    all
}

fn shape(conv2d: Conv2dGeometry, [kernel, stride, padding]: [usize; 3]) -> Shape {
    let pool = PoolGeometry {
        kernel_size: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
    };
    Shape {
        batch: 3,
        block: ConvReluPoolGeometry { conv2d, pool },
        has_bias: true,
        seed: 1,
    }
}
