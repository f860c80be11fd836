//! The mask of dropout: its share, its independence, and that a block applies it as dropout alone
//! does.

use proptest::prelude::*;
use proptest::sample::select;
use runner::kernels::{self, Level, dropout};
use runner::random::DropoutMask;

use super::shapes::{Numbers, shapes};
use super::{FORMATS, assert_same_bits, cases, differentiate, images, tensor};

#[test]
fn each_element_is_dropped_or_scaled_and_their_shares_are_right() {
    for p in [0.1, 0.5, 0.9] {
        let factors = factors(DropoutMask::new(1, 2, 3, p), 1 << 20);
        let scale = (1.0 / (1.0 - p)) as f32;
        assert!(
            factors
                .iter()
                .all(|factor| *factor == 0.0 || *factor == scale)
        );
        let dropped = factors.iter().filter(|factor| **factor == 0.0).count();
        let expected = p * factors.len() as f64;
        let off = (dropped as f64 - expected) / (expected * (1.0 - p)).sqrt();
        assert!(off.abs() < 5.0, "p {p}: {off} sigma off");
    }
}

#[test]
fn neighbours_have_nothing_in_common() {
    for p in [0.1, 0.5, 0.9] {
        let factors = factors(DropoutMask::new(1, 2, 3, p), 1 << 20);
        // Up to rows and planes of usual images.
        for distance in (1..=70).chain([128, 144, 256, 576, 784, 1024, 9216]) {
            let what = format!("p {p}, {distance} apart");
            assert_unrelated(&what, &factors, &factors[distance..], p);
        }
    }
}

#[test]
fn masks_of_neighbouring_steps_layers_and_seeds_have_nothing_in_common() {
    for p in [0.1, 0.5, 0.9] {
        // Neighbours in one, two or all three of them.
        let places = (0..27).map(|at| [at % 3, at / 3 % 3, at / 9]);
        let masks: Vec<_> = places
            .map(|place| {
                let [seed, step, layer] = place;
                (
                    place,
                    factors(DropoutMask::new(seed, step, layer, p), 1 << 17),
                )
            })
            .collect();
        for (index, (place, mask)) in masks.iter().enumerate() {
            for (other_place, other) in &masks[..index] {
                assert_unrelated(
                    &format!("p {p}, {place:?} and {other_place:?}"),
                    mask,
                    other,
                    p,
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_part_of_a_mask_is_that_part_of_the_whole(
        start in 0..200usize,
        length in 0..200usize,
        p in select(vec![0.0, 0.1, 0.5, 0.9]),
        seed: u64,
    ) {
        let mask = DropoutMask::new(seed, 1, 2, p);
        let whole = mask.factors(400);
        let mut part = vec![f32::NAN; length];
        mask.write_factors(start, &mut part);
        prop_assert_eq!(&part, &whole[start..start + length]);
        dropout::factors(Level::best(), &mask, start, &mut part);
        prop_assert_eq!(&part, &whole[start..start + length]);
    }

    #[test]
    fn a_block_drops_out_as_dropout_after_it_does(
        shape in shapes(37, 40),
        x_format in select(&FORMATS[..]),
        format in select(&FORMATS[..]),
        p in select(vec![0.0, 0.1, 0.5, 0.9]),
    ) {
        let operands = shape.operands(Numbers::Fractions);
        let mask = DropoutMask::new(shape.seed, 1, 2, p);
        let results = |is_inside| {
            differentiate(
                images(&operands.x, shape.x(), x_format),
                tensor(&operands.weight, shape.weight()),
                operands.bias.as_ref().map(|bias| tensor(bias, [bias.len()])),
                &shape.dy(Numbers::Fractions, shape.block_y()),
                format,
                |x, weight, bias| match is_inside {
                    true => kernels::conv_relu_pool(x, weight, bias, shape.block, Some(mask)),
                    false => {
                        let y = kernels::conv_relu_pool(x, weight, bias, shape.block, None);
                        kernels::dropout(y, mask)
                    }
                },
            )
        };
        let (inside, after) = (results(true), results(false));
        for ((name, inside), (_, after)) in inside.named().zip(after.named()) {
            assert_same_bits(name, inside, after);
        }
    }
}

fn factors(mask: DropoutMask, length: usize) -> Vec<f32> {
    let mut factors = vec![f32::NAN; length];
    dropout::factors(Level::best(), &mask, 0, &mut factors);
    factors
}

/// The correlation of whether elements are dropped, as far as both go.
#[track_caller]
fn assert_unrelated(what: &str, first: &[f32], second: &[f32], p: f64) {
    let count = first.len().min(second.len()) as f64;
    let is_dropped = |factor: &f32| f64::from(u8::from(*factor == 0.0)) - p;
    let products = first
        .iter()
        .zip(second)
        .map(|(first, second)| is_dropped(first) * is_dropped(second));
    let off = products.sum::<f64>() / (p * (1.0 - p)) / count.sqrt();
    assert!(off.abs() < 5.0, "{what}: {off} sigma off");
}
