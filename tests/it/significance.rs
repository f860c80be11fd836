//! Whether runs differ by more than chance: groups of seeds, tests, flips, and where two runs part.

use std::fs;

use serde_json::Value;

use crate::support::Sandbox;

fn json(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// Label and prediction of each image in a run's predictions.csv.
fn said(sandbox: &Sandbox, run: &str) -> Vec<(String, String, String)> {
    let text = sandbox.read(&format!("{run}/predictions.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| row.unwrap());
    rows.map(|row| (row[0].to_owned(), row[2].to_owned(), row[4].to_owned()))
        .collect()
}

fn last_accuracy(sandbox: &Sandbox, run: &str) -> f64 {
    let rows = said(sandbox, run);
    let right = rows
        .iter()
        .filter(|(_, label, prediction)| label == prediction)
        .count();
    right as f64 / rows.len() as f64
}

#[test]
fn runs_that_differ_in_the_seed_alone_are_one_group() {
    let sandbox = Sandbox::new();
    let mut runs = Vec::new();
    for rate in ["1e-2", "1e-4"] {
        for seed in 1..=3 {
            let overrides = [
                format!("seed={seed}"),
                format!("training.learning_rate={rate}"),
            ];
            runs.push(sandbox.run_tiny(&[&overrides[0], &overrides[1]]));
        }
    }
    let named: Vec<&str> = runs.iter().map(String::as_str).collect();
    let of = |options: &[&str]| {
        let arguments = [&["compare"], &named[..], options].concat();
        sandbox.runner(&arguments).success().stdout
    };
    let groups = json(&of(&["--group-by", "auto", "--json"]));
    assert_eq!(groups.len(), 2);
    for (group, runs) in groups.iter().zip(named.chunks(3)) {
        let values: Vec<f64> = runs
            .iter()
            .map(|run| last_accuracy(&sandbox, run))
            .collect();
        let mean = values.iter().sum::<f64>() / 3.0;
        let sd = (values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
        assert_eq!(group["runs"], 3);
        assert!((group["mean"].as_f64().unwrap() - mean).abs() < 1e-12);
        assert!((group["sd"].as_f64().unwrap() - sd).abs() < 1e-12);
        let reach = 4.302_652_729_911_275 * sd / 3f64.sqrt();
        assert!((group["interval_high"].as_f64().unwrap() - mean - reach).abs() < 1e-9);
    }
    let by_rate = json(&of(&["--group-by", "training.learning_rate", "--json"]));
    assert_eq!(by_rate[1]["group"], "training.learning_rate=0.0001");
    assert_eq!(json(&of(&["--group-by", "none", "--json"])).len(), 6);
    let tests = json(&of(&["--tests", "--json"]));
    assert_eq!(tests.len(), 1);
    assert_eq!(tests[0]["test"], "paired t");
    let difference = groups[1]["mean"].as_f64().unwrap() - groups[0]["mean"].as_f64().unwrap();
    assert!((tests[0]["difference"].as_f64().unwrap() - difference).abs() < 1e-12);
    let text = of(&[]);
    assert!(
        text.contains("runs that differ in the seed alone"),
        "{text}"
    );
    assert!(
        text.contains("over 3 pairs of runs with the same seed; paired t test"),
        "{text}"
    );
    // A seed more on one side is no pair.
    let arguments = [&["compare"], &named[..5], &["--tests", "--json"][..]].concat();
    let uneven = json(&sandbox.runner(&arguments).success().stdout);
    assert_eq!(uneven[0]["test"], "Welch's t");
}

/// The probability of at most `k` heads in `n` throws of a coin, twice.
fn two_sided(k: u64, n: u64) -> f64 {
    let mut term = 0.5f64.powi(n as i32);
    let mut sum = term;
    for heads in 1..=k {
        term *= (n - heads + 1) as f64 / heads as f64;
        sum += term;
    }
    (2.0 * sum).min(1.0)
}

#[test]
fn two_runs_are_tested_image_by_image() {
    let sandbox = Sandbox::new();
    let first = sandbox.run_tiny(&[]);
    let second = sandbox.run_tiny(&["training.learning_rate=1e-5"]);
    let (a, b) = (said(&sandbox, &first), said(&sandbox, &second));
    let is_right = |row: &(String, String, String)| row.1 == row.2;
    let pairs = || a.iter().zip(&b);
    let only_a = pairs().filter(|(a, b)| is_right(a) && !is_right(b)).count() as u64;
    let only_b = pairs().filter(|(a, b)| is_right(b) && !is_right(a)).count() as u64;
    assert!(only_a > only_b, "a run that has learned is better");
    let tests = sandbox
        .runner(&["compare", &first, &second, "--tests", "--json"])
        .success();
    let test = &json(&tests.stdout)[0];
    let p = two_sided(only_a.min(only_b), only_a + only_b);
    assert!(
        (test["p"].as_f64().unwrap() / p - 1.0).abs() < 1e-9,
        "{test} and {p}"
    );
    assert_eq!(test["significant"], if p < 0.05 { "yes" } else { "no" });
    let difference = last_accuracy(&sandbox, &second) - last_accuracy(&sandbox, &first);
    assert!((test["difference"].as_f64().unwrap() - difference).abs() < 1e-12);
    let [low, high] = ["interval_low", "interval_high"].map(|end| test[end].as_f64().unwrap());
    assert!(low < difference && difference < high);

    let flips = sandbox
        .runner(&["compare", &first, &second, "--flips", "--json"])
        .success();
    let flips = json(&flips.stdout);
    let expected: Vec<&str> = [true, false]
        .into_iter()
        .flat_map(|of_first| {
            pairs()
                .filter(move |(a, b)| is_right(a) == of_first && is_right(b) != of_first)
                .map(|(a, _)| a.0.as_str())
        })
        .collect();
    let told: Vec<String> = flips.iter().map(|row| row["index"].to_string()).collect();
    assert_eq!(told, expected);

    let by_f1 = sandbox
        .runner(&[
            "compare", &first, &second, "--tests", "--json", "--by", "eval_f1",
        ])
        .success();
    let by_f1 = &json(&by_f1.stdout)[0];
    assert_eq!(
        (&by_f1["test"], &by_f1["p"]),
        (&"paired bootstrap".into(), &Value::Null)
    );

    // Three runs: two tests, so Holm doubles the smaller p value.
    let third = sandbox.run_tiny(&["training.learning_rate=3e-3"]);
    let three = sandbox
        .runner(&["compare", &first, &second, &third, "--tests", "--json"])
        .success();
    let three = json(&three.stdout);
    let p = |row: &Value, key: &str| row[key].as_f64().unwrap();
    let smaller = three
        .iter()
        .min_by(|a, b| p(a, "p").total_cmp(&p(b, "p")))
        .unwrap();
    assert!((p(smaller, "p_holm") - (2.0 * p(smaller, "p")).min(1.0)).abs() < 1e-12);
}

#[test]
fn equal_runs_do_not_differ() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let again = sandbox.runner(&["reproduce", &run, "-q"]).success().stdout;
    let again = again.trim();
    sandbox
        .runner(&["diff", &run, again])
        .success()
        .stdout_has(&["equal in all 3 epochs that both have"]);
    let tests = sandbox
        .runner(&[
            "compare",
            &run,
            again,
            "--group-by",
            "none",
            "--tests",
            "--json",
        ])
        .success();
    let test = &json(&tests.stdout)[0];
    assert_eq!(
        (&test["difference"], &test["p"], &test["significant"]),
        (&0.0.into(), &1.0.into(), &"no".into())
    );
    let flips = sandbox
        .runner(&["compare", &run, again, "--flips", "--json"])
        .success();
    assert_eq!(json(&flips.stdout).len(), 0);
}

#[test]
fn what_cannot_be_tested_says_why() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    sandbox.cut_data("less", 60, 20);
    let other = sandbox.run_tiny(&["data.path=less"]);
    let tests = |arguments: &[&str]| {
        let arguments = [&["compare"], arguments, &["--tests", "--json"]].concat();
        json(&sandbox.runner(&arguments).success().stdout)[0]["why"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let why = tests(&[&run, &other]);
    assert!(why.contains("evaluated on different images"), "{why}");
    sandbox
        .runner(&["compare", &run, &other, "--flips"])
        .code(2)
        .stderr_has(&["different images"]);
    let why = tests(&[&run, &other, "--by", "eval_loss"]);
    assert!(
        why.contains("eval_loss does not follow from labels"),
        "{why}"
    );
    let file = format!("{run}/metrics.csv");
    fs::copy(sandbox.path(&file), sandbox.path("metrics.csv")).unwrap();
    let why = tests(&[&run, "metrics.csv"]);
    assert!(why.contains("a metrics file on its own"), "{why}");
    let again = sandbox.run_tiny(&["seed=2"]);
    let why = tests(&[&other, &run, &again]);
    assert!(
        why.contains("one run says nothing of how much runs vary"),
        "{why}"
    );
    sandbox
        .runner(&["compare", &run, "--flips"])
        .code(2)
        .stderr_has(&["--flips takes two runs"]);
}

#[test]
fn diff_says_where_two_runs_part() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let longer = sandbox.run_tiny(&["training.epochs=4"]);
    sandbox
        .runner(&["diff", &run, &longer])
        .code(3)
        .stdout_has(&["training.epochs", "equal in all 3 epochs that both have"]);
    let scheduled = sandbox.run_tiny(&["schedule.step={ step_size = 2, gamma = 0.5 }"]);
    let outcome = sandbox.runner(&["diff", &run, &scheduled]).code(3);
    outcome.stdout_has(&[
        "schedule.step.gamma",
        "equal up to epoch 2; they part in epoch 3",
    ]);
    let rows = sandbox
        .runner(&["diff", &run, &scheduled, "--json"])
        .code(3);
    let rows = json(&rows.stdout);
    assert!(
        rows.iter()
            .any(|row| row["what"] == "metrics.csv from epoch 3 on"),
        "{rows:?}"
    );
    sandbox.cut_data("less", 50, 30);
    let other = sandbox.run_tiny(&["data.path=less"]);
    sandbox
        .runner(&["diff", &run, &other])
        .code(3)
        .stdout_has(&["data file 1", "sha256"]);
    sandbox.runner(&["diff", &run, "nothing"]).code(2);
}
