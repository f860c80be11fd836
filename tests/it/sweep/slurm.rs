//! Sweeps on a real Slurm, see `tests/slurm/cluster.sh`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::resume::{Traces, traces};
use crate::support::{Outcome, Sandbox, project};

/// A cluster for a sandbox. It ends with this value, or with the process of the test, however that ends.
struct Cluster<'a> {
    sandbox: &'a Sandbox,
    script: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl<'a> Cluster<'a> {
    fn start(sandbox: &'a Sandbox) -> Self {
        Self::configured(sandbox, &[])
    }

    /// With further lines of slurm.conf.
    fn configured(sandbox: &'a Sandbox, lines: &[&str]) -> Self {
        let mut script = Command::new(project().join("tests/slurm/cluster.sh"))
            .arg(sandbox.path("cluster"))
            .args(lines)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut cluster = Self {
            sandbox,
            commands: script.stdin.take(),
            answers: BufReader::new(script.stdout.take().unwrap()),
            script,
        };
        cluster.expect("up");
        cluster
    }

    fn tell(&mut self, command: &str) {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
        self.expect("done");
    }

    fn expect(&mut self, answer: &str) {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), answer);
    }

    fn outcome(&self, command: &mut Command) -> Outcome {
        Outcome::of(command.env("SLURM_CONF", self.sandbox.path("cluster/slurm.conf")))
    }

    fn runner(&self, arguments: &[&str]) -> Outcome {
        self.outcome(&mut self.sandbox.command(arguments))
    }

    /// Hands a sweep in; its directory.
    fn sweep(&self, file: &str) -> String {
        let arguments = ["sweep", "run", file, "--launcher", "slurm", "-q"];
        let sweep = self.runner(&arguments).success().stdout;
        sweep.trim().to_owned()
    }

    /// What a command of Slurm prints.
    fn slurm(&self, words: &[&str]) -> String {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.sandbox.path(""));
        self.outcome(&mut command).success().stdout
    }

    /// What `squeue` says of each job, in the words of a format.
    fn jobs(&self, format: &str, options: &[&str]) -> Vec<String> {
        let all = ["squeue", "--noheader", "--array", "--format", format];
        let lines = self.slurm(&[&all[..], options].concat());
        lines.lines().map(str::to_owned).collect()
    }

    /// Waits until no job is left.
    fn finish(&self) {
        self.until("the end", || self.jobs("%i", &[]).is_empty());
    }

    /// Waits for something that takes seconds.
    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(240);
        while !is_so() {
            if Instant::now() > end {
                let jobs = self.slurm(&["squeue", "--array"]);
                let status = self.runner(&["sweep", "status"]).stdout;
                panic!("never: {what}\n{jobs}\n{status}");
            }
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.script.wait();
    }
}

/// The rows of trials.csv, without its head.
fn trials(sandbox: &Sandbox, sweep: &str) -> Vec<Vec<String>> {
    let text = sandbox.read(&format!("{sweep}/trials.csv"));
    let cells = |line: &str| line.split(',').map(str::to_owned).collect();
    text.lines().skip(1).map(cells).collect()
}

/// Trains for about twenty seconds on one processor, with checkpoints in the midst of epochs.
const LONG: &str = r#"
name = "long"
[data]
path = "data"
scale = 0.00392156862745098
[training]
epochs = 240
batch_size = 20
[checkpoint]
every_steps = 30
[model]
input = [1, 28, 28]
layers = [
  { conv2d = { out_channels = 24, kernel_size = 5 } },
  "relu",
  { max_pool2d = { kernel_size = 2 } },
  "flatten",
  { dropout = { p = 0.25 } },
  { linear = { out_features = 10 } },
]
"#;

const SIX: &str = r#"
config = "long.toml"
[parameters]
"training.learning_rate" = { values = [0.0003, 0.001, 0.003] }
seeds = [1, 2]
"#;

// Seen red with a resume that does not see the jobs that are alive.
#[test]
#[ignore = "needs Slurm and root; .ci/run runs it"]
fn six_trials_come_out_as_if_alone_through_lost_nodes_preemption_and_a_cancel() {
    let sandbox = Sandbox::new();
    sandbox.cut_data("data", 1000, 100);
    sandbox.write("long.toml", LONG);
    sandbox.write("six.toml", SIX);
    thread::scope(|scope| {
        let alone = scope.spawn(|| alone(&sandbox));
        let sweep = through_everything(&sandbox);
        let trials = trials(&sandbox, &sweep);
        assert_eq!(trials.len(), 6);
        for (trial, alone) in trials.iter().zip(alone.join().unwrap()) {
            let [.., directory, status, epochs, objective] = trial.as_slice() else {
                panic!("{trial:?}");
            };
            let there = traces(&sandbox, &format!("{sweep}/{directory}"));
            assert_eq!(there, alone, "{trial:?}");
            assert_eq!((status.as_str(), epochs.as_str()), ("finished", "240"));
            let last = alone.metrics.lines().last().unwrap();
            assert!(last.split(',').any(|cell| cell == objective), "{trial:?}");
        }
    });
}

/// What the trials leave when nothing happens and each is a run of its own, in their order.
fn alone(sandbox: &Sandbox) -> Vec<Traces> {
    let train = |(rate, seed): (&str, u32)| {
        let rate = format!("training.learning_rate={rate}");
        let seed = format!("seed={seed}");
        let train = ["run", "long.toml", &rate, &seed, "--threads=1"];
        let arguments = [&train[..], &["--out=alone", "-q"]].concat();
        let run = sandbox.runner(&arguments).success().stdout;
        traces(sandbox, run.trim())
    };
    let rates = ["0.0003", "0.001", "0.003"].into_iter();
    let points = rates.flat_map(|rate| [(rate, 1), (rate, 2)]);
    points.map(train).collect()
}

/// The directory of the sweep.
fn through_everything(sandbox: &Sandbox) -> String {
    let mut cluster = Cluster::start(sandbox);
    let sweep = cluster.sweep("six.toml");
    cluster.until("six trials with two epochs each", || {
        let show = ["sweep", "show", "--trials", "--csv"];
        let trials = cluster.runner(&show).success().stdout;
        let rows = trials.lines().skip(1);
        let epochs = rows.map(|row| row.split(',').nth(6).unwrap().parse::<u32>().unwrap());
        epochs.filter(|epochs| *epochs >= 2).count() == 6
    });
    let status = cluster.runner(&["sweep", "status"]).success();
    status.stdout_has(&["2 running on n1", "2 running on n2", "2 running on n3"]);
    let of_n2 = cluster.jobs("%K", &["--nodelist=n2"]);

    cluster.tell("power_off n1");
    // Its processes train on.
    cluster.tell("kill_daemon n2");
    // The controller would find this out in half a minute.
    for node in ["nodename=n1", "nodename=n2"] {
        cluster.slurm(&["scontrol", "update", node, "state=down", "reason=test"]);
    }
    let urgent = ["sbatch", "--partition=urgent", "--nodelist=n3"];
    let whole_node = ["--cpus-per-task=6", "--wrap=sleep 1"];
    cluster.slurm(&[&urgent[..], &whole_node].concat());
    cluster.until("all tasks run again", || {
        let tasks = cluster.jobs("%K %T %N", &["--partition=main"]);
        let mut tasks = tasks.iter().filter(|task| !task.starts_with("N/A"));
        tasks.all(|task| task.ends_with(" RUNNING n3"))
    });
    cluster.until("two trials are taken from the processes on n2", || {
        of_n2.iter().all(|index| {
            let log = sandbox.read(&format!("{sweep}/launcher/logs/1_{index}.log"));
            log.contains("is taken from an earlier copy")
        })
    });
    cluster.until("the processes on n2 have ended", || {
        !trains_on("n2", sandbox)
    });

    cluster.runner(&["sweep", "cancel"]).success();
    cluster.finish();
    let show = cluster.runner(&["sweep", "show", "--trials", "--csv"]);
    let left = show.stdout.matches(",interrupted,").count();
    assert!(left > 1, "the trials are too short: {}", show.stdout);
    let resume = || cluster.runner(&["sweep", "resume"]).success();
    resume().stdout_has(&[&format!("submitted {left} trials")]);
    resume().stdout_has(&[&format!("{left} jobs are alive from before")]);
    cluster.finish();
    let jobs = sandbox.read(&format!("{sweep}/launcher/jobs.jsonl"));
    assert_eq!(cluster.sweep("six.toml"), sweep);
    assert_eq!(sandbox.read(&format!("{sweep}/launcher/jobs.jsonl")), jobs);
    sweep
}

/// Whether a process of a job that began on a node lives.
fn trains_on(node: &str, sandbox: &Sandbox) -> bool {
    let node = format!("SLURMD_NODENAME={node}");
    let cluster = format!(
        "SLURM_CONF={}",
        sandbox.path("cluster/slurm.conf").display()
    );
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut environments = processes
        .filter_map(|process| std::fs::read_to_string(process.ok()?.path().join("environ")).ok());
    environments.any(|environment| {
        let has = |variable: &str| environment.split('\0').any(|it| it == variable);
        has(&node) && has(&cluster)
    })
}

const HALVING: &str = r#"
config = "four.toml"
[parameters]
"training.learning_rate" = { values = [1e-4, 1e-2, 3e-2, 1e-3] }
[search]
halving = { eta = 2, min_epochs = 1 }
"#;

// Seen red with a collecting job that does nothing.
#[test]
#[ignore = "needs Slurm and root; .ci/run runs it"]
fn each_rung_of_a_halving_on_a_cluster_is_submitted_by_the_job_behind_the_one_before() {
    let sandbox = Sandbox::new();
    let four = "extends = \"tiny.toml\"\n[training]\nepochs = 4\n";
    sandbox.write("four.toml", four);
    sandbox.write("halving.toml", HALVING);
    let here = ["sweep", "run", "halving.toml", "--out=here", "-q"];
    let here = sandbox.runner(&here).success().stdout;
    let cluster = Cluster::start(&sandbox);
    let sweep = cluster.sweep("halving.toml");
    cluster.finish();
    assert_eq!(
        trials(&sandbox, &sweep),
        trials(&sandbox, here.trim()),
        "{}",
        cluster.runner(&["sweep", "status"]).stdout
    );
    let rung = |number: u32| sandbox.read(&format!("{sweep}/launcher/{number:03}.tasks"));
    let sizes = [0, 2, 4].map(|number| rung(number).lines().count());
    assert_eq!(sizes, [4, 2, 1]);
}

const TWO: &str = r#"
config = "tiny.toml"
[parameters]
seeds = [1, 2]
[launcher.slurm]
partition = "PARTITION"
"#;

fn write_two(sandbox: &Sandbox, partition: &str) {
    sandbox.write("two.toml", TWO.replace("PARTITION", partition));
}

#[track_caller]
fn have_finished(sandbox: &Sandbox, sweep: &str, count: usize) {
    let trials = trials(sandbox, sweep);
    let finished = trials
        .iter()
        .filter(|row| row.contains(&"finished".to_owned()));
    assert_eq!(finished.count(), count, "{trials:?}");
}

// Seen red with the partition taken from the sweep's own copy of the file.
#[test]
#[ignore = "needs Slurm and root; .ci/run runs it"]
fn a_cluster_that_refuses_is_quoted_and_takes_the_sweep_once_the_file_is_right() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox);
    write_two(&sandbox, "nowhere");
    let refused = cluster.runner(&["sweep", "run", "two.toml", "--launcher", "slurm"]);
    refused
        .code(1)
        .stderr_has(&["invalid partition specified: nowhere", "[launcher.slurm]"]);
    write_two(&sandbox, "main");
    let sweep = cluster.sweep("two.toml");
    cluster.finish();
    have_finished(&sandbox, &sweep, 2);
}

// Seen red with the outer job's restart count left to the inner one.
#[test]
#[ignore = "needs Slurm and root; .ci/run runs it"]
fn a_sweep_that_a_job_starts_takes_nothing_from_that_job() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox);
    write_two(&sandbox, "main");
    // As if the outer job had been requeued.
    let wrapped = format!(
        "--wrap=SLURM_RESTART_COUNT=3 {} sweep run two.toml --launcher slurm",
        env!("CARGO_BIN_EXE_runner")
    );
    let outer = [
        "sbatch",
        "--array=1",
        "--cpus-per-task=2",
        "--output=outer.log",
    ];
    cluster.slurm(&[&outer[..], &[&wrapped]].concat());
    cluster.finish();
    let outer = sandbox.read("outer.log");
    let sweep = outer.lines().find_map(|line| line.strip_prefix("sweep: "));
    let sweep = sweep.unwrap_or_else(|| panic!("{outer}"));
    have_finished(&sandbox, sweep, 2);
    for (trial, index) in [(1, 0), (2, 1)] {
        let lease = sandbox.read(&format!("{sweep}/leases/{trial:03}.json"));
        let lease: serde_json::Value = serde_json::from_str(&lease).unwrap();
        let task = lease["task"].as_str().unwrap();
        assert!(task.ends_with(&format!("_{index}")), "{lease}");
        assert_eq!(lease["restart"], 0, "{lease}");
    }
}

#[test]
#[ignore = "needs Slurm and root; .ci/run runs it"]
fn more_trials_than_an_array_may_have_become_several() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "five.toml",
        TWO.replace("PARTITION", "main")
            .replace("1, 2", "1, 2, 3, 4, 5"),
    );
    let cluster = Cluster::configured(&sandbox, &["MaxArraySize=3"]);
    let sweep = cluster.sweep("five.toml");
    cluster.finish();
    let tasks = |number: u32| sandbox.read(&format!("{sweep}/launcher/{number:03}.tasks"));
    assert_eq!([0, 1].map(|number| tasks(number).lines().count()), [3, 2]);
    have_finished(&sandbox, &sweep, 5);
}

/// What a job prints that never becomes our program is all that there is.
#[test]
#[ignore = "needs Slurm and root; .ci/run runs it"]
fn a_job_that_ends_before_its_trial_is_told_with_its_reason() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox);
    write_two(&sandbox, "main");
    let good = sandbox.read("two.toml");
    let setup = "setup = [\"echo preparing\", \"no-such-command --now\"]\n";
    sandbox.write("two.toml", good.clone() + setup);
    let sweep = cluster.sweep("two.toml");
    cluster.finish();
    let reason = "its job ended before the trial began, with exit code 127: preparing / line ";
    let status = cluster.runner(&["sweep", "status"]).success();
    status.stdout_has(&[
        "trials  2 failed",
        &format!("failed  trials 1, 2: {reason}"),
        "no-such-command: command not found\n",
        "next    the job that hands in what comes next: it ended before it began, with exit code",
        "to continue: runner sweep resume",
    ]);
    let show = cluster.runner(&["sweep", "show"]).success();
    show.stderr_has(&[&format!("failed: trials 1, 2: {reason}")]);
    sandbox.write("two.toml", good);
    assert_eq!(cluster.sweep("two.toml"), sweep);
    cluster.finish();
    have_finished(&sandbox, &sweep, 2);
}

/// Commands in place of Slurm's: `sbatch` takes everything, `squeue` prints the file `queue`, and does not answer where
/// that is not there.
fn pretend(sandbox: &Sandbox) {
    let folder = sandbox.path("").display().to_string();
    for (name, text) in [
        (
            "sbatch",
            format!("echo >> {folder}/handed-in; wc -l < {folder}/handed-in"),
        ),
        ("scontrol", "echo MaxArraySize = 1001".to_owned()),
        (
            "squeue",
            format!(
                "cat {folder}/queue 2> /dev/null || {{ echo 'slurm_load_jobs error: Unable to contact' >&2; exit 1; }}"
            ),
        ),
    ] {
        let path = sandbox.write(&format!("bin/{name}"), format!("#!/bin/sh\n{text}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode).unwrap();
    }
    sandbox.write("queue", "");
}

/// Red with the state of the files alone, and with the advice for a refusing `sbatch`.
#[test]
fn the_queue_says_what_sweeps_do() {
    let sandbox = Sandbox::new();
    pretend(&sandbox);
    write_two(&sandbox, "main");
    let runner = |arguments: &[&str]| {
        let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
        Outcome::of(sandbox.command(arguments).env("PATH", path))
    };
    runner(&["sweep", "run", "two.toml", "--launcher", "slurm"])
        .success()
        .stdout_has(&["submitted 2 trials as job 1"]);
    let sweep = super::only(&sandbox);
    let jobs = std::fs::read_to_string(sweep.join("launcher/jobs.jsonl")).unwrap();
    let job: serde_json::Value = serde_json::from_str(jobs.lines().next().unwrap()).unwrap();
    let name = job["job_name"].as_str().unwrap();
    let stamp = &sweep.file_name().unwrap().to_str().unwrap()[..15];
    assert_eq!(name, format!("two-{stamp}-000"));
    for (state, word) in [("PENDING", " pending\n"), ("RUNNING", " running\n")] {
        sandbox.write("queue", format!("{name}|1_0|{state}|Resources|n1\n"));
        runner(&["sweep", "list"]).success().stdout_has(&[word]);
        runner(&["sweep", "resume", "--launcher", "local"])
            .code(75)
            .stderr_has(&[
                "1 job of this sweep is pending or running on the cluster",
                "runner sweep cancel",
            ]);
    }
    std::fs::remove_file(sandbox.path("queue")).unwrap();
    runner(&["sweep", "list"])
        .success()
        .stdout_has(&[" submitted\n"]);
    let status = runner(&["sweep", "status"]).success().stdout_has(&[
        "trials  2 waiting",
        "state   submitted; the cluster does not say",
    ]);
    assert!(
        !status.stderr.contains("[launcher.slurm]"),
        "{}",
        status.stderr
    );
    status.stderr_has(&["`squeue` refused: slurm_load_jobs error", "scontrol ping"]);
    runner(&["sweep", "resume", "--launcher", "local"]).code(1);
    sandbox.write("queue", "");
    runner(&["sweep", "list"])
        .success()
        .stdout_has(&[" interrupted\n"]);
    runner(&["sweep", "resume", "--launcher", "local"])
        .success()
        .stdout_has(&["Trials: 2 finished"]);
}

// Seen red where Slurm's commands are found.
#[test]
fn a_machine_that_is_of_no_cluster_is_told_so() {
    let sandbox = Sandbox::new();
    write_two(&sandbox, "main");
    let mut command = sandbox.command(&["sweep", "run", "two.toml", "--launcher", "slurm"]);
    Outcome::of(command.env("PATH", sandbox.path("")))
        .code(1)
        .stderr_has(&["is not there", "Slurm"]);
}
