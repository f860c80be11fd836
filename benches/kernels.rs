//! The kernels one by one, and whole training steps: `cargo bench`.
//!
//! Times are those of all threads together; `RAYON_NUM_THREADS=1 cargo bench` tells them apart.

use std::hint::black_box;
use std::time::Duration;

use burn::tensor::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput};
use runner::config::Document;
use runner::data::{Batch, Batches, Splits};
use runner::kernels::Images;
use runner::kernels::conv_relu_pool::{self, ConvReluPoolGeometry};
use runner::kernels::conv2d;
use runner::kernels::loss::Loss;
use runner::kernels::{Conv2dGeometry, Level, MemoryFormat, PoolGeometry};
use runner::model::{Mode, Network};
use runner::random::DropoutMask;

/// Images of a batch of the baseline.
const BATCH: usize = 500;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    blocks(&mut criterion);
    convolutions(&mut criterion);
    network(&mut criterion);
    criterion.final_summary();
}

/// The two blocks of the baseline, on every instruction set but the portable one.
fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("block");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (in_channels, size, kernel, out_channels) in [(1, 28, 5, 16), (16, 12, 3, 64)] {
        let conv2d = square(in_channels, size, kernel, out_channels, 1, 0);
        let pool = PoolGeometry {
            kernel_size: [2, 2],
            stride: [2, 2],
            padding: [0, 0],
        };
        let geometry = ConvReluPoolGeometry { conv2d, pool };
        let mask = DropoutMask::new(1, 2, 3, 0.5);
        let mask = (in_channels > 1).then_some(&mask);
        let input = numbers(BATCH * in_channels * size * size, 1);
        let weight = numbers(conv2d.weight_len(), 2);
        let bias = numbers(out_channels, 3);
        let mut output = vec![0.0; BATCH * geometry.output_len()];
        let mut winners = vec![0; geometry.winners_len(BATCH)];
        let gradient = numbers(output.len(), 4);
        let name = format!("{in_channels}x{size}x{size} to {out_channels}");
        for level in Level::available().into_iter().skip(1) {
            let id = BenchmarkId::new(format!("forward {name}"), level.name());
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let (bias, winners) = (Some(&bias[..]), Some(&mut winners[..]));
                    conv_relu_pool::forward(
                        level,
                        &geometry,
                        channels_last(&input),
                        &weight,
                        bias,
                        mask,
                        &mut output,
                        winners,
                    );
                });
            });
            let id = BenchmarkId::new(format!("backward {name}"), level.name());
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    conv_relu_pool::backward(
                        level,
                        &geometry,
                        channels_last(&input),
                        &weight,
                        &winners,
                        mask.map_or(1.0, DropoutMask::scale),
                        channels_last(&gradient),
                        in_channels > 1,
                    )
                });
            });
        }
    }
    group.finish();
}

/// Convolutions of the networks that `versus_pytorch` measures; an element is a floating-point operation, of a direct
/// product whatever way is taken.
fn convolutions(criterion: &mut Criterion) {
    // `[in_channels, size, out_channels, kernel_size, stride]`
    const DENSE: [[usize; 5]; 4] = [
        [3, 32, 32, 3, 1],
        [32, 32, 64, 3, 2],
        [64, 16, 128, 3, 2],
        [64, 16, 64, 3, 1],
    ];
    const RESNET: [[usize; 5]; 6] = [
        [16, 32, 16, 3, 1],
        [64, 32, 64, 3, 1],
        [64, 32, 128, 3, 2],
        [64, 32, 128, 1, 2],
        [128, 16, 128, 3, 1],
        [512, 4, 512, 3, 1],
    ];
    const VGG: [[usize; 5]; 5] = [
        [3, 32, 64, 3, 1],
        [64, 16, 128, 3, 1],
        [256, 8, 256, 3, 1],
        [256, 4, 512, 3, 1],
        [512, 2, 512, 3, 1],
    ];
    const MOBILENET: [[usize; 5]; 3] =
        [[24, 16, 144, 1, 1], [64, 8, 384, 1, 1], [384, 8, 64, 1, 1]];
    for (network, batch, shapes) in [
        ("dense", 128, &DENSE[..]),
        ("resnet", 64, &RESNET[..]),
        ("vgg11", 64, &VGG[..]),
        ("mobilenet", 128, &MOBILENET[..]),
    ] {
        for &[in_channels, size, out_channels, kernel, stride] in shapes {
            let padding = kernel / 2;
            let geometry = square(in_channels, size, kernel, out_channels, stride, padding);
            let name = format!(
                "{network} {in_channels}x{size}x{size} to {out_channels}, {kernel}x{kernel} by {stride}"
            );
            convolution(criterion, &name, batch, geometry);
        }
    }
    for (channels, size, stride) in [(96, 16, 1), (144, 16, 2)] {
        let geometry = Conv2dGeometry {
            groups: channels,
            ..square(channels, size, 3, channels, stride, 1)
        };
        let name = format!("mobilenet {channels}x{size}x{size} depthwise, 3x3 by {stride}");
        convolution(criterion, &name, 128, geometry);
    }
}

fn convolution(criterion: &mut Criterion, name: &str, batch: usize, geometry: Conv2dGeometry) {
    let mut group = criterion.benchmark_group("conv2d");
    let level = Level::best();
    let products = batch * geometry.output_len() * geometry.depth();
    let [height, width] = geometry.size;
    let input = numbers(batch * geometry.in_channels * height * width, 1);
    let weight = numbers(geometry.weight_len(), 2);
    let mut output = vec![0.0; batch * geometry.output_len()];
    let gradient = numbers(output.len(), 3);
    let (input, gradient) = (channels_last(&input), channels_last(&gradient));
    group.throughput(Throughput::Elements(2 * products as u64));
    group.bench_function(BenchmarkId::new("forward", name), |bencher| {
        bencher.iter(|| {
            conv2d::forward(level, &geometry, input, &weight, None, None, &mut output);
        });
    });
    group.throughput(Throughput::Elements(4 * products as u64));
    group.bench_function(BenchmarkId::new("backward", name), |bencher| {
        bencher.iter(|| conv2d::backward(level, &geometry, input, &weight, None, gradient, true));
    });
    group.finish();
}

/// The baseline's forward and backward pass as the training loop runs them, without the step.
fn network(criterion: &mut Criterion) {
    let text = include_str!("../configs/baseline.toml").to_owned();
    let document = Document::parse("baseline.toml", text, "bench");
    let experiment = document.experiment().expect("it is right");
    let (data, input) = (&experiment.data, experiment.model.input);
    let splits = Splits::load(data, input, experiment.classes(), &|_, _| {});
    let splits = splits.expect("the digits are here");
    let batches = Batches::in_order(&splits.train, data, splits.normalize.clone(), input, BATCH);
    let first = || batches.get(0).expect("the images are in memory");
    let device = Device::flex();
    let images = |batch: Batch, device: &Device| {
        let [channels, height, width] = experiment.model.input;
        let shape = [BATCH, channels, height, width];
        Tensor::<4>::from_data(batch.images.into_data(shape), device)
    };
    let mut group = criterion.benchmark_group("baseline");
    group.throughput(Throughput::Elements(BATCH as u64));
    let network = Network::new(&experiment, &device);
    let input = images(first(), &device);
    group.bench_function("evaluation", |bencher| {
        bencher.iter(|| {
            let (logits, _) = network.forward(input.clone(), Mode::Evaluation);
            black_box(logits.into_data())
        });
    });
    let device = device.autodiff();
    let network = Network::new(&experiment, &device);
    let batch = first();
    let labels = batch.labels.clone();
    let input = images(batch, &device);
    let mode = Mode::Training {
        seed: 1,
        step: 0,
        part: 0,
    };
    group.bench_function("forward and backward", |bencher| {
        bencher.iter(|| {
            let (logits, _) = network.forward(input.clone(), mode);
            let (targets, total) = (labels.as_slice().into(), labels.len() as f64);
            runner::kernels::loss(logits, targets, &Loss::CROSS_ENTROPY, total).backward()
        });
    });
    group.finish();
}

fn square(
    in_channels: usize,
    size: usize,
    kernel: usize,
    out_channels: usize,
    stride: usize,
    padding: usize,
) -> Conv2dGeometry {
    Conv2dGeometry {
        in_channels,
        out_channels,
        size: [size, size],
        kernel_size: [kernel, kernel],
        stride: [stride, stride],
        padding: [padding, padding],
        dilation: [1, 1],
        groups: 1,
    }
}

fn channels_last(values: &[f32]) -> Images<'_> {
    Images {
        values,
        format: MemoryFormat::ChannelsLast,
    }
}

/// Random numbers between -1 and 1.
fn numbers(length: usize, seed: u64) -> Vec<f32> {
    let mut stream = runner::random::stream(seed, runner::random::Purpose::Initialization, 0, 0);
    (0..length).map(|_| stream.symmetric(1.0)).collect()
}
