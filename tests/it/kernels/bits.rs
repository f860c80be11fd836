//! Same bits, whatever computes them: any instruction set, any number of threads, memory that held
//! something else before.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::sample::select;
use rayon::ThreadPoolBuilder;
use runner::kernels::Images;
use runner::kernels::adam::{self, Adam};
use runner::kernels::batch_norm::{self, Norm, NormOptions};
use runner::kernels::conv_relu_pool::{self, ConvReluPoolGeometry};
use runner::kernels::conv2d::{self, Conv2dGradients};
use runner::kernels::{
    Conv2dGeometry, Level, MemoryFormat, PoolGeometry, Rectifier, dropout, linear, norm_conv2d,
};
use runner::random::DropoutMask;

use super::shapes::{Numbers, Operands, Shape, shapes, shapes_and_deep_ones};
use super::{FORMATS, assert_same_bits, cases, laid, rectifiers};

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn levels_give_the_same_bits_of_images(
        shape in shapes_and_deep_ones(12, 40),
        format in select(&FORMATS[..]),
        dy_format in select(&FORMATS[..]),
        p in select(vec![0.0, 0.4]),
    ) {
        assert_one_result(&Level::available(), |level| {
            let task = Task { level, format, dy_format, p, ..Task::new(shape) };
            task.all()
        });
    }

    #[test]
    fn levels_agree_on_what_is_not_finite(
        shape in shapes(5, 40),
        format in select(&FORMATS[..]),
        bad in select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
        place: prop::sample::Index,
    ) {
        assert_one_result(&Level::available(), |level| {
            let mut task = Task { level, format, ..Task::new(shape) };
            for operand in [&mut task.operands.x, &mut task.operands.weight] {
                let index = place.index(operand.len());
                operand[index] = bad;
            }
            let mut results = task.all();
            // Which NaN it is does not matter.
            for value in results.iter_mut().flat_map(|(_, values)| values) {
                if value.is_nan() {
                    *value = f32::NAN;
                }
            }
            results
        });
    }

    #[test]
    fn levels_give_the_same_bits_of_vectors(
        [samples, inputs, outputs] in [1..=37usize, 1..=120, 1..=40],
        p in select(vec![0.0, 0.4]),
        seed: u64,
    ) {
        assert_one_result(&Level::available(), |level| {
            [
                linear_outputs(level, [samples, inputs, outputs], seed),
                dropout_outputs(level, samples * inputs, p, seed),
                adam_outputs(level, samples * inputs, seed),
            ]
            .concat()
        });
    }

    #[test]
    fn what_memory_held_before_does_not_matter(
        shape in shapes_and_deep_ones(5, 40),
        format in select(&FORMATS[..]),
        dy_format in select(&FORMATS[..]),
    ) {
        let task = Task { format, dy_format, ..Task::new(shape) };
        assert_one_result(&[false, true], |is_dirty| {
            // A new thread, which has no memory of its own yet.
            with_threads(1, || {
                if is_dirty {
                    let mut dirty = Task::new(shape);
                    let operands = &mut dirty.operands;
                    operands.x.fill(f32::NAN);
                    operands.weight.fill(f32::NAN);
                    dirty.all();
                }
                task.all()
            })
        });
    }

    #[test]
    fn parameters_have_the_same_gradients_if_the_input_has_none(
        shape in shapes_and_deep_ones(12, 40),
        format in select(&FORMATS[..]),
        dy_format in select(&FORMATS[..]),
        p in select(vec![0.0, 0.4]),
    ) {
        assert_one_result(&[true, false], |wants_input| {
            let task = Task { wants_input, format, dy_format, p, ..Task::new(shape) };
            let mut results = [task.conv2d(), task.block()].concat();
            results.retain(|(name, _)| !name.contains("dx"));
            results
        });
    }
}

/// Partial sums of so many numbers are kept for fewer chunks of the batch.
#[test]
fn levels_cut_a_batch_alike_for_a_large_weight() {
    // Rows of 17 floats, which vectors of 16 pad to 32 and vectors of 8 to 24.
    let conv2d = Conv2dGeometry {
        in_channels: 17,
        out_channels: 33_000,
        size: [1, 1],
        kernel_size: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    let shape = Shape {
        batch: 32,
        block: ConvReluPoolGeometry {
            conv2d,
            pool: square_pool(1, 1),
        },
        has_bias: true,
        seed: 1,
    };
    assert_one_result(&Level::available(), |level| {
        let task = Task {
            level,
            wants_input: false,
            ..Task::new(shape)
        };
        task.block()
    });
}

#[test]
fn threads_give_the_same_bits_of_images() {
    for batch in [37, 100] {
        // By products of gathered rows, by Winograd's filtering, in groups, depthwise, and with one sum for the batch.
        for (in_channels, out_channels, kernel, stride, groups) in [
            (1, 7, 5, 1, 1),
            (9, 18, 3, 1, 1),
            (6, 10, 3, 2, 2),
            (20, 20, 3, 1, 20),
            (130, 120, 3, 1, 1),
            (128, 130, 3, 2, 1),
        ] {
            let conv2d = Conv2dGeometry {
                in_channels,
                out_channels,
                size: [9, 8],
                kernel_size: [kernel; 2],
                stride: [stride; 2],
                padding: [1, 1],
                dilation: [1, 1],
                groups,
            };
            let block = ConvReluPoolGeometry {
                conv2d,
                pool: square_pool(2, 2),
            };
            let shape = Shape {
                batch,
                block,
                has_bias: true,
                seed: 1,
            };
            let task = Task {
                p: 0.4,
                ..Task::new(shape)
            };
            assert_one_result(&THREADS, |threads| with_threads(threads, || task.all()));
        }
    }
}

#[test]
fn threads_give_the_same_bits_of_vectors() {
    let level = Level::best();
    for samples in [37, 100] {
        assert_one_result(&THREADS, |threads| {
            with_threads(threads, || {
                [
                    linear_outputs(level, [samples, 300, 17], 1),
                    dropout_outputs(level, samples * 2001, 0.4, 1),
                    adam_outputs(level, samples * 2001, 1),
                ]
                .concat()
            })
        });
    }
}

/// More than there are processors, too; and some more than once, since a race may end well.
const THREADS: [usize; 7] = [1, 2, 3, 5, 2, 3, 5];

fn with_threads<T: Send>(number: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = ThreadPoolBuilder::new().num_threads(number).build();
    pool.unwrap().install(work)
}

/// Arrays and what they are.
type Outputs = Vec<(String, Vec<f32>)>;

/// Checks that there is one result, whichever way it is computed.
#[track_caller]
fn assert_one_result<T: Copy + Debug>(ways: &[T], results: impl Fn(T) -> Outputs) {
    let (first, others) = ways.split_first().unwrap();
    let expected = results(*first);
    for way in others {
        let ours = results(*way);
        assert_eq!(ours.len(), expected.len());
        for ((name, ours), (_, expected)) in ours.iter().zip(&expected) {
            let what = format!("{name}: {way:?} as {first:?}");
            assert_same_bits(&what, ours, expected);
        }
    }
}

/// A convolution and a block to compute, by functions on slices.
struct Task {
    shape: Shape,
    operands: Operands,
    level: Level,
    format: MemoryFormat,
    dy_format: MemoryFormat,
    /// Of the dropout behind the block.
    p: f64,
    wants_input: bool,
}

impl Task {
    fn new(shape: Shape) -> Self {
        Self {
            shape,
            operands: shape.operands(Numbers::Fractions),
            level: Level::best(),
            format: MemoryFormat::Contiguous,
            dy_format: MemoryFormat::Contiguous,
            p: 0.0,
            wants_input: true,
        }
    }

    fn all(&self) -> Outputs {
        [self.conv2d(), self.norm_conv2d(), self.block()].concat()
    }

    /// The output and the gradients, with and without a rectifier.
    fn conv2d(&self) -> Outputs {
        let geometry = &self.shape.block.conv2d;
        let Operands { weight, bias, .. } = &self.operands;
        let (x, dy) = (self.x(), self.dy(self.shape.conv2d_y()));
        let mut outputs = Outputs::new();
        for rectifier in rectifiers() {
            let mut y = vec![f32::NAN; self.shape.conv2d_y().iter().product()];
            let bias = bias.as_deref();
            conv2d::forward(
                self.level,
                geometry,
                self.images(&x),
                weight,
                bias,
                rectifier,
                &mut y,
            );
            let gradients = conv2d::backward(
                self.level,
                geometry,
                self.images(&x),
                weight,
                rectifier.map(|rectifier| (rectifier, &y[..])),
                self.gradients(&dy),
                self.wants_input,
            );
            outputs.push((format!("conv2d with {rectifier:?}, y"), y));
            outputs.extend(named(&format!("conv2d with {rectifier:?}"), gradients));
        }
        outputs
    }

    /// A batch norm before the convolution: the output and all gradients.
    fn norm_conv2d(&self) -> Outputs {
        let geometry = &self.shape.block.conv2d;
        let Operands { weight, bias, .. } = &self.operands;
        let channels = geometry.in_channels;
        let x = laid(&self.operands.x, self.shape.x(), MemoryFormat::ChannelsLast);
        let dy = self.dy(self.shape.conv2d_y());
        let draw = |array| Numbers::Fractions.draw(self.shape.seed, array, channels);
        let (norm_weight, norm_bias) = (draw(4), draw(5));
        let statistics = batch_norm::statistics(self.level, &x, channels, self.shape.batch);
        let norm = Norm {
            statistics: &statistics,
            weight: &norm_weight,
            bias: &norm_bias,
            options: NormOptions {
                eps: 1e-5,
                rectifier: Some(Rectifier::Relu),
            },
        };
        let mut y = vec![f32::NAN; self.shape.conv2d_y().iter().product()];
        norm_conv2d::forward(
            self.level,
            geometry,
            &x,
            norm,
            weight,
            bias.as_deref(),
            None,
            &mut y,
        );
        let (norm, conv2d) = norm_conv2d::backward(
            self.level,
            geometry,
            &x,
            norm,
            weight,
            None,
            self.gradients(&dy),
        );
        let mut outputs = named("norm and conv2d", conv2d);
        outputs.extend([
            ("norm and conv2d, y".to_owned(), y),
            ("norm and conv2d, dx".to_owned(), norm.input.to_vec()),
            ("norm, dw".to_owned(), norm.weight),
            ("norm, db".to_owned(), norm.bias),
            ("norm, mean".to_owned(), statistics.mean),
            ("norm, variance".to_owned(), statistics.variance),
        ]);
        outputs
    }

    /// The output and the gradients, with dropout.
    fn block(&self) -> Outputs {
        let geometry = &self.shape.block;
        let Operands { weight, bias, .. } = &self.operands;
        let (x, dy) = (self.x(), self.dy(self.shape.block_y()));
        let mask = DropoutMask::new(self.shape.seed, 1, 2, self.p);
        let mut outputs = Outputs::new();
        let mut winners = vec![7; geometry.winners_len(self.shape.batch)];
        let mut y = vec![f32::NAN; self.shape.block_y().iter().product()];
        conv_relu_pool::forward(
            self.level,
            geometry,
            self.images(&x),
            weight,
            bias.as_deref(),
            Some(&mask),
            &mut y,
            Some(&mut winners),
        );
        outputs.push(("block, y".to_owned(), y));
        let gradients = conv_relu_pool::backward(
            self.level,
            geometry,
            self.images(&x),
            weight,
            &winners,
            mask.scale(),
            self.gradients(&dy),
            self.wants_input,
        );
        outputs.extend(named("block", gradients));
        outputs
    }

    fn x(&self) -> Vec<f32> {
        laid(&self.operands.x, self.shape.x(), self.format)
    }

    fn images<'a>(&self, values: &'a [f32]) -> Images<'a> {
        Images {
            values,
            format: self.format,
        }
    }

    fn dy(&self, y: [usize; 4]) -> Vec<f32> {
        laid(&self.shape.dy(Numbers::Fractions, y), y, self.dy_format)
    }

    fn gradients<'a>(&self, values: &'a [f32]) -> Images<'a> {
        Images {
            values,
            format: self.dy_format,
        }
    }
}

fn named(what: &str, gradients: Conv2dGradients) -> Outputs {
    let input = gradients.input.map(|input| input.to_vec());
    let all = [
        ("dx", input),
        ("dw", Some(gradients.weight)),
        ("db", Some(gradients.bias)),
    ];
    all.into_iter()
        .filter_map(|(name, values)| Some((format!("{what}, {name}"), values?)))
        .collect()
}

fn linear_outputs(level: Level, [samples, inputs, outputs]: [usize; 3], seed: u64) -> Outputs {
    let draw = |array, length| Numbers::Fractions.draw(seed, array, length);
    let (x, weight) = (draw(0, samples * inputs), draw(1, inputs * outputs));
    let (bias, dy) = (draw(2, outputs), draw(3, samples * outputs));
    let mut y = vec![f32::NAN; samples * outputs];
    linear::forward(level, &x, &weight, &bias, &mut y);
    let gradients = linear::backward(level, &x, &weight, &dy, outputs, true);
    vec![
        ("linear, y".to_owned(), y),
        ("linear, dx".to_owned(), gradients.input.unwrap().to_vec()),
        ("linear, dw".to_owned(), gradients.weight),
        ("linear, db".to_owned(), gradients.bias),
    ]
}

fn dropout_outputs(level: Level, length: usize, p: f64, seed: u64) -> Outputs {
    let mask = DropoutMask::new(seed, 1, 2, p);
    let mut y = vec![f32::NAN; length];
    dropout::apply(
        level,
        &mask,
        &Numbers::Fractions.draw(seed, 0, length),
        &mut y,
    );
    let mut factors = vec![f32::NAN; length];
    dropout::factors(level, &mask, 5, &mut factors);
    vec![("dropout".to_owned(), y), ("factors".to_owned(), factors)]
}

/// The second step, with numbers of the first.
fn adam_outputs(level: Level, length: usize, seed: u64) -> Outputs {
    let draw = |array| Numbers::Fractions.draw(seed, array, length);
    let adam = Adam {
        learning_rate: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 0.1,
        is_decoupled: false,
        time: 2,
    };
    let (mut parameter, mut mean) = (draw(0), draw(1));
    let mut square: Vec<f32> = draw(2).iter().map(|value| value.abs()).collect();
    adam::step(
        level,
        &adam,
        &mut parameter,
        &draw(3),
        &mut mean,
        &mut square,
    );
    vec![
        ("adam, parameter".to_owned(), parameter),
        ("adam, exp_avg".to_owned(), mean),
        ("adam, exp_avg_sq".to_owned(), square),
    ]
}

fn square_pool(kernel: usize, stride: usize) -> PoolGeometry {
    PoolGeometry {
        kernel_size: [kernel; 2],
        stride: [stride; 2],
        padding: [0, 0],
    }
}
