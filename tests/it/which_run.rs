//! Which run a name stands for, and in which order runs come.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::Sandbox;

/// A run of one epoch, which takes far less than a second.
fn quick(sandbox: &Sandbox) -> String {
    sandbox.run_tiny(&["training.epochs=1"])
}

/// The names of the runs in the order of `list`.
fn listed(sandbox: &Sandbox) -> Vec<String> {
    let text = sandbox.runner(&["list", "--csv"]).success().stdout;
    let lines = text.lines().skip(1);
    lines
        .map(|line| format!("experiments/{}", line.split(',').next().unwrap()))
        .collect()
}

/// The run that `show` shows for a name.
#[track_caller]
fn shown(sandbox: &Sandbox, name: &str) -> String {
    let text = sandbox.runner(&["show", name]).success().stdout;
    let id = text
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .last()
        .unwrap();
    format!("experiments/{id}")
}

fn change(sandbox: &Sandbox, run: &str, key: &str, value: Option<Value>) {
    let path = format!("{run}/run.json");
    let mut identity: Value = serde_json::from_str(&sandbox.read(&path)).unwrap();
    let members = identity.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(key.to_owned(), value),
        None => members.remove(key),
    };
    sandbox.write(&path, format!("{identity:#}\n"));
}

/// Red with the order of the names, whose last four letters are random.
#[test]
fn runs_of_one_second_come_in_the_order_in_which_they_were_begun() {
    let sandbox = Sandbox::new();
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(quick(&sandbox));
        let last = runs.last().unwrap();
        assert_eq!(&shown(&sandbox, "last"), last);
        let link = fs::read_link(sandbox.path("experiments/latest")).unwrap();
        assert_eq!(&format!("experiments/{}", link.display()), last);
    }
    assert_eq!(listed(&sandbox), runs);
    let outcome = sandbox.runner(&["resume", "last", "training.epochs=2"]);
    outcome.success().stderr_has(&[runs.last().unwrap()]);
}

/// Red without the number of the run before.
#[test]
fn a_clock_that_was_in_the_future_does_not_make_a_run_the_last() {
    let sandbox = Sandbox::new();
    let future = quick(&sandbox);
    // 2286-11-20, by the clock of that time; of an older version, which wrote no number, and of this one.
    change(&sandbox, &future, "sequence", None);
    change(
        &sandbox,
        &future,
        "created_at",
        Some(json!("2286-11-20T17:46:39Z")),
    );
    fs::remove_file(sandbox.path("experiments/.sequence")).unwrap();
    let after = quick(&sandbox);
    let last = quick(&sandbox);
    assert_eq!(listed(&sandbox), [future, after, last.clone()]);
    assert_eq!(shown(&sandbox, "last"), last);
}

/// Red where `.sequence` is taken for 0 when it was cut off.
#[test]
fn the_number_of_the_newest_run_can_be_lost() {
    let sandbox = Sandbox::new();
    let first = quick(&sandbox);
    change(
        &sandbox,
        &first,
        "sequence",
        Some(json!(9_000_000_000_000_000_u64)),
    );
    for content in ["", "9000", "no number\n"] {
        sandbox.write("experiments/.sequence", content);
        let next = quick(&sandbox);
        assert_eq!(shown(&sandbox, "last"), next, "{content:?}");
    }
}

#[test]
fn runs_that_begin_at_once_all_get_a_place() {
    let sandbox = Sandbox::new();
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = sandbox.command(&["run", "tiny.toml", "-q", "training.epochs=1"]);
            command
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let runs = listed(&sandbox);
    let mut sequences: Vec<u64> = Vec::new();
    for run in &runs {
        let identity: Value =
            serde_json::from_str(&sandbox.read(&format!("{run}/run.json"))).unwrap();
        sequences.push(identity["sequence"].as_u64().unwrap());
    }
    assert_eq!(runs.len(), 4);
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    let link = fs::read_link(sandbox.path("experiments/latest")).unwrap();
    assert_eq!(format!("experiments/{}", link.display()), runs[3]);
}

/// Red where a repetition becomes the last run, and where one of an older version does.
#[test]
fn a_repetition_is_not_the_last_run() {
    let sandbox = Sandbox::new();
    let first = quick(&sandbox);
    let last = quick(&sandbox);
    let repeated = sandbox.runner(&["reproduce", &first, "-q"]).success();
    let repeated = repeated.stdout.trim().to_owned();
    assert_eq!(shown(&sandbox, "last"), last);
    let link = fs::read_link(sandbox.path("experiments/latest")).unwrap();
    assert_eq!(format!("experiments/{}", link.display()), last);
    assert_eq!(
        listed(&sandbox),
        [first.clone(), last.clone(), repeated.clone()]
    );
    let id = first.strip_prefix("experiments/").unwrap();
    let list = sandbox.runner(&["list"]).success();
    list.stdout_has(&[&format!("repeats {id}")]);
    change(&sandbox, &repeated, "reproduces", None);
    assert_eq!(shown(&sandbox, "last"), last);
}

#[test]
fn a_run_can_be_named_by_any_unique_beginning_or_end() {
    let sandbox = Sandbox::new();
    let run = quick(&sandbox);
    let id = run.strip_prefix("experiments/").unwrap();
    let tail = &id[id.len() - 4..];
    for name in [id, tail, &id[..id.len() - 1], &run] {
        assert_eq!(shown(&sandbox, name), run, "{name}");
    }
    assert_eq!(shown(&sandbox, "latest"), run);
    sandbox
        .runner(&["show", ""])
        .code(2)
        .stderr_has(&["the name is empty"]);
    let other = quick(&sandbox);
    let outcome = sandbox.runner(&["show", &id[..4]]).code(2);
    outcome.stderr_has(&["2 runs", &run, &other]);
    let outcome = sandbox.runner(&["show", "zzzz-no-run"]).code(2);
    outcome.stderr_has(&["zzzz-no-run", "experiments", "runner list"]);
}

/// Red where the link is shown as it was typed.
#[test]
fn the_link_to_the_last_run_stands_for_the_run() {
    let sandbox = Sandbox::new();
    let run = quick(&sandbox);
    let outcome = sandbox.runner(&["resume", "experiments/latest"]).success();
    outcome.stdout_has(&[&format!("{run} is finished after epoch 1")]);
}

/// Red where a header stands alone, and where a folder that is not there counts as empty.
#[test]
fn a_list_of_nothing_says_so() {
    let sandbox = Sandbox::new();
    let empty = sandbox.runner(&["list"]).success();
    assert_eq!(empty.stdout, "");
    empty.stderr_has(&["no runs in experiments; start one"]);
    let unknown = sandbox.runner(&["list", "--out", "nosuch"]).code(2);
    unknown.stderr_has(&["nosuch: no such folder"]);
    quick(&sandbox);
    let failed = sandbox.runner(&["list", "--status", "failed"]).success();
    assert_eq!(failed.stdout, "");
    failed.stderr_has(&["no failed runs in experiments; it has 1 run in all"]);
    let failed = sandbox
        .runner(&["list", "--status", "failed", "--csv"])
        .success();
    assert!(
        failed.stdout.starts_with("run,status,"),
        "{}",
        failed.stdout
    );
}

/// An event as older versions wrote it, without a cause. Red where the folder is only cut out as it was typed, and where
/// the cause is not named first.
#[test]
fn a_disk_that_was_full_is_named_in_the_list() {
    let sandbox = Sandbox::new();
    let run = quick(&sandbox);
    fs::remove_file(sandbox.path(&format!("{run}/result.json"))).unwrap();
    let events = format!("{run}/events.jsonl");
    for place in [sandbox.path(&run).display().to_string(), run.clone()] {
        let reason = format!(
            "cannot write {place}/checkpoints/step-00000009.safetensors: No space left on device (os error 28)"
        );
        let event =
            json!({"time": "2026-01-01T00:00:00Z", "event": "failed", "step": 9, "reason": reason});
        sandbox.write(&events, sandbox.read(&events) + &format!("{event}\n"));
        let list = sandbox
            .runner(&["list", "--status", "failed", "--json"])
            .success();
        let list: Value = serde_json::from_str(&list.stdout).unwrap();
        assert_eq!(
            list[0]["note"],
            "disk full: cannot write checkpoints/step-00000009.safetensors: No space left on device (os error 28)"
        );
    }
}

/// Red where the words of a failure decide though its cause is there, and where a cause that is not known makes its line
/// unreadable.
#[test]
fn the_cause_of_a_failure_counts_and_not_its_words() {
    let sandbox = Sandbox::new();
    let run = quick(&sandbox);
    fs::remove_file(sandbox.path(&format!("{run}/result.json"))).unwrap();
    let path = format!("{run}/events.jsonl");
    let begun = sandbox.read(&path);
    let full = "No space left on device";
    for (cause, reason, note) in [
        ("disk_full", "no room", "disk full: no room"),
        ("other", full, full),
        ("unheard_of", full, full),
        ("diverged", "not finite", "not finite"),
        ("other", "diverged", "diverged"),
    ] {
        let event = json!({
            "time": "2026-01-01T00:00:00Z", "event": "failed", "step": 9, "cause": cause, "reason": reason
        });
        sandbox.write(&path, format!("{begun}{event}\n"));
        let list = sandbox
            .runner(&["list", "--status", "failed", "--json"])
            .success();
        let list: Value = serde_json::from_str(&list.stdout).unwrap();
        assert_eq!(list[0]["note"], note, "{cause}");
        let shown = sandbox.runner(&["show", &run]).success().stdout;
        let advises = shown.contains("to continue: runner resume");
        assert_eq!(advises, cause != "diverged", "{cause}: {shown}");
    }
}

/// A result.json without `planned_epochs`, as older versions wrote it. Red where the number comes from resolved.toml alone, and
/// where that of the epochs done is taken.
#[test]
fn a_list_of_runs_of_older_versions_has_their_planned_epochs() {
    let sandbox = Sandbox::new();
    let early = sandbox.run_tiny(&["training.epochs=9", "early_stop={patience=1,min_delta=0.9}"]);
    let longer = quick(&sandbox);
    sandbox
        .runner(&["resume", &longer, "training.epochs=2"])
        .success();
    let list = |expected: [&str; 2]| {
        let listed = sandbox.runner(&["list", "--csv"]).success().stdout;
        let epochs = listed
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(3).unwrap());
        assert_eq!(epochs.collect::<Vec<_>>(), expected, "{listed}");
    };
    list(["9", "2"]);
    for run in [&early, &longer] {
        let path = format!("{run}/result.json");
        let mut result: Value = serde_json::from_str(&sandbox.read(&path)).unwrap();
        result.as_object_mut().unwrap().remove("planned_epochs");
        sandbox.write(&path, result.to_string());
        // Only what reads the whole config stumbles over this.
        let resolved = format!("{run}/resolved.toml");
        sandbox.write(&resolved, sandbox.read(&resolved) + "unknown = 1\n");
    }
    list(["9", "2"]);
}

#[test]
fn an_environment_variable_names_the_folder_of_runs() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["run", "tiny.toml", "-q", "training.epochs=1"]);
    let output = command.env("RUNNER_OUT", "elsewhere").output().unwrap();
    let run = String::from_utf8(output.stdout).unwrap();
    assert!(run.starts_with("elsewhere/"), "{run}");
    let mut command = sandbox.command(&["list", "--csv"]);
    let output = command.env("RUNNER_OUT", "elsewhere").output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    assert_eq!(list.lines().count(), 2, "{list}");
    let mut command = sandbox.command(&["list", "--csv", "--out", "experiments"]);
    let output = command.env("RUNNER_OUT", "elsewhere").output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    assert_eq!(list.lines().count(), 1, "the option comes first: {list}");
}

/// Red without the way home: the data are named relative to the folder in which the run was begun.
#[test]
fn a_run_goes_on_from_any_folder() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run_tiny(&["training.epochs=2"]);
    let run = quick(&sandbox);
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    let elsewhere = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command
            .current_dir(sandbox.path("elsewhere"))
            .output()
            .unwrap()
    };
    let there = format!("../{run}");
    for arguments in [
        &["resume", &there, "training.epochs=2"][..],
        &["verify", &there],
        &["reproduce", &there, "--out", "runs"],
    ] {
        let output = elsewhere(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
    }
    let names = ["metrics.csv", "predictions.csv", "report.txt"];
    for name in names {
        let [one, other] = [&whole, &run].map(|run| sandbox.read(&format!("{run}/{name}")));
        assert_eq!(one, other, "{name}");
    }
    let made = fs::read_dir(sandbox.path("elsewhere/runs")).unwrap();
    let made = made.filter(|entry| entry.as_ref().unwrap().path().join("run.json").exists());
    assert_eq!(
        made.count(),
        1,
        "what the user typed is relative to where that was"
    );

    fs::rename(sandbox.path("data"), sandbox.path("moved")).unwrap();
    let output = elsewhere(&["resume", &there, "training.epochs=3"]);
    assert_eq!(output.status.code(), Some(4));
    let told = String::from_utf8(output.stderr).unwrap();
    let home = sandbox.path("").canonicalize().unwrap();
    assert!(told.contains(&*home.to_string_lossy()), "{told}");
    fs::rename(sandbox.path("moved"), sandbox.path("data")).unwrap();

    // The folder in which the run was begun is gone.
    let gone = Path::new("/no/such/folder");
    change(&sandbox, &run, "working_directory", Some(json!(gone)));
    let output = elsewhere(&["resume", &there, "training.epochs=3"]);
    assert_eq!(output.status.code(), Some(4));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("/no/such/folder") && told.contains("cd to"),
        "{told}"
    );
}
