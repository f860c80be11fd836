//! The rate of a run whose results stop getting better.

use std::collections::BTreeSet;

use runner::config::{LANGUAGE, Rule};
use runner::train::plateau::rate_after;
use serde::Deserialize;

use super::{assert_all_tried, cases, experiment};

#[derive(Deserialize)]
struct Case {
    schedule: String,
    learning_rate: f64,
    values: Vec<f64>,
    rates: Vec<f64>,
}

#[test]
fn plateaus_are_pytorchs() {
    let layers = "[\"flatten\", { linear = { out_features = 2 } }]";
    for case in cases::<Case>("plateau.json") {
        let lines = format!("schedule.{}", case.schedule);
        let experiment = experiment([1, 1, 1], layers, &lines);
        let Some(Rule::ReduceOnPlateau(rule)) = experiment.schedule.unwrap().rule else {
            panic!("{} is no plateau", case.schedule)
        };
        for (epoch, theirs) in case.rates.iter().enumerate() {
            let before = case.values[..epoch].iter().copied();
            let ours = rate_after(&rule, case.learning_rate, before);
            assert!(
                (ours - theirs).abs() <= 1e-12,
                "epoch {} of {}: {ours} and not {theirs}",
                epoch + 1,
                case.schedule
            );
        }
    }
}

/// PyTorch's best is infinitely bad before the first measurement, and no comparison with NaN is true.
// Seen red with a leading NaN taken for the best, which nothing is better than.
#[test]
fn nan_is_never_the_best() {
    let layers = "[\"flatten\", { linear = { out_features = 2 } }]";
    let rate = |monitor: &str, values: &[f64]| {
        let rule = format!("{{ monitor = \"{monitor}\", patience = 1, factor = 0.5 }}");
        let lines = format!("schedule.reduce_on_plateau = {rule}");
        let experiment = experiment([1, 1, 1], layers, &lines);
        let Some(Rule::ReduceOnPlateau(rule)) = experiment.schedule.unwrap().rule else {
            panic!("{lines} is no plateau")
        };
        rate_after(&rule, 1.0, values.iter().copied())
    };
    let improving = [f64::NAN, 5.0, 4.0, 3.0, 2.0];
    assert_eq!(rate("eval_loss", &improving), 1.0);
    let improving = [f64::NAN, 0.1, 0.2, 0.3, 0.4];
    assert_eq!(rate("eval_accuracy", &improving), 1.0);
    assert_eq!(rate("eval_loss", &[f64::NAN, f64::NAN, 5.0]), 0.5);
    assert_eq!(rate("eval_loss", &[2.0, f64::NAN, 1.0, f64::NAN]), 1.0);
}

/// The curves themselves are compared in `schedule.rs`, those of plateaus above.
#[test]
fn every_rule_of_a_schedule_has_a_curve_of_pytorch() {
    #[derive(Deserialize)]
    struct Curve {
        schedule: String,
    }
    let curves = [cases::<Curve>("schedules.json"), cases("plateau.json")];
    let texts: BTreeSet<String> = curves.into_iter().flatten().map(|it| it.schedule).collect();
    let keys = LANGUAGE.walk();
    let of_schedules = keys
        .iter()
        .filter(|(path, _)| path.starts_with("schedule."));
    // Better is up or down by what is watched.
    let tried = of_schedules.filter(|(_, key)| key.name != "mode");
    assert_all_tried(tried.map(|(_, key)| key.name), 1, &texts);
}
