//! Which points a search tries.

use std::collections::BTreeSet;

use super::{all_are_as_alone, alone, column, of_trial, run, sandbox, sweep, trials, write};
use crate::support::Sandbox;

/// The values of each trial that a search would try.
fn drawn(sandbox: &Sandbox, search: &str, parameters: &str) -> Vec<Vec<String>> {
    write(
        sandbox,
        &format!("[parameters]\n{parameters}\n[search]\n{search}\n"),
    );
    let told = sweep(sandbox, &["run", "s.toml", "--dry-run"]).success();
    assert!(!sandbox.path("experiments").exists());
    let rows = told.stdout.lines().skip(1).filter(|it| {
        let first = it.split_whitespace().next();
        first.is_some_and(|it| it.parse::<usize>().is_ok())
    });
    let rows = rows.map(|row| {
        let cells: Vec<String> = row.split_whitespace().map(str::to_owned).collect();
        // Between the numbers of trial and point, and seed and epochs.
        cells[2..cells.len() - 2].to_vec()
    });
    rows.collect()
}

fn numbers(points: &[Vec<String>], parameter: usize) -> Vec<f64> {
    let cells = points.iter().map(|point| &point[parameter]);
    cells.map(|cell| cell.parse().unwrap()).collect()
}

const THREE: &str = "\"training.learning_rate\" = { uniform = [1.0, 2.0] }\n\
                     \"training.batch_size\" = { int_uniform = [1, 60] }\n\
                     \"metrics.top_k\" = { int_uniform = [1, 3] }";

// Seen red with the last parameter slowest.
#[test]
fn a_grid_has_every_combination_the_first_key_slowest_and_seeds_fastest() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\
         \"training.learning_rate\" = { values = [1e-2, 3e-3] }\n\
         \"training.batch_size\" = { values = [10, 20, 30] }\n\
         seeds = [7, 5]\n",
    );
    let folder = run(&sandbox, &[]);
    let rows = trials(&folder);
    let order: Vec<[&str; 4]> = rows
        .iter()
        .map(|row| {
            [
                "point",
                "training.learning_rate",
                "training.batch_size",
                "seed",
            ]
            .map(|name| row[name].as_str())
        })
        .collect();
    let expected = [
        ["1", "0.01", "10", "7"],
        ["1", "0.01", "10", "5"],
        ["2", "0.01", "20", "7"],
        ["2", "0.01", "20", "5"],
        ["3", "0.01", "30", "7"],
        ["3", "0.01", "30", "5"],
        ["4", "0.003", "10", "7"],
        ["4", "0.003", "10", "5"],
        ["5", "0.003", "20", "7"],
        ["5", "0.003", "20", "5"],
        ["6", "0.003", "30", "7"],
        ["6", "0.003", "30", "5"],
    ];
    assert_eq!(order, expected);
    let numbers: Vec<String> = (1..=12).map(|number: usize| number.to_string()).collect();
    assert_eq!(column(&folder, "trial"), numbers);
    assert_eq!(column(&folder, "status"), ["finished"; 12]);
    assert_eq!(rows[4]["run_directory"], "trials/s-005");
    all_are_as_alone(&sandbox, &folder);
}

// Seen red with draws that follow from the number of trials.
#[test]
fn a_longer_list_of_drawn_points_begins_with_the_shorter_one_and_the_seed_changes_it() {
    let sandbox = sandbox();
    for name in ["random", "sobol"] {
        let draw = |trials: usize, seed: u64| {
            let search = format!("{name} = {{ trials = {trials}, seed = {seed} }}");
            drawn(&sandbox, &search, THREE)
        };
        let short = draw(9, 0);
        let long = draw(40, 0);
        assert_eq!(short, long[..9], "{name}");
        assert_eq!(long, draw(40, 0), "{name}");
        assert_ne!(short, draw(9, 1), "{name}");
        let different: BTreeSet<_> = long.iter().collect();
        assert_eq!(different.len(), 40, "{name}");
    }
}

/// Of the first 2^k points of a Sobol sequence each interval of length 1/2^k has exactly one in each dimension, and
/// the first two dimensions have one in each box of 1/4 by 1/2^(k-2), and so on (a (0, 2)-sequence in base 2).
/// Scrambling keeps both. Seen red with random points.
#[test]
fn sobol_points_are_stratified() {
    let sandbox = sandbox();
    let ranges = "\"training.learning_rate\" = { uniform = [1.0, 2.0] }\n\
                  \"optimizer.sgd.momentum\" = { uniform = [0.0, 0.5] }\n\
                  \"optimizer.sgd.weight_decay\" = { uniform = [0.0, 1.0] }";
    for (seed, power) in [(0, 4), (1, 5), (2, 6), (123_456_789_012_u64, 4)] {
        let count = 1_usize << power;
        let search = format!("sobol = {{ trials = {count}, seed = {seed} }}");
        let points = drawn(&sandbox, &search, ranges);
        assert_eq!(points.len(), count);
        let unit = |dimension: usize| -> Vec<f64> {
            let numbers = numbers(&points, dimension).into_iter();
            match dimension {
                0 => numbers.map(|it| it - 1.0).collect(),
                1 => numbers.map(|it| it * 2.0).collect(),
                _ => numbers.collect(),
            }
        };
        for dimension in 0..3 {
            let hit: BTreeSet<usize> = unit(dimension)
                .iter()
                .map(|it| (it * count as f64) as usize)
                .collect();
            assert_eq!(hit.len(), count, "seed {seed}, dimension {dimension}");
        }
        let (first, second) = (unit(0), unit(1));
        for across in 0..=power {
            let (columns, rows) = (1 << across, count >> across);
            let boxes = first.iter().zip(&second);
            let boxes: BTreeSet<(usize, usize)> = boxes
                .map(|(x, y)| ((x * columns as f64) as usize, (y * rows as f64) as usize))
                .collect();
            assert_eq!(boxes.len(), count, "seed {seed}, {columns} by {rows}");
        }
    }
}

// Seen red with a logarithmic range that is drawn as a plain one.
#[test]
fn ranges_are_drawn_as_they_say() {
    let sandbox = sandbox();
    let log = "\"training.learning_rate\" = { log_uniform = [1e-4, 1e-1] }";
    let rates = numbers(&drawn(&sandbox, "random = { trials = 600 }", log), 0);
    for decade in [1e-4, 1e-3, 1e-2] {
        let inside = rates.iter().filter(|rate| {
            let ratio = **rate / decade;
            (1.0..10.0).contains(&ratio)
        });
        let inside = inside.count();
        // Of 600 draws 200 are expected, give or take 12.
        assert!((150..=250).contains(&inside), "{decade}: {inside}");
    }
    let whole = "\"training.batch_size\" = { int_uniform = [3, 6] }\n\
                 \"training.learning_rate\" = { uniform = [1, 2] }";
    let sizes = numbers(&drawn(&sandbox, "random = { trials = 80 }", whole), 0);
    for size in 3..=6 {
        let count = sizes.iter().filter(|it| **it == f64::from(size)).count();
        assert!((8..=34).contains(&count), "{size}: {count}");
    }
    assert!(sizes.iter().all(|it| (3.0..=6.0).contains(it)));
    let small = "\"training.batch_size\" = { log_int = [1, 60] }\n\
                 \"training.learning_rate\" = { uniform = [1, 2] }";
    let sizes = numbers(&drawn(&sandbox, "random = { trials = 200 }", small), 0);
    assert!(sizes.iter().all(|it| (1.0..=60.0).contains(it)));
    // Half of the logarithm of 61 is that of 7.8: as many below as above.
    let below = sizes.iter().filter(|it| **it < 8.0).count();
    assert!((70..=130).contains(&below), "{below}");
}

/// A search by points that are few enough tries all of them.
#[test]
fn points_are_drawn_once_each() {
    let sandbox = sandbox();
    let few = "\"training.batch_size\" = { int_uniform = [5, 7] }\n\
               \"metrics.top_k\" = { values = [1, 2] }";
    for name in ["random", "sobol"] {
        let points = drawn(&sandbox, &format!("{name} = {{ trials = 6 }}"), few);
        let different: BTreeSet<_> = points.iter().collect();
        assert_eq!(different.len(), 6, "{name}");
    }
}

// Seen red with a key that is not set, and is left out, told as a mistake.
#[test]
fn a_key_that_the_experiment_has_not_can_be_left_out() {
    let sandbox = sandbox();
    let schedules = "\"schedule\" = { values = [{ unset = true }, { cosine = {} }] }";
    write(&sandbox, &format!("[parameters]\n{schedules}\n"));
    let folder = run(&sandbox, &[]);
    assert_eq!(column(&folder, "schedule")[0], "{ unset = true }");
    for (trial, values) in [(1, vec![]), (2, vec!["schedule.cosine={}".to_owned()])] {
        let found = of_trial(&folder, trial, "metrics.csv");
        assert_eq!(found, alone(&sandbox, &values));
    }
}

// Seen red with the parts of a pair in the other order.
#[test]
fn tables_pairs_and_missing_keys_are_values() {
    let sandbox = sandbox();
    let tiny =
        sandbox.read("tiny.toml") + "\n[early_stop]\nmonitor = \"eval_loss\"\npatience = 1\n";
    sandbox.write("tiny.toml", tiny);
    write(
        &sandbox,
        "[parameters]\n\
         \"optimizer\" = { values = [\"adam\", { sgd = { momentum = 0.9 } }] }\n\
         \"training.batch_size, training.learning_rate\" = { values = [[10, 1e-3], [30, 3e-3]] }\n\
         \"early_stop\" = { values = [{ patience = 2 }, { unset = true }] }\n",
    );
    let folder = run(&sandbox, &[]);
    let rows = trials(&folder);
    assert_eq!(rows.len(), 8);
    let pairs: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["training.batch_size"].as_str(),
                row["training.learning_rate"].as_str(),
            )
        })
        .collect();
    let expected = [
        ("10", "0.001"),
        ("10", "0.001"),
        ("30", "0.003"),
        ("30", "0.003"),
    ];
    assert_eq!(pairs, [expected, expected].concat());
    let resolved = |trial: usize| of_trial(&folder, trial, "resolved.toml");
    assert!(resolved(1).contains("[early_stop]"), "{}", resolved(1));
    assert!(!resolved(2).contains("[early_stop]"), "{}", resolved(2));
    assert!(resolved(5).contains("momentum = 0.9"), "{}", resolved(5));
    all_are_as_alone(&sandbox, &folder);
}

/// `[parameters.training]` as well as keys in quotes. Seen red where only quotes are read.
#[test]
fn keys_may_be_written_as_tables() {
    let sandbox = sandbox();
    let quoted = "\"training.learning_rate\" = { log_uniform = [1e-4, 1e-1] }\n\
                  \"training.batch_size\" = { values = [10, 20] }";
    let tables = "training.learning_rate.log_uniform = [1e-4, 1e-1]\n\
                  [parameters.training.batch_size]\nvalues = [10, 20]";
    let search = "random = { trials = 5 }";
    assert_eq!(
        drawn(&sandbox, search, tables),
        drawn(&sandbox, search, quoted)
    );
}
