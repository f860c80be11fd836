//! Every way in which the system can fail a run: killed at each of its file operations, refused
//! each of them. Needs strace, which injects the faults; `.ci/run` installs it and runs these.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::resume::{Traces, checkpoints, copy_run, traces};
use crate::support::{Outcome, Sandbox};

/// One call of a process's main thread: the `count`-th of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Call {
    name: String,
    count: usize,
}

/// Everything that a process can ask of a file.
const OPERATIONS: &[&str] = &[
    "chmod",
    "close",
    "fdatasync",
    "flock",
    "fstat",
    "fsync",
    "ftruncate",
    "getdents64",
    "lseek",
    "mkdir",
    "newfstatat",
    "openat",
    "read",
    "rename",
    "renameat",
    "renameat2",
    "statfs",
    "statx",
    "symlink",
    "unlink",
    "write",
];

/// A short run with mid-epoch checkpoints and a rotation.
const SHORT: &[&str] = &[
    "training.epochs=2",
    "training.batch_size=30",
    "checkpoint.every_steps=1",
];

fn run_short(extra: &[&'static str]) -> Vec<&'static str> {
    [&["run", "tiny.toml", "-q"], SHORT, extra].concat()
}

/// The file operations below `folder` that a command makes, in order.
fn calls_below(sandbox: &Sandbox, arguments: &[&str], folder: &str) -> Vec<Call> {
    let log = sandbox.path("strace.log");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-e", &format!("trace={}", OPERATIONS.join(","))])
        .arg("-o")
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_runner"))
        .args(arguments)
        .current_dir(sandbox.path(""));
    let output = strace.output().expect("strace is installed");
    assert!(output.status.success(), "{output:?}");
    let log = fs::read_to_string(log).unwrap();
    let main = log.split_whitespace().next().unwrap().to_owned();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let name = rest.trim_start().split('(').next().unwrap();
        if thread != main || !OPERATIONS.contains(&name) {
            continue;
        }
        let count = counts.entry(name).or_default();
        *count += 1;
        if rest.contains(folder) {
            calls.push(Call {
                name: name.to_owned(),
                count: *count,
            });
        }
    }
    assert!(calls.len() > 50, "{} calls", calls.len());
    calls
}

/// Runs a command with a fault at one of its calls.
fn with_fault(sandbox: &Sandbox, arguments: &[&str], call: &Call, fault: &str) -> Outcome {
    let mut strace = Command::new("strace");
    let inject = format!("inject={}:{fault}:when={}", call.name, call.count);
    strace
        .args(["-f", "-e", &format!("trace={}", call.name), "-e", &inject])
        .args(["-o", "/dev/null"])
        .arg(env!("CARGO_BIN_EXE_runner"))
        .args(arguments)
        .current_dir(sandbox.path(""));
    let output = strace.output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The run directories in a folder.
fn runs(sandbox: &Sandbox, out: &str) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path(out)).into_iter().flatten();
    let mut runs: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("2"))
        .collect();
    runs.sort();
    runs.into_iter().map(|run| format!("{out}/{run}")).collect()
}

/// Resumes what a fault has left, or starts anew where it left nothing; checks that the newest
/// checkpoint was taken and that everything came out equal.
fn recover(sandbox: &Sandbox, out: &'static str, expected: &Traces, fault: &str) {
    let run = match runs(sandbox, out).as_slice() {
        [] => {
            let arguments = run_short(&["--out", out]);
            sandbox
                .runner(&arguments)
                .success()
                .stdout
                .trim()
                .to_owned()
        }
        [run] => {
            let newest = checkpoints(sandbox, run).pop();
            let finished = sandbox.path(run).join("result.json").exists();
            sandbox.runner(&["resume", run]).success();
            let events = sandbox.read(&format!("{run}/events.jsonl"));
            assert!(!events.contains("fell_back"), "{fault}: {events}");
            if let (Some(newest), false) = (newest, finished) {
                let resumed = events
                    .lines()
                    .rev()
                    .find(|line| line.contains("\"resumed\""));
                assert!(resumed.unwrap().contains(&newest), "{fault}: {events}");
            }
            run.clone()
        }
        several => panic!("{fault}: {several:?}"),
    };
    assert_eq!(&traces(sandbox, &run), expected, "{fault}");
    let verified = sandbox.runner(&["verify", &run]);
    assert_eq!(verified.code, Some(0), "{fault}: {}", verified.stdout);
    assert_no_temporaries(&sandbox.path(&run));
    fs::remove_dir_all(sandbox.path(out)).unwrap();
}

fn assert_no_temporaries(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(!name.starts_with(".tmp-"), "{name}");
        if entry.file_type().unwrap().is_dir() {
            assert_no_temporaries(&entry.path());
        }
    }
}

/// A short run that was extended and then stopped, as `stopped/<run>`, for resumes to start from.
fn stopped(sandbox: &Sandbox) -> String {
    let shorter = [
        "--out",
        "stopped",
        "checkpoint.keep_last=100",
        "training.epochs=1",
    ];
    let outcome = sandbox.runner(&run_short(&shorter)).success();
    let run = outcome.stdout.trim().to_owned();
    sandbox
        .runner(&["resume", &run, "training.epochs=2"])
        .success();
    for later in checkpoints(sandbox, &run).split_off(1) {
        fs::remove_file(sandbox.path(&run).join("checkpoints").join(later)).unwrap();
    }
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    run
}

// Seen red with metrics.csv not restored, and with files written in place.
#[test]
#[ignore = "needs strace; .ci/run runs it"]
fn killed_at_every_file_operation_of_a_run_nothing_is_lost() {
    let sandbox = Sandbox::new();
    let arguments = run_short(&["--out", "killed"]);
    let expected = {
        let run = sandbox.runner(&run_short(&[])).success().stdout;
        traces(&sandbox, run.trim())
    };
    for call in calls_below(&sandbox, &run_short(&["--out", "counted"]), "counted") {
        let killed = with_fault(&sandbox, &arguments, &call, "signal=SIGKILL");
        assert_eq!(killed.code, None, "{call:?}");
        recover(
            &sandbox,
            "killed",
            &expected,
            &format!("killed at {call:?}"),
        );
    }
}

// Seen red with files written in place.
#[test]
#[ignore = "needs strace; .ci/run runs it"]
fn killed_at_every_file_operation_of_a_resume_nothing_is_lost() {
    let sandbox = Sandbox::new();
    let run = stopped(&sandbox);
    let expected = {
        let run = sandbox.runner(&run_short(&[])).success().stdout;
        traces(&sandbox, run.trim())
    };
    let copy = run.replace("stopped", "copy");
    copy_run(&sandbox, "stopped", "copy");
    let calls = calls_below(&sandbox, &["resume", &copy, "-q"], "copy");
    for call in calls {
        let _ = fs::remove_dir_all(sandbox.path("copy"));
        copy_run(&sandbox, "stopped", "copy");
        with_fault(&sandbox, &["resume", &copy, "-q"], &call, "signal=SIGKILL");
        recover(&sandbox, "copy", &expected, &format!("killed at {call:?}"));
    }
}

/// The errors that a call can meet.
fn errors(call: &Call) -> &'static [&'static str] {
    match call.name.as_str() {
        // What was written is safe before a file is closed; its error is of no consequence.
        "close" => &[],
        "openat" | "mkdir" => &["EMFILE", "ENOSPC", "EIO", "EDQUOT"],
        "write" | "fsync" | "fdatasync" | "rename" | "renameat" | "renameat2" | "symlink" => {
            &["ENOSPC", "EIO", "EDQUOT"]
        }
        _ => &["EIO"],
    }
}

/// Checks that an error was told, with the file, or was of no consequence: tried a second time, or
/// met by what is best effort (train.log, the link to the newest).
fn assert_told(outcome: &Outcome, out: &str, fault: &str) -> bool {
    assert!(
        !outcome.stderr.contains("panicked"),
        "{fault}: {}",
        outcome.stderr
    );
    match outcome.code {
        Some(0) => false,
        Some(74) => {
            let told = format!("{out}/");
            let named =
                outcome.stderr.contains(&told) || outcome.stderr.contains(&format!(" {out}:"));
            assert!(named, "{fault}: {}", outcome.stderr);
            true
        }
        other => panic!("{fault}: exit code {other:?}\n{}", outcome.stderr),
    }
}

// Seen red with the errors of appends swallowed.
#[test]
#[ignore = "needs strace; .ci/run runs it"]
fn errors_at_every_file_operation_of_a_run_are_told_and_nothing_is_lost() {
    let sandbox = Sandbox::new();
    let expected = {
        let run = sandbox.runner(&run_short(&[])).success().stdout;
        traces(&sandbox, run.trim())
    };
    let arguments = run_short(&["--out", "faulty"]);
    let mut told = 0;
    for call in calls_below(&sandbox, &run_short(&["--out", "counted"]), "counted") {
        for error in errors(&call) {
            let fault = format!("{error} at {call:?}");
            let outcome = with_fault(&sandbox, &arguments, &call, &format!("error={error}"));
            told += usize::from(assert_told(&outcome, "faulty", &fault));
            recover(&sandbox, "faulty", &expected, &fault);
        }
    }
    assert!(told > 100, "{told}");
}

// Seen red with an unreadable events.jsonl taken for an empty one.
#[test]
#[ignore = "needs strace; .ci/run runs it"]
fn errors_at_every_file_operation_of_a_resume_are_told_and_nothing_is_lost() {
    let sandbox = Sandbox::new();
    let run = stopped(&sandbox);
    let expected = {
        let run = sandbox.runner(&run_short(&[])).success().stdout;
        traces(&sandbox, run.trim())
    };
    let copy = run.replace("stopped", "faulty");
    copy_run(&sandbox, "stopped", "faulty");
    let resume = ["resume", copy.as_str(), "-q"];
    let mut told = 0;
    for call in calls_below(&sandbox, &resume, "faulty") {
        for error in errors(&call) {
            let _ = fs::remove_dir_all(sandbox.path("faulty"));
            copy_run(&sandbox, "stopped", "faulty");
            let fault = format!("{error} at {call:?}");
            let outcome = with_fault(&sandbox, &resume, &call, &format!("error={error}"));
            // What cannot be looked at is as good as not there, and no run.
            if outcome.code == Some(5) {
                assert!(
                    outcome.stderr.contains("faulty/"),
                    "{fault}: {}",
                    outcome.stderr
                );
            } else {
                told += usize::from(assert_told(&outcome, "faulty", &fault));
            }
            recover(&sandbox, "faulty", &expected, &fault);
        }
    }
    assert!(told > 50, "{told}");
}

/// Runs a command on a file system that gives these errors at these calls, as strace injects them.
fn on_a_poor_file_system(sandbox: &Sandbox, faults: &[&str], arguments: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null"]);
    for fault in faults {
        strace.args(["-e", &format!("inject={fault}")]);
    }
    strace
        .arg(env!("CARGO_BIN_EXE_runner"))
        .args(arguments)
        .current_dir(sandbox.path(""));
    strace
}

fn outcome(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

// Seen red without the plain rename.
#[test]
#[ignore = "needs strace; .ci/run runs it"]
fn a_file_system_without_hard_links_does() {
    let sandbox = Sandbox::new();
    let run = sandbox.runner(&run_short(&[])).success().stdout;
    let expected = traces(&sandbox, run.trim());
    for error in ["EPERM", "ENOSYS", "EOPNOTSUPP", "EIO", "EMLINK"] {
        let link = format!("link,linkat:error={error}");
        for rename in ["EINVAL", "ENOSYS"] {
            let rename = format!("renameat2:error={rename}");
            let faults = [link.as_str(), &rename];
            let run = run_short(&["--out", "poor"]);
            let run = outcome(on_a_poor_file_system(&sandbox, &faults, &run)).success();
            assert_eq!(run.stderr, "", "nothing is lost");
            assert_eq!(traces(&sandbox, run.stdout.trim()), expected, "{error}");
            sandbox.runner(&["verify", run.stdout.trim()]).success();
        }
    }
    // A disk that is full or read-only is told as before.
    let faults = ["renameat2:error=EROFS"];
    let full = run_short(&["--out", "full"]);
    outcome(on_a_poor_file_system(&sandbox, &faults, &full)).code(74);
}

// Seen red with the error of the lock told, and with runs taken for interrupted that are running.
#[test]
#[ignore = "needs strace; .ci/run runs it"]
fn a_file_system_without_locks_has_a_heartbeat_and_what_is_lost_is_told() {
    let sandbox = Sandbox::new();
    let run = sandbox.runner(&run_short(&[])).success().stdout;
    let expected = traces(&sandbox, run.trim());
    for error in ["ENOSYS", "ENOLCK", "EOPNOTSUPP"] {
        let faults = [&format!("flock:error={error}")[..]];
        let run = run_short(&["--out", "poor"]);
        let run = outcome(on_a_poor_file_system(&sandbox, &faults, &run))
            .success()
            .stderr_has(&["warning: this file system has no locks"]);
        let run = run.stdout.trim().to_owned();
        assert_eq!(traces(&sandbox, &run), expected, "{error}");
        assert!(
            sandbox
                .read(&format!("{run}/train.log"))
                .contains("no locks")
        );
        sandbox.runner(&["verify", &run]).success();
        let check = ["check", "tiny.toml", "--out", "poor"];
        outcome(on_a_poor_file_system(&sandbox, &faults, &check))
            .success()
            .stdout_has(&["warning: this file system has no locks", "see the warnings"]);
    }
    let faults = ["flock:error=ENOLCK"];
    let endless = [
        "run",
        "tiny.toml",
        "--out",
        "endless",
        "-q",
        "training.epochs=1000000",
    ];
    let start = |arguments: &[&str]| {
        let mut command = on_a_poor_file_system(&sandbox, &faults, arguments);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut run = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut run).unwrap();
        (child, run.trim().to_owned())
    };
    let resume = |run: &str| {
        let resume = ["resume", run, "-q"];
        outcome(on_a_poor_file_system(&sandbox, &faults, &resume))
    };
    let pid = |run: &str| {
        let lock = sandbox.read(&format!("{run}/lock"));
        let holder: serde_json::Value = serde_json::from_str(&lock).unwrap();
        assert!(holder["beat"].is_string(), "{lock}");
        holder["pid"].to_string()
    };
    let signal = |run: &str, signal: &str| {
        let status = Command::new("kill").args([signal, &pid(run)]).status();
        assert!(status.unwrap().success());
    };
    let (mut child, run) = start(&endless);
    resume(&run).code(75).stderr_has(&["in use by process"]);
    let list = ["list", "--csv", "--out", "endless"];
    let listed = outcome(on_a_poor_file_system(&sandbox, &faults, &list)).success();
    assert!(listed.stdout.contains(",running,"), "{}", listed.stdout);
    // One that is killed is gone at once, and one that stops gives the run back.
    signal(&run, "-KILL");
    child.wait().unwrap();
    let (mut child, _) = start(&["resume", &run, "-q"]);
    signal(&run, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(sandbox.read(&format!("{run}/lock")), "");
    // Whoever takes over after a long silence keeps the run: the other ends before its next checkpoint.
    let (child, _) = start(&["resume", &run, "-q"]);
    let other = r#"{"pid":1,"host":"elsewhere","since":"2026-01-01T00:00:00Z","beat":"x"}"#;
    sandbox.write(&format!("{run}/lock"), other);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(75));
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(stderr.contains("process 1 on elsewhere"), "{stderr}");
    assert_eq!(sandbox.read(&format!("{run}/lock")), other);
    resume(&run)
        .code(75)
        .stderr_has(&["process 1 on elsewhere"]);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    let lock = fs::File::options()
        .write(true)
        .open(sandbox.path(&run).join("lock"));
    lock.unwrap().set_modified(old).unwrap();
    let (mut child, _) = start(&["resume", &run, "-q"]);
    signal(&run, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    sandbox.runner(&["verify", &run]).success();
}

// Seen red with every error of such a sync told.
#[test]
#[ignore = "needs strace; .ci/run runs it"]
fn a_file_system_that_does_not_sync_folders_is_told_once() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    for (index, error) in ["EINVAL", "ENOSYS", "EOPNOTSUPP"].into_iter().enumerate() {
        let epochs = format!("training.epochs={}", 4 + index);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null"]);
        for folder in [sandbox.path(&run), sandbox.path(&run).join("checkpoints")] {
            strace.arg("-P").arg(folder);
        }
        strace
            .args(["-e", &format!("inject=fsync:error={error}")])
            .arg(env!("CARGO_BIN_EXE_runner"))
            .args(["resume", &run, &epochs])
            .current_dir(sandbox.path(""));
        let resumed = outcome(strace).success();
        let told = resumed.stderr.matches("does not sync folders").count();
        assert_eq!(told, 1, "{}", resumed.stderr);
    }
    sandbox.runner(&["verify", &run]).success();
}
