//! Every number against scipy and statsmodels (tests/fixtures/statistics.py), and what is right where those are not.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers as well"
)]

use std::path::Path;

use runner_metrics::ConfusionMatrix;
use runner_random::{Purpose, stream};
use runner_statistics::Refusal;
use runner_statistics::agreement::McNemar;
use runner_statistics::bootstrap::{self, Pair};
use runner_statistics::means::{TTest, paired, welch};
use runner_statistics::several::holm;
use runner_statistics::summary::Summary;
use serde_json::Value;

fn cases(kind: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/statistics.json");
    let text = std::fs::read_to_string(path).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    let values = case[key].as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap()).collect()
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

#[track_caller]
fn assert_near(ours: f64, theirs: f64, what: &str) {
    let error = (ours - theirs).abs() / theirs.abs().max(f64::MIN_POSITIVE);
    assert!(error < 1e-9, "{what}: {ours} and {theirs}");
}

#[track_caller]
fn assert_same_test(ours: TTest, case: &Value) {
    assert_near(ours.p, number(case, "p"), "p");
    assert_near(ours.t, number(case, "t"), "t");
    assert_near(ours.degrees, number(case, "df"), "degrees of freedom");
    let ends = [
        ours.difference - ours.interval,
        ours.difference + ours.interval,
    ];
    for (end, theirs) in ends.into_iter().zip(["low", "high"]) {
        let error = (end - number(case, theirs)).abs();
        assert!(error < 1e-9 * ours.interval, "{theirs}: {end} and {case}");
    }
}

#[test]
fn welchs_test_is_scipys() {
    for case in cases("welch") {
        let test = welch(&numbers(&case, "a"), &numbers(&case, "b")).unwrap();
        assert_same_test(test, &case);
    }
}

#[test]
fn the_paired_test_is_scipys() {
    for case in cases("paired") {
        let test = paired(&numbers(&case, "a"), &numbers(&case, "b")).unwrap();
        assert_same_test(test, &case);
    }
}

#[test]
fn intervals_of_means_are_scipys() {
    for case in cases("summary") {
        let summary = Summary::new(&numbers(&case, "values")).unwrap();
        assert_near(summary.mean, number(&case, "mean"), "mean");
        assert_near(summary.sd.unwrap(), number(&case, "sd"), "sd");
        let interval = summary.interval().unwrap();
        let theirs = (number(&case, "high") - number(&case, "low")) / 2.0;
        // Theirs is the difference of two numbers near 0.9.
        assert!(
            (interval - theirs).abs() < 1e-9 * theirs.max(1e-6),
            "{interval} and {theirs}"
        );
    }
}

#[test]
fn mcnemars_test_is_statsmodels() {
    for case in cases("mcnemar") {
        let [b, c] = ["b", "c"].map(|key| case[key].as_u64().unwrap());
        let test = McNemar::new(b, c);
        assert_near(test.p, number(&case, "p"), &format!("{b} against {c}"));
        assert_near(
            test.mid_p,
            number(&case, "mid_p"),
            &format!("mid-p of {b} against {c}"),
        );
    }
}

#[test]
fn holms_correction_is_statsmodels() {
    for case in cases("holm") {
        let corrected = holm(&numbers(&case, "p"));
        for (ours, theirs) in corrected.iter().zip(numbers(&case, "corrected")) {
            assert_near(*ours, theirs, "corrected p");
        }
    }
}

/// scipy gives NaN or 0 for these, statsmodels NaN or 0 with its default correction.
#[test]
fn what_does_not_vary_is_no_difference_or_no_test() {
    let equal = welch(&[0.9, 0.9], &[0.9, 0.9, 0.9]).unwrap();
    assert_eq!((equal.difference, equal.p, equal.effect), (0.0, 1.0, 0.0));
    let equal = paired(&[0.91, 0.92], &[0.91, 0.92]).unwrap();
    assert_eq!((equal.difference, equal.p), (0.0, 1.0));
    assert_eq!(welch(&[0.9; 3], &[0.8; 3]), Err(Refusal::NoVariation));
    assert_eq!(paired(&[0.9; 3], &[0.8; 3]), Err(Refusal::NoVariation));
    let by_a_tenth = paired(&[0.95, 0.93, 0.91], &[0.85, 0.83, 0.81]);
    assert_eq!(by_a_tenth, Err(Refusal::NoVariation), "beyond rounding");
    assert_eq!(welch(&[0.9], &[0.8, 0.7]), Err(Refusal::Single));
    assert_eq!(paired(&[0.9], &[0.8]), Err(Refusal::Single));
    assert_eq!(
        Summary::new(&[0.3]).unwrap().interval(),
        Err(Refusal::Single)
    );
    assert_eq!(Summary::new(&[0.1; 3]).unwrap().interval(), Ok(0.0));
    assert_eq!(Summary::new(&[]), None);
    let agree = McNemar::new(0, 0);
    assert_eq!((agree.p, agree.mid_p, agree.odds()), (1.0, 1.0, None));
    assert_eq!(McNemar::new(5, 5).p, 1.0);
}

/// Images that both classifiers get right or wrong, by chance: accuracies of 0.9 and 0.88.
fn random_pairs(count: u64) -> Vec<Pair> {
    let mut random = stream(3, Purpose::Synthetic, 0, 0);
    let mut said = |label: u32, right: f64| match random.unit() < right {
        true => label,
        false => (label + 1) % 10,
    };
    (0..count as u32)
        .map(|image| {
            let label = image % 10;
            Pair {
                label,
                first: said(label, 0.9),
                second: said(label, 0.88),
            }
        })
        .collect()
}

/// The interval of an accuracy's difference is known: that of the mean of numbers that are 1, 0 or -1.
#[test]
fn the_bootstrap_has_the_width_of_the_normal_interval() {
    let pairs = random_pairs(4000);
    let outcome = bootstrap::paired(&pairs, 10, ConfusionMatrix::accuracy, 4000, 1);
    let values: Vec<f64> = pairs
        .iter()
        .map(|pair| f64::from(pair.first == pair.label) - f64::from(pair.second == pair.label))
        .collect();
    let summary = Summary::new(&values).unwrap();
    assert_near(outcome.difference, summary.mean, "difference");
    let reach = 1.96 * summary.sd.unwrap() / (values.len() as f64).sqrt();
    let [low, high] = [
        outcome.difference - outcome.low,
        outcome.high - outcome.difference,
    ];
    for side in [low, high] {
        assert!((side / reach - 1.0).abs() < 0.06, "{side} and {reach}");
    }
}

#[test]
fn the_bootstrap_follows_from_its_seed_on_any_number_of_threads() {
    let pairs = random_pairs(500);
    let run = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| bootstrap::paired(&pairs, 10, ConfusionMatrix::macro_f1, 200, seed))
    };
    assert_eq!(run(1, 5), run(3, 5));
    assert_ne!(run(1, 5), run(1, 6));
    let same: Vec<Pair> = pairs
        .iter()
        .map(|pair| Pair {
            second: pair.first,
            ..*pair
        })
        .collect();
    let none = bootstrap::paired(&same, 10, ConfusionMatrix::macro_f1, 100, 1);
    assert_eq!((none.difference, none.low, none.high), (0.0, 0.0, 0.0));
}
