//! `[run]` and `[launcher]`: where trials run, and how many at a time.

use crate::language::info::{Fallback, KeyInfo, Kind};
use crate::language::key::{Key, TableKey};
use crate::language::section::Section;
use crate::language::values::{TEXT, TEXTS, count, integer};

/// How many trials run at a time on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Local {
    /// Trials at a time; as many as there are processors unless stated.
    pub parallel: Option<usize>,
    /// Compute threads of each; the processors divided by the trials at a time unless stated.
    pub threads: Option<u16>,
}

const PARALLEL: Key<Option<usize>> = Key::derived(
    "parallel",
    integer(1, 4096),
    "the number of processors",
    "number of trials that run at a time, memory permitting",
);
const THREADS: Key<Option<usize>> = Key::derived(
    "threads",
    integer(1, 1024),
    "the processors divided by `parallel`",
    "number of compute threads of each trial; does not affect results",
);

pub(super) const RUN: TableKey = TableKey::with_defaults(
    "run",
    &[PARALLEL.info, THREADS.info],
    "how many trials run at a time on this machine",
);

impl Local {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            parallel: section.read(&PARALLEL),
            threads: section.read(&THREADS).map(|threads| threads as u16),
        }
    }
}

/// What the jobs of a Slurm cluster ask for. Texts go to `sbatch` as they are, but for line breaks, which none may have.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Slurm {
    /// Options of sbatch of the same name, with their values, those that are stated.
    pub options: Vec<(&'static str, String)>,
    /// Trials that run at a time; as many as there are unless stated.
    pub max_parallel: Option<usize>,
    /// Seconds before the end of a job's time at which it is told to write a checkpoint.
    pub notice_s: u64,
    /// How often a trial is requeued at most.
    pub max_requeues: u64,
    /// Lines of shell that each job runs first.
    pub setup: Vec<String>,
    /// Further options of sbatch.
    pub extra: Vec<String>,
}

const fn option(name: &'static str, meaning: &'static str) -> Key<Option<String>> {
    Key::optional(name, TEXT, meaning)
}

const PARTITION: Key<Option<String>> = option("partition", "partition of the jobs");
const ACCOUNT: Key<Option<String>> = option("account", "account that the jobs are charged to");
const QOS: Key<Option<String>> = option("qos", "quality of service of the jobs");
const TIME: Key<Option<String>> = option(
    "time",
    "time limit of a job, as sbatch takes it: \"30\" are minutes, \"2:00:00\" hours",
);
const MEM: Key<Option<String>> = option("mem", "memory of a job, for example \"4G\"");
const CPUS_PER_TASK: Key<Option<usize>> = Key::optional(
    "cpus_per_task",
    count(),
    "processors of a job; its trial computes on as many threads",
);
const GRES: Key<Option<String>> =
    option("gres", "generic resources of a job, for example \"gpu:1\"");
const CONSTRAINT: Key<Option<String>> = option("constraint", "features that a node must have");
const NODELIST: Key<Option<String>> = option("nodelist", "nodes that jobs run on");
const EXCLUDE: Key<Option<String>> = option("exclude", "nodes that no job runs on");
const MAX_PARALLEL: Key<Option<usize>> = Key::derived(
    "max_parallel",
    count(),
    "no limit",
    "number of trials that run at a time",
);
const NOTICE_S: Key<u64> = Key::with_default(
    "notice_s",
    integer(1, 86_400),
    "120",
    "time before the end of a job at which it writes a checkpoint and is requeued",
)
.unit("seconds");
const MAX_REQUEUES: Key<u64> = Key::with_default(
    "max_requeues",
    integer(0, 10_000),
    "20",
    "number of times that a job is requeued before its trial is left to `sweep resume`",
);
const SETUP: Key<Option<Vec<String>>> = Key::optional(
    "setup",
    TEXTS,
    "lines of shell that a job runs before its trial, for example \"module load cuda\"",
);
const EXTRA: Key<Option<Vec<String>>> = Key::optional(
    "extra",
    TEXTS,
    "further options of sbatch, each as \"--flag=value\"",
);

const SLURM_KEYS: &[KeyInfo] = &[
    PARTITION.info,
    ACCOUNT.info,
    QOS.info,
    TIME.info,
    MEM.info,
    CPUS_PER_TASK.info,
    GRES.info,
    CONSTRAINT.info,
    NODELIST.info,
    EXCLUDE.info,
    MAX_PARALLEL.info,
    NOTICE_S.info,
    MAX_REQUEUES.info,
    SETUP.info,
    EXTRA.info,
];
const SLURM: TableKey = TableKey::optional(
    "slurm",
    SLURM_KEYS,
    "what the jobs of `--launcher slurm` ask for",
);

pub(super) const LAUNCHER: TableKey = TableKey::new(
    "launcher",
    Kind::Table(&[SLURM.info]),
    Fallback::Nothing,
    "where trials run, other than on this machine",
);

impl Slurm {
    /// Reads `[launcher.slurm]`; all defaults where it is absent.
    pub(super) fn read(document: &Section<'_>) -> Self {
        let Some(launcher) = document.optional_table(&LAUNCHER) else {
            return Self {
                notice_s: 120,
                max_requeues: 20,
                ..Self::default()
            };
        };
        let section = launcher.table(&SLURM);
        let words = [
            PARTITION, ACCOUNT, QOS, TIME, MEM, GRES, CONSTRAINT, NODELIST, EXCLUDE,
        ];
        let words = words.iter().filter_map(|key| {
            let value = line(&section, key)?;
            Some((key.name, value))
        });
        let mut options: Vec<(&'static str, String)> = words.collect();
        if let Some(cpus) = section.read(&CPUS_PER_TASK) {
            options.push(("cpus-per-task", cpus.to_string()));
        }
        Self {
            options,
            max_parallel: section.read(&MAX_PARALLEL),
            notice_s: section.read(&NOTICE_S),
            max_requeues: section.read(&MAX_REQUEUES),
            setup: section.read(&SETUP).unwrap_or_default(),
            extra: flags(&section),
        }
    }
}

/// A text of one line, since it becomes part of one, with something in it.
fn line(section: &Section<'_>, key: &Key<Option<String>>) -> Option<String> {
    let text = section.read(key)?;
    if text.trim().is_empty() {
        let message = format!("`{}` is empty", section.path_of(key.name));
        let help = "write a value, or leave the key out for the cluster's default";
        section.report(key, message, "", help);
    }
    if text.contains(char::is_control) {
        let message = format!("`{}` must be one line", section.path_of(key.name));
        section.report(key, message, "", "remove the line break");
    }
    Some(text)
}

fn flags(section: &Section<'_>) -> Vec<String> {
    let flags = section.read(&EXTRA).unwrap_or_default();
    let is_flag = |flag: &String| flag.starts_with('-') && !flag.contains(char::is_control);
    if !flags.iter().all(is_flag) {
        let message = "an option of sbatch begins with a hyphen and is one line".to_owned();
        section.report(&EXTRA, message, "", "write it as \"--flag=value\"");
    }
    flags
}
