//! Checkpoints: what is written comes back to the bit, what is damaged is found, what is kept is what the policy says.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use runner::array::{self, Array, Arrays, Values};
use runner::config::Metrics;
use runner::data::Batch;
use runner::digest;
use runner::kernels::Buffer;
use runner::metrics::{Mode, Scored};
use runner::optimizer::Optimizer;
use runner::random::{Purpose, stream};
use runner::run_dir::{
    Checkpoint, FORMAT, Phase, Position, RankedCheckpoint, Retention, State, WrittenAt, superfluous,
};

use crate::by_hand::{Trainer, experiment};
use crate::support::TINY;

proptest! {
    #[test]
    fn a_checkpoint_comes_back_to_the_bit(arrays in arrays(), position in position()) {
        let mut checkpoint = small();
        checkpoint.arrays = arrays;
        checkpoint.state.position = position;
        let bytes = checkpoint.encode();
        let (decoded, digest) = Checkpoint::decode(&bytes).unwrap();
        prop_assert_eq!(digest, checkpoint.digest());
        prop_assert_eq!(&decoded, &checkpoint);
        for (name, array) in &checkpoint.arrays {
            prop_assert_eq!(bits(&decoded.arrays[name]), bits(array));
        }
        prop_assert_eq!(decoded.encode(), bytes);
    }
}

/// Red with a digest over less than every array; and without the comparison of the bytes, for the
/// letter of an escape may be small or large.
#[test]
fn every_flipped_bit_is_found() {
    let bytes = small().encode();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << bit;
            assert!(
                Checkpoint::decode(&flipped).is_err(),
                "byte {index}, bit {bit}"
            );
        }
    }
}

#[test]
fn every_cut_is_found() {
    let bytes = small().encode();
    for length in 0..bytes.len() {
        assert!(
            Checkpoint::decode(&bytes[..length]).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn a_byte_more_is_found() {
    let bytes = small().encode();
    for byte in [0, b' ', b'}', 255] {
        let longer = [bytes.as_slice(), &[byte]].concat();
        assert!(Checkpoint::decode(&longer).is_err(), "{byte}");
    }
}

/// Red without the comparison of the bytes.
#[test]
fn other_bytes_that_mean_the_same_are_found() {
    let mut bytes = small().encode();
    let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    assert_eq!(bytes[end - 1], b' ', "the header has no space at its end");
    bytes[end - 1] = b'\n';
    assert!(Checkpoint::decode(&bytes).is_err());
}

/// What another program has written, or this one for something else, is told apart from damage.
#[test]
fn a_safetensors_file_of_another_program_is_no_checkpoint() {
    let views = [(
        "a",
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &[0; 4]).unwrap(),
    )];
    let bytes = safetensors::serialize(views, None).unwrap();
    let damage = Checkpoint::decode(&bytes).unwrap_err();
    assert_eq!(damage.to_string(), "it has no `runner` metadata");
}

#[test]
fn file_names_sort_in_the_order_of_writing() {
    let at = |phase, step, batch| Position {
        step,
        phase,
        batch,
        ..Position::start(2, &METRICS)
    };
    use Phase::{Evaluation, Training};
    let names: Vec<String> = [
        at(Training, 0, 0),
        at(Training, 99, 4),
        at(Evaluation, 100, 0),
        at(Evaluation, 100, 3),
        at(Evaluation, 100, 10),
        at(Evaluation, 100, 12_345),
        at(Training, 100, 0),
        at(Training, 101, 1),
        at(Training, 99_999_999, 5),
        at(Evaluation, 100_000_000, 0),
        at(Training, 100_000_000, 0),
    ]
    .iter()
    .map(Position::file_name)
    .collect();
    let orders: Vec<WrittenAt> = names
        .iter()
        .map(|name| WrittenAt::of_file_name(name).unwrap())
        .collect();
    assert!(orders.is_sorted_by(|a, b| a < b), "{names:?}: {orders:?}");
    for other in [
        "",
        "notes.txt",
        "damaged",
        ".tmp-step-00000100.safetensors",
        "step-.safetensors",
        "step-00000100.safetensors.1",
        "step-00000100-eval-.safetensors",
        "step-latest.safetensors",
    ] {
        assert_eq!(WrittenAt::of_file_name(other), None, "{other}");
    }
}

proptest! {
    /// A checkpoint stays if it is among the newest, or fewer than `keep_best` others are better;
    /// of equals the earlier is. Few values, so that there are many equals.
    #[test]
    fn the_newest_and_the_best_stay(
        values in vec(prop_oneof![
            Just(None),
            Just(Some(f64::NAN)),
            Just(Some(f64::INFINITY)),
            (0..5u8).prop_map(|value| Some(f64::from(value) / 4.0)),
        ], 0..12),
        keep_last in 2..6usize,
        keep_best in 0..5usize,
        highest: bool,
    ) {
        let checkpoints: Vec<RankedCheckpoint> = (1..)
            .zip(&values)
            .map(|(step, value)| RankedCheckpoint {
                file_name: format!("step-{step:08}.safetensors"),
                value: *value,
            })
            .collect();
        let mode = if highest { Mode::Max } else { Mode::Min };
        let retention = Retention { keep_last, keep_best, mode };
        let better = |(i, a): (usize, Option<f64>), (j, b): (usize, Option<f64>)| match (a, b) {
            (Some(a), Some(b)) if a != b => !a.is_nan() && (b.is_nan() || (a > b) == highest),
            (Some(a), Some(_)) => !a.is_nan() && i < j,
            (a, b) => b.is_none() && a.is_some_and(|a| !a.is_nan()),
        };
        let ranked = || values.iter().copied().enumerate();
        let expected: Vec<String> = ranked()
            .filter(|(index, _)| index + keep_last < values.len())
            .filter(|one| {
                let worthless = one.1.is_none_or(f64::is_nan);
                worthless || ranked().filter(|other| better(*other, *one)).count() >= keep_best
            })
            .map(|(index, _)| checkpoints[index].file_name.clone())
            .collect();
        prop_assert_eq!(superfluous(&checkpoints, retention), expected);
    }
}

#[test]
fn parameters_that_do_not_fit_are_named() {
    let trainer = Trainer::new(experiment(TINY, &[]));
    let parameters = trainer.network.parameters();
    let load = |change: &dyn Fn(&mut Arrays)| {
        let mut changed = parameters.clone();
        change(&mut changed);
        trainer.network.clone().with_parameters(&changed).err()
    };
    assert_eq!(load(&|_| {}), None);
    assert_eq!(
        load(&|arrays| drop(arrays.remove("layers.1.bias"))).unwrap(),
        "parameter `layers.1.bias` is missing"
    );
    assert_eq!(
        load(&|arrays| drop(arrays.insert("layers.2.weight".to_owned(), Array::scalar(1))))
            .unwrap(),
        "the network has no parameter `layers.2.weight`"
    );
    let shape = |arrays: &mut Arrays, shape: &[usize]| {
        arrays.get_mut("layers.1.weight").unwrap().shape = shape.to_vec();
    };
    // The right number of numbers, so that only the shape tells.
    assert_eq!(
        load(&|arrays| shape(arrays, &[3, 1, 9, 1])).unwrap(),
        "parameter `layers.1.weight` has shape [3, 1, 9, 1], but the network's has [3, 1, 3, 3]"
    );
    let whole_numbers = Values::I64(vec![0; 3]);
    let message = load(&|arrays| {
        arrays.get_mut("layers.1.bias").unwrap().values = whole_numbers.clone();
    });
    assert_eq!(
        message.unwrap(),
        "parameter `layers.1.bias` has integers, but the network's has floats"
    );
}

#[test]
fn optimizer_state_that_does_not_fit_is_named() {
    let mut trainer = Trainer::new(experiment(TINY, &[]));
    train(&mut trainer, 2);
    let state = trainer.optimizer.state(&trainer.network);
    let load = |change: &dyn Fn(&mut Arrays)| {
        let mut changed = state.clone();
        change(&mut changed);
        let mut optimizer = Optimizer::new(
            &trainer.experiment.optimizer,
            &trainer.experiment.training.groups,
        );
        let result = optimizer.load_state(&trainer.network, &changed);
        let loaded = optimizer.state(&trainer.network);
        match result {
            Ok(()) => assert_eq!(loaded, changed),
            Err(_) => assert!(
                loaded.is_empty(),
                "a state that does not fit was taken over"
            ),
        }
        result.err()
    };
    assert_eq!(load(&|_| {}), None);
    assert_eq!(
        load(&|arrays| arrays.clear()),
        None,
        "before the first step"
    );
    let missing = "the optimizer state of parameter `layers.5.weight` is missing or misshapen";
    let all_of_one =
        |arrays: &mut Arrays| arrays.retain(|name, _| !name.ends_with(".layers.5.weight"));
    assert_eq!(load(&all_of_one).unwrap(), missing);
    let of_one: Vec<&String> = state
        .keys()
        .filter(|name| name.ends_with(".layers.5.weight"))
        .collect();
    assert!(of_one.len() > 1);
    for name in of_one {
        assert_eq!(
            load(&|arrays| drop(arrays.remove(name))).unwrap(),
            missing,
            "{name}"
        );
        let misshapen = |arrays: &mut Arrays| arrays.get_mut(name).unwrap().shape.insert(0, 1);
        assert_eq!(load(&misshapen).unwrap(), missing, "{name}");
    }
    for name in ["time.layers.2.weight", "a.layers.5.weight", "z"] {
        assert_eq!(
            load(&|arrays| drop(arrays.insert(name.to_owned(), Array::scalar(1)))).unwrap(),
            format!("the optimizer has no state `{name}`")
        );
    }
}

/// Red if the count of steps is not kept.
#[test]
fn going_on_from_saved_state_is_going_on() {
    let mut trainer = Trainer::new(experiment(TINY, &["optimizer.adam.weight_decay=0.01"]));
    train(&mut trainer, 3);
    // Begun from other values, so that none of the first can be left.
    let mut other = Trainer::new(experiment(
        TINY,
        &["optimizer.adam.weight_decay=0.01", "seed=2"],
    ));
    other.experiment = trainer.experiment.clone();
    other.step = trainer.step;
    let parameters = saved(trainer.network.parameters());
    other.network = other.network.with_parameters(&parameters).unwrap();
    let state = saved(trainer.optimizer.state(&trainer.network));
    other.optimizer.load_state(&other.network, &state).unwrap();
    assert_eq!(digest_of(&trainer), digest_of(&other));

    let before = digest_of(&trainer);
    train(&mut trainer, 1);
    train(&mut other, 1);
    assert_ne!(digest_of(&trainer), before);
    assert_eq!(digest_of(&trainer), digest_of(&other));
}

/// Names and shapes with their lengths, so that no two sets of arrays are taken for one.
#[test]
fn the_digest_of_arrays_covers_names_types_shapes_and_values() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest::of("abc").hex(), abc);
    let array = |shape: &[usize], values| Array {
        shape: shape.to_vec(),
        values,
    };
    let arrays = Arrays::from([
        ("b".to_owned(), array(&[], Values::I64(vec![-2]))),
        ("a".to_owned(), array(&[1, 2], Values::F32(vec![1.0, -0.0]))),
    ]);
    let number = |number: u64| number.to_le_bytes().to_vec();
    let first = [
        &number(1),
        b"aF32".as_slice(),
        &number(2),
        &number(1),
        &number(2),
    ]
    .concat();
    let first = [first, vec![0, 0, 0x80, 0x3f, 0, 0, 0, 0x80]].concat();
    let second = [
        &number(1),
        b"bI64".as_slice(),
        &number(0),
        &number(-2i64 as u64),
    ]
    .concat();
    let expected = digest::of([first, second].concat());
    assert_eq!(array::digest(&arrays).hex(), expected.hex());
}

/// Trains on so many batches of noise.
fn train(trainer: &mut Trainer, steps: usize) {
    for _ in 0..steps {
        let mut stream = stream(1, Purpose::Shuffle, trainer.step, 0);
        let mut images = Buffer::take(5 * 784);
        images.fill_with(|| stream.symmetric(1.0));
        trainer.train(&Batch {
            images,
            labels: (0..5).map(|_| stream.below(10) as u32).collect(),
            mixed: Vec::new(),
        });
    }
}

/// Over the bits of all parameters and optimizer state.
fn digest_of(trainer: &Trainer) -> String {
    let mut all = trainer.network.parameters();
    all.extend(trainer.optimizer.state(&trainer.network));
    array::digest(&all).hex()
}

/// The bits of the values; as numbers, 0.0 equals -0.0.
fn bits(array: &Array) -> Vec<i64> {
    match &array.values {
        Values::F32(values) => values
            .iter()
            .map(|value| i64::from(value.to_bits()))
            .collect(),
        Values::I64(values) => values.clone(),
    }
}

/// Arrays that have been through a file.
fn saved(arrays: Arrays) -> Arrays {
    let mut checkpoint = small();
    checkpoint.arrays = arrays;
    Checkpoint::decode(&checkpoint.encode()).unwrap().0.arrays
}

/// With everything a checkpoint may have, in a few hundred bytes.
fn small() -> Checkpoint {
    let mut position = Position::start(2, &METRICS);
    position.train.add(0.1 + 0.2, [(0, 1), (1, 1)].into_iter());
    let floats = |shape: &[usize], values: &[f32]| Array {
        shape: shape.to_vec(),
        values: Values::F32(values.to_vec()),
    };
    Checkpoint {
        state: State {
            format: FORMAT,
            run_id: "20260101-000000-tiny-abcd".to_owned(),
            config_digest: "01234".to_owned(),
            data_digest: "4567".to_owned(),
            class_names: vec!["cat".to_owned(), "dog".to_owned()],
            position,
            metrics: "epoch,\"step\"\n1,2\n\u{1f}".to_owned(),
            previous: Some("89ab".to_owned()),
        },
        arrays: Arrays::from([
            (
                "model.layers.0.bias".to_owned(),
                floats(&[2], &[-0.0, 1e-45]),
            ),
            (
                "model.layers.0.weight".to_owned(),
                floats(&[1, 3], &[1.5, -2.0, 0.0]),
            ),
            ("optimizer.time.layers.0.bias".to_owned(), Array::scalar(3)),
        ]),
    }
}

fn arrays() -> impl Strategy<Value = Arrays> {
    btree_map("[a-z0-9._]{1,12}|\\PC{0,6}", array(), 0..6)
}

/// Of up to three dimensions, some of them empty, with every kind of float that is a number.
fn array() -> impl Strategy<Value = Array> {
    use proptest::num::f32::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let float = POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO | INFINITE;
    vec(0..4usize, 0..4).prop_flat_map(move |shape| {
        let length: usize = shape.iter().product();
        let values = prop_oneof![
            vec(float, length).prop_map(Values::F32),
            vec(any::<i64>(), length).prop_map(Values::I64),
        ];
        values.prop_map(move |values| Array {
            shape: shape.clone(),
            values,
        })
    })
}

/// With sums of losses of any bits, as they are kept: NaN is left out, because it equals nothing.
fn position() -> impl Strategy<Value = Position> {
    let losses = vec(-1e300..1e300f64, 0..3);
    (
        any::<u64>(),
        any::<u64>(),
        any::<u64>(),
        any::<bool>(),
        losses,
    )
        .prop_map(|(epoch, step, batch, training, losses)| {
            let mut position = Position {
                epoch,
                step,
                phase: if training {
                    Phase::Training
                } else {
                    Phase::Evaluation
                },
                batch,
                ..Position::start(3, &METRICS)
            };
            for loss in losses {
                position.train.add(loss, [(2, 1)].into_iter());
                position
                    .eval
                    .add(loss / 3.0, &[scored(0, 0, 0.9), scored(1, 2, 0.4)]);
            }
            position
        })
}

const METRICS: Metrics = Metrics {
    top_k: 2,
    calibration_bins: 3,
};

fn scored(label: u32, prediction: u32, confidence: f64) -> Scored {
    Scored {
        label,
        prediction,
        confidence,
        rank: u32::from(label != prediction),
        loss: 0.5,
    }
}
