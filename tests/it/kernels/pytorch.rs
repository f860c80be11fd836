//! The kernels against PyTorch's numbers, those of `fixtures/kernels.py`.
//!
//! PyTorch computed in double precision. So the difference is our rounding alone.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use burn::tensor::Tensor;
use runner::array::{Array, Arrays, Values};
use runner::kernels::Rectifier;
use runner::kernels::adam::Adam;
use runner::kernels::batch_norm::NormOptions;
use runner::kernels::conv_relu_pool::ConvReluPoolGeometry;
use runner::kernels::loss::Loss;
use runner::kernels::{self, Conv2dGeometry, MemoryFormat, PoolGeometry};
use safetensors::{Dtype, SafeTensors};

use super::{FORMATS, Results, assert_close, differentiate, images, tensor, values};
use crate::support::project;

/// Of the largest number; most is lost by sums of 576 products.
const SUMS: f32 = 3e-6;

/// Where sums are in double precision.
const DOUBLE: f32 = 3e-7;

#[test]
fn conv2d_is_pytorchs() {
    for case in all("conv") {
        let geometry = case.conv2d();
        for (format, dy_format) in pairs_of_formats() {
            let results = case.differentiate(format, dy_format, |x, weight, bias| {
                kernels::conv2d(x, weight, bias, geometry, None)
            });
            case.assert_results(&format!("{format:?} to {dy_format:?}"), &results);
        }
    }
}

/// `relu(z) - relu(-z)` is `z`, so that both halves together have its gradients.
#[test]
fn conv2d_with_relu_is_pytorchs() {
    let relu = Some(Rectifier::Relu);
    for case in all("conv") {
        let geometry = case.conv2d();
        let y = values(kernels::conv2d(
            case.images("x", MemoryFormat::Contiguous),
            case.images("weight", MemoryFormat::Contiguous),
            case.vector("bias"),
            geometry,
            relu,
        ));
        let expected: Vec<f32> = case.floats("y").iter().map(|y| y.max(0.0)).collect();
        assert_close(&format!("{}, relu", case.name), &y, &expected, SUMS);

        for (format, dy_format) in pairs_of_formats() {
            let results = case.differentiate(format, dy_format, |x, weight, bias| {
                let conv2d =
                    |weight, bias| kernels::conv2d(x.clone(), weight, bias, geometry, relu);
                let negative = conv2d(-weight.clone(), bias.clone().map(|bias| -bias));
                conv2d(weight, bias) - negative
            });
            case.assert_results(&format!("relu, {format:?} to {dy_format:?}"), &results);
        }
    }
}

#[test]
fn the_block_is_pytorchs() {
    for case in all("block") {
        let geometry = case.block();
        for (format, dy_format) in pairs_of_formats() {
            let results = case.differentiate(format, dy_format, |x, weight, bias| {
                kernels::conv_relu_pool(x, weight, bias, geometry, None)
            });
            case.assert_results(&format!("{format:?} to {dy_format:?}"), &results);
        }
    }
}

#[test]
fn linear_is_pytorchs() {
    for case in all("linear") {
        let dy = case.floats("dy");
        let results = differentiate(
            case.matrix("x"),
            // Ours is `[in, out]`, PyTorch's `[out, in]`.
            tensor(&transposed(case.get("weight")), {
                let [outs, ins] = case.shape("weight");
                [ins, outs]
            }),
            case.vector("bias"),
            dy,
            MemoryFormat::Contiguous,
            kernels::linear,
        );
        let dw = transposed(case.get("dw"));
        assert_close(&case.what("y"), &results.y, case.floats("y"), SUMS);
        assert_close(&case.what("dx"), &results.dx, case.floats("dx"), SUMS);
        assert_close(&case.what("dw"), &results.dw, &dw, SUMS);
        assert_eq!(results.db.is_some(), case.has("db"), "{}", case.name);
        if let Some(db) = &results.db {
            assert_close(&case.what("db"), db, case.floats("db"), SUMS);
        }
    }
}

#[test]
fn cross_entropy_is_pytorchs() {
    for case in all("cross_entropy") {
        let logits = case.matrix("logits").require_grad();
        let targets: Vec<u32> = case.ints("targets").iter().map(|t| *t as u32).collect();
        let total = targets.len() as f64;
        let loss = kernels::loss(logits.clone(), targets.into(), &Loss::CROSS_ENTROPY, total);
        let gradients = loss.backward();
        let dlogits = values(logits.grad(&gradients).unwrap());
        assert_close(
            &case.what("loss"),
            &values(loss),
            case.floats("loss"),
            DOUBLE,
        );
        assert_close(
            &case.what("dlogits"),
            &dlogits,
            case.floats("dlogits"),
            DOUBLE,
        );
    }
}

#[test]
fn batch_norm_is_pytorchs() {
    for case in all("batch_norm") {
        let eps = case.decimal("eps");
        let relu = (case.ints("relu")[0] == 1).then_some(Rectifier::Relu);
        for (format, dy_format) in pairs_of_formats() {
            let x = case.images("x", format).require_grad();
            let weight = case.vector("weight").unwrap().require_grad();
            let bias = case.vector("bias").unwrap().require_grad();
            let options = NormOptions {
                eps,
                rectifier: relu,
            };
            let normalized = kernels::batch_norm(x.clone(), weight.clone(), bias.clone(), options);
            let dy = case.images("dy", dy_format);
            let gradients = (normalized.output.clone() * dy).sum().backward();
            let momentum = case.decimal("momentum") as f32;
            let running = |start: &str, new: Tensor<1>| -> Vec<f32> {
                let start = case.floats(start).iter();
                let new = values(new);
                let pairs = start.zip(&new);
                pairs
                    .map(|(start, new)| start * (1.0 - momentum) + new * momentum)
                    .collect()
            };
            let mean = running("start_mean", normalized.mean);
            let variance = running("start_var", normalized.unbiased_variance);
            for (name, ours) in [
                ("y", values(normalized.output)),
                ("running_mean", mean),
                ("running_var", variance),
                ("dx", values(x.grad(&gradients).unwrap())),
                ("dweight", values(weight.grad(&gradients).unwrap())),
                ("dbias", values(bias.grad(&gradients).unwrap())),
            ] {
                let what = case.what(&format!("{name}, {format:?} to {dy_format:?}"));
                assert_close(&what, &ours, case.floats(name), SUMS);
            }
        }
    }
}

#[test]
fn adaptive_avg_pool2d_is_pytorchs() {
    for case in all("avg_pool") {
        for (format, dy_format) in pairs_of_formats() {
            let x = case.images("x", format).require_grad();
            let [_, _, height, width] = case.shape("y");
            let y = kernels::adaptive_avg_pool2d(x.clone(), [height, width]);
            let dy = case.images("dy", dy_format);
            let gradients = (y.clone() * dy).sum().backward();
            let dx = values(x.grad(&gradients).unwrap());
            assert_close(&case.what("y"), &values(y), case.floats("y"), DOUBLE);
            assert_close(&case.what("dx"), &dx, case.floats("dx"), DOUBLE);
        }
    }
}

/// Images that lie channels last need a weight in another order.
#[test]
fn a_linear_layer_of_images_is_that_of_flattened_ones() {
    for case in all("conv") {
        let outputs = 7;
        let [batch, channels, height, width] = case.shape("x");
        let features = channels * height * width;
        let draw = |length: usize| -> Vec<f32> {
            let numbers = case.floats("dy").iter().cycle().take(length);
            numbers
                .enumerate()
                .map(|(i, number)| number + (i % 5) as f32)
                .collect()
        };
        let weight = tensor(&draw(features * outputs), [features, outputs]);
        let (bias, dy) = (tensor(&draw(outputs), [outputs]), draw(batch * outputs));
        let results = |format, is_fused| {
            let x = case.images("x", format).require_grad();
            let weight = weight.clone().require_grad();
            let bias = bias.clone().require_grad();
            let y = match is_fused {
                true => kernels::flatten_linear(x.clone(), weight.clone(), Some(bias.clone())),
                false => {
                    let flat = x.clone().flatten(1, 3);
                    kernels::linear(flat, weight.clone(), Some(bias.clone()))
                }
            };
            let gradients = (y.clone() * tensor(&dy, y.dims())).sum().backward();
            [
                values(y),
                values(x.grad(&gradients).unwrap()),
                values(weight.grad(&gradients).unwrap()),
                values(bias.grad(&gradients).unwrap()),
            ]
        };
        for format in FORMATS {
            let pairs = results(format, true)
                .into_iter()
                .zip(results(format, false));
            for (name, (ours, theirs)) in ["y", "dx", "dw", "db"].into_iter().zip(pairs) {
                // Both are sums of up to 1,600 products, in two orders.
                assert_close(&case.what(name), &ours, &theirs, 3.0 * SUMS);
            }
        }
    }
}

/// With autodiff, the step is made of Burn's own operations.
#[test]
fn ten_adam_steps_are_pytorchs() {
    for case in all("adam") {
        for is_tracked in [false, true] {
            let vector = |values: &[f32]| {
                let vector = tensor(values, [values.len()]);
                if is_tracked { vector } else { vector.inner() }
            };
            let mut parameter = vector(case.floats("parameter"));
            let mut averages = [parameter.zeros_like(), parameter.zeros_like()];
            let length = parameter.dims()[0];
            let steps = case.floats("gradients").chunks_exact(length);
            let expected = case.floats("parameters").chunks_exact(length);
            for (time, (gradient, expected)) in (1..).zip(steps.zip(expected)) {
                let adam = Adam {
                    learning_rate: case.decimal("lr"),
                    betas: case.decimals("betas"),
                    eps: case.decimal("eps"),
                    weight_decay: case.decimal("weight_decay"),
                    is_decoupled: false,
                    time,
                };
                (parameter, averages) =
                    kernels::adam_step(parameter, vector(gradient), averages, adam);
                let what = case.what(&format!("step {time}, tracked: {is_tracked}"));
                assert_each_close(
                    &what,
                    &values(parameter.clone()),
                    expected,
                    case.floats("parameters"),
                );
            }
            let [exp_avg, exp_avg_sq] = averages.map(values);
            for (array, ours, scales) in [
                ("exp_avg", exp_avg, "gradients"),
                ("exp_avg_sq", exp_avg_sq, "exp_avg_sq"),
            ] {
                let what = case.what(&format!("{array}, tracked: {is_tracked}"));
                assert_each_close(&what, &ours, case.floats(array), case.floats(scales));
            }
        }
    }
}

/// One case of the fixture: its arrays by their last name.
struct Case {
    name: String,
    arrays: Arrays,
}

impl Case {
    fn what(&self, array: &str) -> String {
        format!("{}, {array}", self.name)
    }

    fn has(&self, array: &str) -> bool {
        self.arrays.contains_key(array)
    }

    fn get(&self, array: &str) -> &Array {
        &self.arrays[array]
    }

    fn floats(&self, array: &str) -> &[f32] {
        match &self.get(array).values {
            Values::F32(values) => values,
            Values::I64(_) => panic!("{} are whole numbers", self.what(array)),
        }
    }

    fn ints(&self, array: &str) -> &[i64] {
        match &self.get(array).values {
            Values::I64(values) => values,
            Values::F32(_) => panic!("{} are floats", self.what(array)),
        }
    }

    fn shape<const D: usize>(&self, array: &str) -> [usize; D] {
        self.get(array).shape.as_slice().try_into().unwrap()
    }

    fn pair(&self, array: &str) -> [usize; 2] {
        <[i64; 2]>::try_from(self.ints(array))
            .unwrap()
            .map(|number| number as usize)
    }

    fn images(&self, array: &str, format: MemoryFormat) -> Tensor<4> {
        images(self.floats(array), self.shape(array), format)
    }

    fn matrix(&self, array: &str) -> Tensor<2> {
        tensor(self.floats(array), self.shape(array))
    }

    fn vector(&self, array: &str) -> Option<Tensor<1>> {
        self.has(array)
            .then(|| tensor(self.floats(array), self.shape(array)))
    }

    /// The decimal numbers that PyTorch got: the shortest that give these floats.
    fn decimals<const N: usize>(&self, array: &str) -> [f64; N] {
        <[f32; N]>::try_from(self.floats(array))
            .unwrap()
            .map(|number| number.to_string().parse().unwrap())
    }

    fn decimal(&self, array: &str) -> f64 {
        let [number] = self.decimals(array);
        number
    }

    fn conv2d(&self) -> Conv2dGeometry {
        let [_, in_channels, height, width] = self.shape("x");
        let [out_channels, _, kernel_height, kernel_width] = self.shape("weight");
        Conv2dGeometry {
            in_channels,
            out_channels,
            size: [height, width],
            kernel_size: [kernel_height, kernel_width],
            stride: self.pair("stride"),
            padding: self.pair("padding"),
            dilation: self.pair("dilation"),
            groups: self.ints("groups")[0] as usize,
        }
    }

    fn block(&self) -> ConvReluPoolGeometry {
        ConvReluPoolGeometry {
            conv2d: self.conv2d(),
            pool: PoolGeometry {
                kernel_size: self.pair("pool_kernel"),
                stride: self.pair("pool_stride"),
                padding: self.pair("pool_padding"),
            },
        }
    }

    fn differentiate(
        &self,
        format: MemoryFormat,
        dy_format: MemoryFormat,
        operation: impl FnOnce(Tensor<4>, Tensor<4>, Option<Tensor<1>>) -> Tensor<4>,
    ) -> Results {
        differentiate(
            self.images("x", format),
            self.images("weight", MemoryFormat::Contiguous),
            self.vector("bias"),
            self.floats("dy"),
            dy_format,
            operation,
        )
    }

    #[track_caller]
    fn assert_results(&self, how: &str, results: &Results) {
        assert_eq!(results.db.is_some(), self.has("db"), "{}", self.name);
        for (name, ours) in results.named() {
            let what = self.what(&format!("{name}, {how}"));
            assert_close(&what, ours, self.floats(name), SUMS);
        }
    }
}

fn pairs_of_formats() -> impl Iterator<Item = (MemoryFormat, MemoryFormat)> {
    FORMATS
        .into_iter()
        .flat_map(|first| FORMATS.map(|second| (first, second)))
}

/// All cases of a kind.
fn all(kind: &str) -> Vec<Case> {
    static ARRAYS: LazyLock<Arrays> = LazyLock::new(read_fixture);
    let names: BTreeSet<&str> = ARRAYS
        .keys()
        .filter(|name| name.split('/').next() == Some(kind))
        .map(|name| name.rsplit_once('/').unwrap().0)
        .collect();
    assert!(names.len() >= 3, "{kind}: {names:?}");
    let case = |name: &str| Case {
        name: name.to_owned(),
        arrays: ARRAYS
            .iter()
            .filter_map(|(path, array)| {
                let (case, array_name) = path.rsplit_once('/')?;
                (case == name).then(|| (array_name.to_owned(), array.clone()))
            })
            .collect(),
    };
    names.into_iter().map(case).collect()
}

fn read_fixture() -> Arrays {
    let bytes = fs::read(project().join("tests/fixtures/kernels.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let arrays = tensors.iter().map(|(name, view)| {
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F32 => {
                let values = data.as_chunks().0.iter();
                Values::F32(values.map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
            Dtype::I64 => {
                let values = data.as_chunks().0.iter();
                Values::I64(values.map(|bytes| i64::from_le_bytes(*bytes)).collect())
            }
            other => panic!("{name} is of {other:?}"),
        };
        let shape = view.shape().to_vec();
        (name.to_owned(), Array { shape, values })
    });
    arrays.collect()
}

/// The elements of a matrix, column after column.
fn transposed(matrix: &Array) -> Vec<f32> {
    let Values::F32(values) = &matrix.values else {
        panic!("a matrix has floats");
    };
    let columns = matrix.shape[1];
    (0..columns)
        .flat_map(|column| values[column..].iter().step_by(columns).copied())
        .collect()
}

/// Equal but for what rounding does to numbers as large as those of the same column in `scales`.
#[track_caller]
fn assert_each_close(what: &str, ours: &[f32], theirs: &[f32], scales: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (our, their)) in ours.iter().zip(theirs).enumerate() {
        let column = scales[index..].iter().step_by(ours.len());
        let scale = column.fold(their.abs(), |most, value| most.max(value.abs()));
        assert!(
            (our - their).abs() <= 1e-6 * scale,
            "{what}, number {index}: {our} is not {their}; the scale is {scale}"
        );
    }
}
