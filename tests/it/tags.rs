//! Tags and notes of runs, and which runs lists and comparisons show.

use serde_json::Value;

use crate::support::Sandbox;

/// `run_tiny` of one epoch.
fn run(sandbox: &Sandbox, overrides: &[&str]) -> String {
    sandbox.run_tiny(&[&["training.epochs=1"], overrides].concat())
}

/// The names in the first column of `list --csv` with these options.
fn listed(sandbox: &Sandbox, options: &[&str]) -> Vec<String> {
    let text = sandbox.runner(&[&["list", "--csv"], options].concat());
    let text = text.success().stdout;
    let lines = text.lines().skip(1);
    lines
        .map(|line| format!("experiments/{}", line.split(',').next().unwrap()))
        .collect()
}

/// The same of `compare`.
fn compared(sandbox: &Sandbox, options: &[&str]) -> Vec<String> {
    let text = sandbox.runner(&[&["compare", "--csv"], options].concat());
    let text = text.success().stdout;
    let lines = text.lines().skip(1);
    lines
        .map(|line| format!("experiments/{}", line.split(',').next().unwrap()))
        .collect()
}

#[test]
fn tags_and_notes_are_added_shown_and_taken_away() {
    let sandbox = Sandbox::new();
    let run = run(&sandbox, &["--tag", "new", "--tag", "a/b"]);
    let digest = sandbox.read(&format!("{run}/run.json"));
    let tag = |arguments: &[&str]| sandbox.runner(&[&["tag"], arguments].concat());
    tag(&[&run]).success().stdout_has(&["a/b new"]);
    tag(&["last", "--note", "for the paper", "+good", "-new"])
        .success()
        .stdout_has(&["tags  a/b good\n", "note  for the paper\n"]);
    let text: Value = serde_json::from_str(&sandbox.read(&format!("{run}/tags.json"))).unwrap();
    assert_eq!(text["tags"], serde_json::json!(["a/b", "good"]));
    for command in ["show", "list"] {
        let arguments: &[&str] = match command {
            "show" => &["show", "last"],
            _ => &["list"],
        };
        sandbox
            .runner(arguments)
            .success()
            .stdout_has(&["a/b good", "for the paper"]);
    }
    assert_eq!(sandbox.read(&format!("{run}/run.json")), digest);
    sandbox.runner(&["verify", &run]).success();
    sandbox.runner(&["reproduce", &run]).success();
    sandbox
        .runner(&["resume", &run, "training.epochs=2"])
        .success();
    tag(&[&run]).success().stdout_has(&["a/b good"]);
    tag(&[&run, "--note", ""]).success();
    assert!(!sandbox.read(&format!("{run}/tags.json")).contains("paper"));

    tag(&[&run, "-bad"])
        .code(2)
        .stderr_has(&["no tag `bad`", "it has a/b good"]);
    tag(&[&run, "good"]).code(2).stderr_has(&["+good"]);
    tag(&[&run, "+two words"]).code(2).stderr_has(&["letters"]);
    tag(&[&run, "+x", "--note", "y"])
        .code(2)
        .stderr_has(&["options come before the tags"]);
    tag(&["nothing", "+x"]).code(2);
    sandbox.write(&format!("{run}/tags.json"), "{");
    tag(&[&run, "+x"]).code(5).stderr_has(&["tags.json"]);
    sandbox
        .runner(&["verify", &run])
        .code(3)
        .stdout_has(&["FAILED  tags.json"]);
}

#[test]
fn lists_and_comparisons_show_the_runs_that_are_asked_for() {
    let sandbox = Sandbox::new();
    let rates = ["0.1", "0.01", "0.001", "0.0001"];
    let runs: Vec<String> = rates
        .iter()
        .map(|rate| run(&sandbox, &[&format!("training.learning_rate={rate}")]))
        .collect();
    for run in [&runs[0], &runs[1], &runs[3]] {
        sandbox.runner(&["tag", run, "+some"]).success();
    }
    sandbox.runner(&["tag", &runs[1], "+other"]).success();
    let some = [runs[0].clone(), runs[1].clone(), runs[3].clone()];
    for of in [listed, compared] {
        assert_eq!(of(&sandbox, &["--tag", "some"]), some);
        assert_eq!(
            of(&sandbox, &["--tag", "some", "--tag", "other"]),
            runs[1..2]
        );
        assert_eq!(of(&sandbox, &["--tag", "some", "--last", "2"]), some[1..]);
        assert_eq!(of(&sandbox, &["--last", "3"]), runs[1..]);
        // All of them are finished.
        let where_finished = ["--where", "status = finished", "--where", "epoch<2"];
        assert_eq!(of(&sandbox, &where_finished), runs);
        let sorted = of(&sandbox, &["--last", "4", "--sort", "best_eval_accuracy"]);
        assert_eq!(sorted.len(), 4);
    }
    let low = ["--where", "training.learning_rate <= 0.001"];
    assert_eq!(compared(&sandbox, &low), runs[2..]);
    // A key that all of them have alike.
    assert_eq!(compared(&sandbox, &["--where", "training.epochs=1"]), runs);
    let best = sandbox.read(&format!("{}/metrics.csv", runs[1]));
    let place = best
        .lines()
        .next()
        .unwrap()
        .split(',')
        .position(|it| it == "eval_accuracy");
    let accuracy = best
        .lines()
        .nth(1)
        .unwrap()
        .split(',')
        .nth(place.unwrap())
        .unwrap();
    let at_least = format!("eval_accuracy >= {accuracy}");
    assert!(listed(&sandbox, &["--where", &at_least]).contains(&runs[1]));
    let more = format!("eval_accuracy > {accuracy}");
    assert!(!listed(&sandbox, &["--where", &more]).contains(&runs[1]));

    let list = |options: &[&str]| sandbox.runner(&[&["list"], options].concat());
    list(&["--where", "accuracy"])
        .code(2)
        .stderr_has(&["eval_accuracy > 0.95"]);
    list(&["--where", "nothing > 1"])
        .code(2)
        .stderr_has(&["no column `nothing`"]);
    list(&["--sort", "nothing"])
        .code(2)
        .stderr_has(&["no column `nothing`"]);
    list(&["--tag", "none"])
        .success()
        .stderr_has(&["none of the 4 runs"]);
    sandbox
        .runner(&["compare", "--tag", "none"])
        .code(2)
        .stderr_has(&["runner list"]);
    sandbox.runner(&["compare"]).code(2);
}
