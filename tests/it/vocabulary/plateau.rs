//! The rate of a run whose results stop getting better.

use runner::config::Rule;
use runner::train::plateau::rate_after;
use serde::Deserialize;

use super::{cases, experiment};

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
