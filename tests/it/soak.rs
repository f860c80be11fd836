//! What happens at random or at once, many times over: kills, signals, rivals.
//!
//! `SOAK=10000 cargo test --release soak -- --ignored` for a long one.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use runner::random::{Purpose, Stream, stream};

use crate::resume::{checkpoints, copy_run, kill, traces};
use crate::support::Sandbox;

/// How often, unless the environment says otherwise.
fn times(default: u64) -> u64 {
    let times = std::env::var("SOAK").ok();
    times.map_or(default, |times| times.parse().expect("SOAK is a number"))
}

/// Random, but the same each time.
fn chance(index: u64) -> Stream {
    stream(2026, Purpose::Proof, index, 0)
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = sandbox.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn sleep_below(chance: &mut Stream, limit: Duration) {
    sleep(Duration::from_nanos(chance.below(limit.as_nanos() as u64)));
}

const MID_EPOCH: &str = "checkpoint.every_steps=2";

// Seen red with metrics.csv not restored.
#[test]
#[ignore = "takes a minute; .ci/run runs it"]
fn soak_killed_twice_at_random_a_run_comes_out_equal() {
    let sandbox = Sandbox::new();
    let began = Instant::now();
    let expected = traces(&sandbox, &sandbox.run_tiny(&[MID_EPOCH]));
    let duration = began.elapsed();
    let mut resumed = 0;
    for index in 0..times(300) {
        let mut chance = chance(index);
        fs::create_dir(sandbox.path("killed")).unwrap();
        let mut child = start(
            &sandbox,
            &["run", "tiny.toml", MID_EPOCH, "--out", "killed"],
        );
        sleep_below(&mut chance, duration);
        child.kill().unwrap();
        child.wait().unwrap();
        // Killed before there was a run: nothing to lose.
        let list = sandbox
            .runner(&["list", "--csv", "--out", "killed"])
            .success();
        if list.stdout.lines().count() == 2 {
            let mut child = start(&sandbox, &["resume", "last", "--out", "killed"]);
            sleep_below(&mut chance, duration);
            child.kill().unwrap();
            child.wait().unwrap();
            let run = sandbox
                .runner(&["resume", "last", "--out", "killed", "-q"])
                .success();
            assert_eq!(traces(&sandbox, run.stdout.trim()), expected, "{index}");
            resumed += 1;
        }
        let _ = fs::remove_dir_all(sandbox.path("killed"));
    }
    assert!(resumed > times(300) / 2, "{resumed}");
}

// Seen red with the lock not taken.
#[test]
#[ignore = "takes a minute; .ci/run runs it"]
fn soak_of_four_resumes_at_once_exactly_one_runs() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run_tiny(&[]);
    let expected = traces(&sandbox, &whole);
    for name in checkpoints(&sandbox, &whole) {
        fs::remove_file(sandbox.path(&whole).join("checkpoints").join(name)).unwrap();
    }
    fs::remove_file(sandbox.path(&whole).join("result.json")).unwrap();
    let header = expected.metrics.split_inclusive('\n').next().unwrap();
    sandbox.write(&format!("{whole}/metrics.csv"), header);
    for index in 0..times(200) {
        copy_run(&sandbox, &whole, "copy");
        let rivals: Vec<Child> = (0..4)
            .map(|_| start(&sandbox, &["resume", "copy"]))
            .collect();
        for mut rival in rivals {
            let code = rival.wait().unwrap().code();
            // Who comes when the run is done is told so.
            assert!(matches!(code, Some(0 | 75)), "{code:?}");
        }
        let events = sandbox.read("copy/events.jsonl");
        assert_eq!(
            events.matches("\"resumed\"").count(),
            1,
            "{index}: {events}"
        );
        assert_eq!(traces(&sandbox, "copy"), expected);
        fs::remove_dir_all(sandbox.path("copy")).unwrap();
    }
}

// Seen red with the stop not preceded by a commit.
#[test]
#[ignore = "takes a minute; .ci/run runs it"]
fn soak_a_signal_at_any_instant_leaves_a_checkpoint_of_that_step() {
    let sandbox = Sandbox::new();
    let signals = [("INT", 130), ("TERM", 143), ("HUP", 129), ("USR1", 75)];
    let mut in_time = 0;
    for index in 0..times(100) {
        let mut chance = chance(index);
        let (signal, code) = signals[chance.below(4) as usize];
        let arguments = [
            "run",
            "tiny.toml",
            "training.epochs=100000",
            "--out",
            "stopped",
        ];
        let mut child = start(&sandbox, &arguments);
        sleep_below(&mut chance, Duration::from_millis(300));
        kill(&child, signal);
        let sent = Instant::now();
        let status = child.wait().unwrap();
        assert!(
            sent.elapsed() < Duration::from_secs(1),
            "{:?}",
            sent.elapsed()
        );
        if status.code().is_some() {
            assert_eq!(status.code(), Some(code));
            let run = latest_in(&sandbox, "stopped");
            let events = sandbox.read(&format!("{run}/events.jsonl"));
            let stopped: serde_json::Value =
                serde_json::from_str(events.lines().last().unwrap()).unwrap();
            assert_eq!(stopped["event"], "stopped");
            assert_eq!(stopped["reason"], format!("SIG{signal}"));
            let step = format!("step-{:08}", stopped["step"].as_u64().unwrap());
            let newest = checkpoints(&sandbox, &run).pop().unwrap();
            assert!(newest.starts_with(&step), "{newest} {step}");
            in_time += 1;
        }
        let _ = fs::remove_dir_all(sandbox.path("stopped"));
    }
    assert!(in_time > 0);
}

fn latest_in(sandbox: &Sandbox, out: &str) -> String {
    let list = sandbox.runner(&["list", "--csv", "--out", out]).success();
    let id = list
        .stdout
        .lines()
        .last()
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    format!("{out}/{id}")
}

// Seen red with a seed that depends on the number of threads.
#[test]
#[ignore = "takes half a minute; .ci/run runs it"]
fn soak_the_number_of_threads_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.cut_data("data", 400, 200);
    let baseline = crate::support::project().join("configs/baseline.toml");
    let config = fs::read_to_string(baseline)
        .unwrap()
        .replace("data/digits", "data");
    sandbox.write("baseline.toml", config);
    let train = |threads: &str, arguments: &[&str]| -> String {
        let mut command = sandbox.command(arguments);
        let output = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let run = ["run", "baseline.toml", "-q", "training.batch_size=70"];
    let two = [&run[..], &["training.epochs=2"]].concat();
    let one = [&run[..], &["training.epochs=1"]].concat();
    let expected = traces(&sandbox, &train("1", &two));
    for threads in ["2", "3", "4", "8"] {
        assert_eq!(
            traces(&sandbox, &train(threads, &two)),
            expected,
            "{threads}"
        );
        let run = train(threads, &one);
        train("1", &["resume", &run, "training.epochs=2"]);
        assert_eq!(traces(&sandbox, &run), expected, "{threads}, then 1");
    }
}
