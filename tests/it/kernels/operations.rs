//! The kernels against Burn's own operations and their autodiff, on numbers whose sums are exact:
//! so the order of a sum cannot matter, equal means equal, and ties are everywhere.

use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, module};
use proptest::prelude::*;
use proptest::sample::select;
use runner::kernels::Images;
use runner::kernels::Rectifier;
use runner::kernels::batch_norm::NormOptions;
use runner::kernels::conv_relu_pool::{self, ConvReluPoolGeometry};
use runner::kernels::loss::Loss;
use runner::kernels::{self, Conv2dGeometry, Level, MemoryFormat, PoolGeometry};
use runner::random::DropoutMask;

use super::shapes::{Numbers, Shape, shapes, shapes_and_deep_ones};
use super::{
    FORMATS, Results, assert_close, assert_same_bits, cases, differentiate, images, rectifiers,
    tensor, values,
};

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn conv2d_is_burns(
        shape in shapes_and_deep_ones(70, 80),
        layout in layouts(),
        dy_format in select(&FORMATS[..]),
        rectifier in select(rectifiers()),
    ) {
        let geometry = shape.block.conv2d;
        let results = |operation: Operation<'_>| results(&shape, layout, shape.conv2d_y(), dy_format, operation);
        let ours = results(&|x, weight, bias| {
            kernels::conv2d(x, weight, bias, geometry, rectifier)
        });
        let theirs = results(&|x, weight, bias| {
            let y = burns_conv2d(&geometry, x, weight, bias);
            match rectifier {
                Some(Rectifier::Relu) => relu(y),
                // Burn's `clamp` passes the gradient at the limits, PyTorch's ReLU6 does not.
                Some(Rectifier::Relu6) => -relu(-relu(y) + 6.0) + 6.0,
                None => y,
            }
        });
        assert_equal(&ours, &theirs);
    }

    #[test]
    fn the_block_is_burns(
        shape in shapes_and_deep_ones(70, 80),
        layout in layouts(),
        dy_format in select(&FORMATS[..]),
        // With factors of 1, 2 and 4.
        p in select(vec![None, Some(0.0), Some(0.5), Some(0.75)]),
    ) {
        let mask = p.map(|p| DropoutMask::new(shape.seed, 1, 2, p));
        let results = |operation: Operation<'_>| results(&shape, layout, shape.block_y(), dy_format, operation);
        let ours = results(&|x, weight, bias| {
            kernels::conv_relu_pool(x, weight, bias, shape.block, mask)
        });
        let theirs = results(&|x, weight, bias| {
            let y = relu(burns_conv2d(&shape.block.conv2d, x, weight, bias));
            let y = burns_max_pool2d(&shape.block.pool, y);
            match &mask {
                Some(mask) => y * factors(mask, shape.block_y()),
                None => y,
            }
        });
        assert_equal(&ours, &theirs);
    }

    #[test]
    fn a_batch_norm_with_a_rectifier_is_both_in_turn(
        shape in shapes(12, 40),
        layout in layouts(),
        dy_format in select(&FORMATS[..]),
        rectifier in select(vec![Rectifier::Relu, Rectifier::Relu6]),
    ) {
        let channels = shape.x()[1];
        let draw = |array| Numbers::Halves.draw(shape.seed, array, channels);
        // Outputs below 0 and above 6.
        let weight: Vec<f32> = draw(1).iter().map(|value| 4.0 * value).collect();
        let bias = Some(draw(2));
        let dy = shape.dy(Numbers::Halves, shape.x());
        let results = |operation: &dyn Fn(Tensor<4>) -> Tensor<4>, rectifier| {
            let x = layout.images(&shape.operands(Numbers::Fractions).x, shape.x());
            let (weight, bias) = (tensor(&weight, [channels, 1, 1, 1]), bias.clone());
            let bias = bias.map(|bias| tensor(&bias, [channels]));
            differentiate(x, weight, bias, &dy, dy_format, |x, weight, bias| {
                let (weight, bias) = (weight.reshape([channels]), bias.unwrap());
                operation(kernels::batch_norm(x, weight, bias, NormOptions { eps: 1e-5, rectifier }).output)
            })
        };
        let ours = results(&|y| y, Some(rectifier));
        let theirs = results(&|y| kernels::activation(y, rectifier.into()), None);
        assert_equal(&ours, &theirs);
    }

    #[test]
    fn a_sum_with_a_rectifier_is_both_in_turn(
        shape in shapes(12, 40),
        layout in layouts(),
        dy_format in select(&FORMATS[..]),
        rectifier in select(vec![Rectifier::Relu, Rectifier::Relu6]),
    ) {
        let x = shape.operands(Numbers::Halves).x;
        // Sums below 0 and above 6, and on both borders.
        let other: Vec<f32> = x.iter().rev().map(|value| 5.0 * value).collect();
        let dy = shape.dy(Numbers::Halves, shape.x());
        let results = |operation: &dyn Fn(Tensor<4>) -> Tensor<4>, rectifier| {
            let [x, other] = [&x, &other].map(|values| layout.images(values, shape.x()));
            differentiate(x, other, None, &dy, dy_format, |x, other, _| {
                operation(kernels::residual(x, other, rectifier))
            })
        };
        let ours = results(&|y| y, Some(rectifier));
        let theirs = results(&|y| kernels::activation(y, rectifier.into()), None);
        assert_equal(&ours, &theirs);
    }

    #[test]
    fn linear_is_burns(
        [samples, inputs, outputs] in [1..=37usize, 1..=120, 1..=40],
        has_bias: bool,
        is_transposed: bool,
        seed: u64,
    ) {
        let draw = |array, length| Numbers::Halves.draw(seed, array, length);
        // In columns, as a product of something transposed may be.
        let matrix = |array, [rows, columns]: [usize; 2]| {
            let values = draw(array, rows * columns);
            match is_transposed {
                true => tensor(&values, [columns, rows]).transpose(),
                false => tensor(&values, [rows, columns]),
            }
        };
        let dy = draw(3, samples * outputs);
        let results = |operation: &dyn Fn(Tensor<2>, Tensor<2>, Option<Tensor<1>>) -> Tensor<2>| {
            let bias = has_bias.then(|| tensor(&draw(2, outputs), [outputs]));
            let (x, weight) = (matrix(0, [samples, inputs]), matrix(1, [inputs, outputs]));
            differentiate(x, weight, bias, &dy, MemoryFormat::Contiguous, operation)
        };
        assert_equal(&results(&kernels::linear), &results(&module::linear));
    }

    #[test]
    fn dropout_is_a_product_with_the_factors(
        shape in shapes(70, 80),
        layout in layouts(),
        p in select(vec![0.0, 0.1, 0.5, 0.9]),
    ) {
        let mask = DropoutMask::new(shape.seed, 1, 2, p);
        let results = |operation: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let x = layout.images(&shape.operands(Numbers::Fractions).x, shape.x());
            let x = x.require_grad();
            let y = operation(x.clone());
            let dy = tensor(&shape.dy(Numbers::Fractions, shape.x()), shape.x());
            let gradients = (y.clone() * dy).sum().backward();
            (values(y), values(x.grad(&gradients).unwrap()))
        };
        let ours = results(&|x| kernels::dropout(x, mask));
        let theirs = results(&|x| x * factors(&mask, shape.x()));
        prop_assert!(ours == theirs);
    }

    #[test]
    fn cross_entropy_is_burns(
        [samples, classes] in [1..=37usize, 1..=40],
        scale in select(vec![0.1, 1.0, 30.0]),
        seed: u64,
    ) {
        let numbers = Numbers::Fractions.draw(seed, 0, samples * classes);
        let logits: Vec<f32> = numbers.iter().map(|number| number * scale).collect();
        let targets: Vec<u32> = (0..samples).map(|at| (at * 7 % classes) as u32).collect();
        let results = |operation: &dyn Fn(Tensor<2>) -> Tensor<1>| {
            let logits = tensor(&logits, [samples, classes]).require_grad();
            let loss = operation(logits.clone());
            // A gradient other than 1 must be multiplied with.
            let gradients = loss.clone().mul_scalar(3.0).backward();
            (values(loss), values(logits.grad(&gradients).unwrap()))
        };
        let ours = results(&|logits| {
            let count = targets.len() as f64;
            kernels::loss(logits, targets.as_slice().into(), &Loss::CROSS_ENTROPY, count)
        });
        let theirs = results(&|logits| {
            let mut one_hot = vec![0.0; samples * classes];
            for (sample, target) in targets.iter().enumerate() {
                one_hot[sample * classes + *target as usize] = -1.0 / samples as f32;
            }
            (log_softmax(logits, 1) * tensor(&one_hot, [samples, classes])).sum()
        });
        // Burn's sums are in single precision.
        prop_assert!((ours.0[0] - theirs.0[0]).abs() <= 2e-6 * scale.max(1.0));
        let one = 3.0 / samples as f32;
        for (our, their) in ours.1.iter().zip(&theirs.1) {
            prop_assert!((our - their).abs() <= 2e-6 * one, "{our} is not {their}");
        }
    }
}

/// How a tensor lies in memory.
#[derive(Debug, Clone, Copy)]
struct Layout {
    format: MemoryFormat,
    /// Behind a sample that is not its own.
    is_part: bool,
}

fn layouts() -> impl Strategy<Value = Layout> {
    (select(&FORMATS[..]), any::<bool>()).prop_map(|(format, is_part)| Layout { format, is_part })
}

impl Layout {
    fn images(self, values: &[f32], shape: [usize; 4]) -> Tensor<4> {
        if !self.is_part {
            return images(values, shape, self.format);
        }
        let [batch, channels, height, width] = shape;
        let mut all = vec![f32::NAN; channels * height * width];
        all.extend(values);
        images(&all, [batch + 1, channels, height, width], self.format).narrow(0, 1, batch)
    }
}

type Operation<'a> = &'a dyn Fn(Tensor<4>, Tensor<4>, Option<Tensor<1>>) -> Tensor<4>;

fn results(
    shape: &Shape,
    layout: Layout,
    y: [usize; 4],
    dy_format: MemoryFormat,
    operation: Operation<'_>,
) -> Results {
    let operands = shape.operands(Numbers::Halves);
    differentiate(
        layout.images(&operands.x, shape.x()),
        tensor(&operands.weight, shape.weight()),
        operands.bias.map(|bias| tensor(&bias, [bias.len()])),
        &shape.dy(Numbers::Halves, y),
        dy_format,
        operation,
    )
}

fn burns_conv2d(
    geometry: &Conv2dGeometry,
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
) -> Tensor<4> {
    let options = ConvOptions::new(
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        geometry.groups,
    );
    module::conv2d(x, weight, bias, options)
}

fn burns_max_pool2d(geometry: &PoolGeometry, x: Tensor<4>) -> Tensor<4> {
    let options = MaxPoolOptions::new(geometry.kernel_size)
        .with_stride(geometry.stride)
        .with_padding(geometry.padding);
    module::max_pool2d(x, options)
}

fn factors(mask: &DropoutMask, shape: [usize; 4]) -> Tensor<4> {
    tensor(&mask.factors(shape.iter().product()), shape)
}

#[track_caller]
fn assert_equal(ours: &Results, theirs: &Results) {
    assert_eq!(ours.named().count(), theirs.named().count());
    for ((name, ours), (_, theirs)) in ours.named().zip(theirs.named()) {
        assert_close(name, ours, theirs, 0.0);
    }
}

/// The first layer of a network has no gradient of its input, and its weight takes another way.
///
/// Seen red with patches of whole vectors in a grey image.
#[test]
fn the_blocks_weight_does_not_depend_on_whether_its_input_has_a_gradient() {
    for (in_channels, kernel_size, window) in [
        (1, [5, 5], 2),
        (1, [1, 16], 2),
        (1, [3, 32], 2),
        (16, [1, 1], 2),
        (3, [3, 3], 3),
        (7, [5, 4], 2),
    ] {
        let conv2d = Conv2dGeometry {
            in_channels,
            out_channels: 17,
            size: [9, 40],
            kernel_size,
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
        };
        let pool = PoolGeometry {
            kernel_size: [window, window],
            stride: [2, 2],
            padding: [0, 0],
        };
        let geometry = ConvReluPoolGeometry { conv2d, pool };
        let batch = 5;
        let draw = |length: usize| -> Vec<f32> {
            let number = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
            (0..length).map(number).collect()
        };
        let (x, weight) = (draw(batch * in_channels * 360), draw(conv2d.weight_len()));
        let mut y = vec![0.0; batch * geometry.output_len()];
        let mut winners = vec![0; geometry.winners_len(batch)];
        let images = |values| Images {
            values,
            format: MemoryFormat::ChannelsLast,
        };
        let level = Level::best();
        let kept = Some(&mut winners[..]);
        conv_relu_pool::forward(
            level,
            &geometry,
            images(&x),
            &weight,
            None,
            None,
            &mut y,
            kept,
        );
        let dy = draw(y.len());
        let [with, without] = [true, false].map(|wants_input| {
            let (x, dy) = (images(&x), images(&dy));
            conv_relu_pool::backward(level, &geometry, x, &weight, &winners, 1.0, dy, wants_input)
        });
        let what = format!("{in_channels} channels, {kernel_size:?}");
        assert_same_bits(&what, &without.weight, &with.weight);
        assert_same_bits(&what, &without.bias, &with.bias);
    }
}
