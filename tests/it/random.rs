//! The random draws, pinned to the bit and checked for what they are meant to be.
//!
//! The golden numbers come from `fixtures/random_streams.py`, which has ChaCha8 and SplitMix64
//! written out in Python; the key of a stream is seed, purpose, epoch and index as little-endian
//! `u64` words. A change of any of these numbers changes every run.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use runner::array::{Arrays, Values};
use runner::config::Experiment;
use runner::device;
use runner::model::{Mode, Network};
use runner::random::{DropoutMask, Purpose, stream};

use crate::by_hand::experiment;
use crate::support::TINY;

#[test]
fn streams_give_the_words_of_chacha8() {
    use Purpose::{Dropout, Initialization, Shuffle};
    // Words 0, 1 and 2, then 8 and 9, which lie in the second block.
    for (mut stream, expected) in [
        (
            stream(0, Initialization, 0, 0),
            [
                0x3febe7d0_52d76565,
                0x519d89fd_b939a805,
                0x5eecaa33_822196c6,
                0xf2a2e65c_cfe02f15,
                0x2faaabbc_9c48081d,
            ],
        ),
        (
            stream(1, Shuffle, 3, 4),
            [
                0x10fbf7e8_ae2433fc,
                0x5862c07f_a87d368e,
                0x4042b86e_e70fe64d,
                0xd13f762c_8f4b49f1,
                0x58e6fe22_46b4d8c9,
            ],
        ),
        (
            stream(u64::MAX, Dropout, 1 << 32, 1 << 63),
            [
                0x3f7c4044_61658a1f,
                0x712ec1d6_28b8e44d,
                0x7077d734_72f06a3b,
                0x93c01a6b_f457c10e,
                0x152bc8e0_1062a8d5,
            ],
        ),
    ] {
        let words: [u64; 10] = std::array::from_fn(|_| stream.next_u64());
        assert_eq!([words[0], words[1], words[2], words[8], words[9]], expected);
    }
}

#[test]
fn below_is_pinned() {
    let draw = |end| -> [u64; 8] {
        let mut stream = stream(5, Purpose::Shuffle, 1, 0);
        std::array::from_fn(|_| stream.below(end))
    };
    assert_eq!(draw(1), [0; 8]);
    assert_eq!(draw(7), [5, 5, 5, 3, 2, 1, 6, 6]);
    assert_eq!(draw(1000), [806, 748, 814, 544, 316, 217, 951, 871]);
    // Every fourth word or so is refused here, so that this pins the refusal as well.
    assert_eq!(
        draw(3 << 62),
        [
            11_262_471_851_596_940_736,
            7_535_719_297_839_542_846,
            13_166_106_374_968_267_683,
            12_061_079_790_066_616_516,
            1_073_786_993_650_600_539,
            1_140_557_246_565_644_247,
            4_656_595_482_363_609_284,
            8_439_473_166_613_477_475,
        ]
    );
}

#[test]
fn shuffle_is_pinned() {
    let mut items: Vec<u32> = (0..12).collect();
    stream(7, Purpose::Shuffle, 1, 0).shuffle(&mut items);
    assert_eq!(items, [3, 6, 5, 7, 4, 1, 10, 9, 11, 8, 0, 2]);
}

#[test]
fn symmetric_is_pinned() {
    let mut stream = stream(7, Purpose::Initialization, 0, 9);
    let draws: [f32; 5] = std::array::from_fn(|_| stream.symmetric(0.2));
    let expected = [
        0.084930494,
        0.17438646,
        -0.0147546055,
        0.044452358,
        -0.08592226,
    ];
    assert_eq!(draws, expected);
}

#[test]
fn the_mask_of_a_dropout_layer_is_pinned() {
    for (p, scale, kept) in [
        (0.1, 1.0 / 0.9, "1111011100111111111111110110111"),
        (0.5, 2.0, "1111010100010101011000000000000"),
        (0.9, 10.0, "0100010100000001000000000000000"),
    ] {
        let factors = DropoutMask::new(3, 100, 7, p).factors(kept.len());
        for (index, (factor, kept)) in factors.iter().zip(kept.chars()).enumerate() {
            let expected = if kept == '1' { scale } else { 0.0 };
            assert!(
                (factor - expected).abs() <= 1e-6 * scale,
                "p {p}, element {index}"
            );
        }
    }
}

#[test]
fn start_values_are_pinned() {
    let baseline = std::fs::read_to_string(crate::support::project().join("configs/baseline.toml"));
    let parameters = start(&experiment(&baseline.unwrap(), &[]));
    assert_eq!(
        floats(&parameters, "layers.0.weight")[..4],
        [-0.14795308, 0.15187076, -0.16892397, -0.10910709]
    );
    assert_eq!(
        floats(&parameters, "layers.8.bias")[..3],
        [-0.023250798, 0.006898749, 0.01304572]
    );
}

#[test]
fn streams_of_different_places_differ() {
    let mut first_words = BTreeSet::new();
    for purpose in [Purpose::Initialization, Purpose::Shuffle, Purpose::Dropout] {
        for place in 0..27 {
            let (seed, epoch, index) = (place % 3, place / 3 % 3, place / 9);
            first_words.insert(stream(seed, purpose, epoch, index).next_u64());
        }
    }
    assert_eq!(first_words.len(), 81);
}

#[test]
fn below_is_uniform() {
    let mut stream = stream(1, Purpose::Shuffle, 1, 0);
    let mut counts = [0; 7];
    for _ in 0..70_000 {
        counts[stream.below(7) as usize] += 1;
    }
    // 6 degrees of freedom: more than 27.9 in one of 10,000 cases.
    assert!(chi_square(&counts) < 27.9, "{counts:?}");
}

/// Red for the swap with any element instead of an earlier one, the usual mistake.
#[test]
fn every_order_is_equally_likely() {
    let mut stream = stream(1, Purpose::Shuffle, 1, 0);
    let mut counts = [0; 6];
    for _ in 0..60_000 {
        let mut items = [0, 1, 2];
        stream.shuffle(&mut items);
        counts[items[0] * 2 + usize::from(items[1] > items[2])] += 1;
    }
    // 5 degrees of freedom: more than 25.7 in one of 10,000 cases.
    assert!(chi_square(&counts) < 25.7, "{counts:?}");
}

#[test]
fn shuffle_keeps_every_item() {
    let mut stream = stream(1, Purpose::Shuffle, 1, 0);
    for length in 0..200 {
        let mut items: Vec<usize> = (0..length).collect();
        stream.shuffle(&mut items);
        items.sort();
        assert!(items.into_iter().eq(0..length));
    }
}

#[test]
fn dropout_drops_its_share_and_scales_the_rest() {
    for p in [0.1, 0.5, 0.9] {
        let length = 100_001;
        let factors = DropoutMask::new(1, 2, 3, p).factors(length);
        assert_eq!(factors.len(), length);
        let (dropped, kept): (Vec<f32>, Vec<f32>) = factors.iter().partition(|x| **x == 0.0);
        assert!(
            kept.iter()
                .all(|factor| *factor == (1.0 / (1.0 - p)) as f32)
        );
        let expected = p * length as f64;
        let sigma = (expected * (1.0 - p)).sqrt();
        let off = (dropped.len() as f64 - expected) / sigma;
        assert!(off.abs() < 4.0, "p {p}: {off} sigma off");
    }
}

/// Any thread may compute any part, so an element must not depend on how many follow.
#[test]
fn a_short_mask_is_the_beginning_of_a_long_one() {
    let mask = DropoutMask::new(1, 2, 3, 0.5);
    let long = mask.factors(100);
    for length in 0..100 {
        assert_eq!(mask.factors(length), long[..length]);
    }
}

#[test]
fn masks_of_different_seeds_steps_and_layers_have_nothing_in_common() {
    let length = 10_000;
    let masks: Vec<Vec<f32>> = [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2)]
        .into_iter()
        .map(|(seed, step, layer)| DropoutMask::new(seed, step, layer, 0.5).factors(length))
        .collect();
    for (index, first) in masks.iter().enumerate() {
        for second in &masks[index + 1..] {
            let equal = first.iter().zip(second).filter(|(a, b)| a == b).count();
            let off = (equal as f64 - length as f64 / 2.0) / (length as f64 / 4.0).sqrt();
            assert!(off.abs() < 4.0, "{off} sigma off");
        }
    }
}

#[test]
fn a_network_drops_out_in_training_alone_with_the_mask_of_seed_step_and_layer() {
    let experiment = experiment(
        r#"
        seed = 5
        data.path = "data"
        training = { epochs = 1, batch_size = 3, learning_rate = 1 }
        model = { input = [1, 4, 5], layers = ["relu", "flatten", { dropout = { p = 0.3 } }] }
        "#,
        &[],
    );
    let device = device::choose(runner::config::Device::Cpu, None)
        .unwrap()
        .device;
    let network = Network::new(&experiment, &device);
    let outputs = |mode| -> Vec<f32> {
        let (outputs, _) = network.forward(Tensor::ones([3, 1, 4, 5], &device), mode);
        outputs.into_data().try_into_vec().unwrap()
    };
    let mode = Mode::Training {
        seed: 5,
        step: 8,
        part: 0,
    };
    assert_eq!(outputs(mode), DropoutMask::new(5, 8, 2, 0.3).factors(60));
    assert_eq!(outputs(Mode::Evaluation), [1.0; 60]);
}

#[test]
fn start_values_are_uniform_within_their_bound() {
    let experiment = experiment(
        r#"
        seed = 1
        data.path = "data"
        training = { epochs = 1, batch_size = 1, learning_rate = 1 }
        [model]
        input = [4, 9, 9]
        layers = [
          { conv2d = { out_channels = 60, kernel_size = [3, 5], groups = 2 } },
          "flatten",
          { linear = { out_features = 20 } },
        ]
        "#,
        &[],
    );
    let parameters = start(&experiment);
    // Of a convolution: the channels of a group times the kernel's size.
    let (conv, linear) = (2 * 3 * 5, 60 * 7 * 5);
    for (name, length, fan_in) in [
        ("layers.0.weight", 60 * conv, conv),
        ("layers.0.bias", 60, conv),
        ("layers.2.weight", 20 * linear, linear),
        ("layers.2.bias", 20, linear),
    ] {
        let values = floats(&parameters, name);
        assert_eq!(values.len(), length, "{name}");
        let bound = 1.0 / (fan_in as f64).sqrt();
        let values: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        assert!(
            values
                .iter()
                .all(|value| value.abs() <= bound * (1.0 + 1e-6)),
            "{name}"
        );

        let count = length as f64;
        let sigma = bound / 3f64.sqrt();
        let mean = values.iter().sum::<f64>() / count;
        assert!(
            mean.abs() < 4.0 * sigma / count.sqrt(),
            "{name}: mean {mean}"
        );
        // Of a uniform distribution the standard deviation is itself off by 0.45 / sqrt(count).
        let deviation = (values.iter().map(|value| value * value).sum::<f64>() / count).sqrt();
        let off = deviation / sigma - 1.0;
        assert!(off.abs() < 4.0 * 0.45 / count.sqrt(), "{name}: {off} off");
    }
}

/// Red if all parameters are drawn from one stream, one after the other.
#[test]
fn a_layer_more_leaves_the_start_values_of_the_others() {
    let more = TINY.replace(
        "{ linear = { out_features = 10 } },",
        "{ linear = { out_features = 10 } }, { linear = { out_features = 4 } },",
    );
    let (few, many) = (
        start(&experiment(TINY, &[])),
        start(&experiment(&more, &[])),
    );
    assert_eq!(few.len() + 2, many.len());
    for (name, array) in &few {
        assert_eq!(array, &many[name], "{name}");
    }
    let other_seed = start(&experiment(TINY, &["seed=2"]));
    for (name, array) in &few {
        assert_ne!(array, &other_seed[name], "{name}");
    }
}

fn start(experiment: &Experiment) -> Arrays {
    let device = device::choose(runner::config::Device::Cpu, None)
        .unwrap()
        .device;
    Network::new(experiment, &device).parameters()
}

fn floats<'a>(arrays: &'a Arrays, name: &str) -> &'a [f32] {
    match &arrays[name].values {
        Values::F32(values) => values,
        Values::I64(_) => panic!("parameters are floats"),
    }
}

/// The sum of squared differences from equal counts, each over what was expected.
fn chi_square(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    let squares = counts
        .iter()
        .map(|count| (f64::from(*count) - expected).powi(2));
    squares.sum::<f64>() / expected
}
