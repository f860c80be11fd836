//! A batch norm and the convolution after it as one kernel, against both in turn.

use burn::tensor::Tensor;
use proptest::prelude::*;
use proptest::sample::select;
use runner::kernels::batch_norm::NormOptions;
use runner::kernels::{self, MemoryFormat};

use super::shapes::{Numbers, Shape, shapes_and_deep_ones};
use super::{FORMATS, assert_same_bits, cases, images, rectifiers, tensor, values};

proptest! {
    #![proptest_config(cases(128))]

    /// The convolution of one kernel reads what the norm would have written, so every bit is the same.
    #[test]
    fn a_norm_and_a_convolution_are_both_in_turn(
        shape in shapes_and_deep_ones(12, 40),
        format in select(&FORMATS[..]),
        dy_format in select(&FORMATS[..]),
        before in select(rectifiers()),
        after in select(rectifiers()),
    ) {
        let geometry = shape.block.conv2d;
        let options = NormOptions { eps: 1e-5, rectifier: before };
        let ours = results(&shape, format, dy_format, |x, norm, weight, bias| {
            kernels::norm_conv2d(x, norm, options, weight, bias, geometry, after)
        });
        let theirs = results(&shape, format, dy_format, |x, [norm_weight, norm_bias], weight, bias| {
            let normalized = kernels::batch_norm(x, norm_weight, norm_bias, options);
            let output = kernels::conv2d(normalized.output, weight, bias, geometry, after);
            kernels::BatchNorm { output, ..normalized }
        });
        for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
            assert_same_bits(name, ours, theirs);
        }
    }
}

type Named = (&'static str, Vec<f32>);

/// What an operation on images, the weight and bias of a norm, and those of a convolution gives, and all gradients.
fn results(
    shape: &Shape,
    format: MemoryFormat,
    dy_format: MemoryFormat,
    operation: impl FnOnce(
        Tensor<4>,
        [Tensor<1>; 2],
        Tensor<4>,
        Option<Tensor<1>>,
    ) -> kernels::BatchNorm,
) -> Vec<Named> {
    let operands = shape.operands(Numbers::Fractions);
    let channels = shape.x()[1];
    // Outputs of the norm below 0 and above 6.
    let norm = [4, 5].map(|array| {
        let numbers = Numbers::Fractions.draw(shape.seed, array, channels);
        let numbers: Vec<f32> = numbers.iter().map(|number| 4.0 * number).collect();
        tensor(&numbers, [channels]).require_grad()
    });
    let x = images(&operands.x, shape.x(), format).require_grad();
    let weight = tensor(&operands.weight, shape.weight()).require_grad();
    let bias = operands
        .bias
        .map(|bias| tensor(&bias, [bias.len()]).require_grad());
    let normalized = operation(x.clone(), norm.clone(), weight.clone(), bias.clone());
    let y = shape.conv2d_y();
    let dy = images(&shape.dy(Numbers::Fractions, y), y, dy_format);
    let gradients = (normalized.output.clone() * dy).sum().backward();
    let [norm_weight, norm_bias] = norm;
    let mut results = vec![
        ("y", values(normalized.output)),
        ("mean", values(normalized.mean)),
        ("variance", values(normalized.unbiased_variance)),
        ("dx", values(x.grad(&gradients).unwrap())),
        (
            "norm's dweight",
            values(norm_weight.grad(&gradients).unwrap()),
        ),
        ("norm's dbias", values(norm_bias.grad(&gradients).unwrap())),
        ("dweight", values(weight.grad(&gradients).unwrap())),
    ];
    if let Some(bias) = bias {
        results.push(("dbias", values(bias.grad(&gradients).unwrap())));
    }
    results
}
