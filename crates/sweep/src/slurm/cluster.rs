//! Slurm's commands.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

/// A command of Slurm that did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not installed here.
    #[error(
        "`{command}` is not there\nstart the sweep on a machine of the Slurm cluster, or without --launcher slurm"
    )]
    NotThere {
        /// Its name.
        command: &'static str,
    },
    /// It refused, in its own words.
    #[error("`{command}` refused: {words}\n{remedy}")]
    Refused {
        /// Its name.
        command: &'static str,
        /// What it printed.
        words: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// A task that the cluster knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The name of its job.
    pub job_name: String,
    /// Its index in the array; `None` of a job that is no array.
    pub index: Option<usize>,
    /// `PENDING`, `RUNNING` and so on.
    pub state: String,
    /// Why it does not run.
    pub reason: String,
    /// The node it runs on.
    pub node: String,
}

/// The states of tasks that will still do something.
const ALIVE: &str = "PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING,STOPPED";

/// What a user can do about a refusal.
const REMEDY: &str =
    "change [launcher.slurm] of the sweep file; `sinfo` and `sacctmgr` say what there is";

/// What a user can do where the cluster does not answer.
const NO_ANSWER: &str =
    "jobs that were submitted go on; see whether the cluster answers with: scontrol ping";

/// Options of the language, with the variable of sbatch that goes over the script's. The others are left to the user, whose
/// site may ask for them.
const OPTION_VARIABLES: [(&str, &str); 8] = [
    ("partition", "SBATCH_PARTITION"),
    ("account", "SBATCH_ACCOUNT"),
    ("qos", "SBATCH_QOS"),
    ("time", "SBATCH_TIMELIMIT"),
    ("mem", "SBATCH_MEM_PER_NODE"),
    ("gres", "SBATCH_GRES"),
    ("constraint", "SBATCH_CONSTRAINT"),
    ("cpus-per-task", "SBATCH_CPUS_PER_TASK"),
];

/// The same for options that the scripts always have.
const OWN_VARIABLES: [(&str, &str); 8] = [
    ("job-name", "SBATCH_JOB_NAME"),
    ("array", "SBATCH_ARRAY_INX"),
    ("requeue", "SBATCH_REQUEUE"),
    ("requeue", "SBATCH_NO_REQUEUE"),
    ("open-mode", "SBATCH_OPEN_MODE"),
    ("output", "SBATCH_OUTPUT"),
    ("signal", "SBATCH_SIGNAL"),
    ("dependency", "SBATCH_DEPENDENCY"),
];

/// The array size of a cluster that does not say.
const MAX_ARRAY_SIZE: usize = 1001;

/// Hands a script in; the id of the job. `after` are the ids of jobs that have to end first. Of the options in `stated`,
/// which the script has, variables must not say otherwise.
///
/// # Errors
/// Where the cluster refuses.
pub fn sbatch(script: &Path, after: &[u64], stated: &[&str]) -> Result<u64, Error> {
    let mut command = clean("sbatch");
    let variables = OPTION_VARIABLES
        .iter()
        .filter(|(option, _)| stated.contains(option));
    for (_, variable) in variables.chain(&OWN_VARIABLES) {
        command.env_remove(variable);
    }
    command.arg("--parsable");
    if !after.is_empty() {
        let ids: Vec<String> = after.iter().map(u64::to_string).collect();
        command.arg(format!("--dependency=afterany:{}", ids.join(":")));
    }
    let text = run("sbatch", command.arg(script), REMEDY)?;
    // `123` or `123;cluster`, perhaps below warnings.
    let id = text
        .lines()
        .rev()
        .find_map(|line| line.split(';').next()?.trim().parse().ok());
    id.ok_or_else(|| Error::Refused {
        command: "sbatch",
        words: format!("it printed no job id: {}", text.trim()),
        remedy: REMEDY,
    })
}

/// The tasks of jobs with these names that are alive.
///
/// # Errors
/// Where the cluster does not answer.
pub fn squeue(job_names: &[String]) -> Result<Vec<Queued>, Error> {
    if job_names.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = clean("squeue");
    command.args([
        "--noheader",
        "--array",
        "--states",
        ALIVE,
        "--format",
        "%j|%i|%T|%r|%N",
        "--name",
    ]);
    let text = run("squeue", command.arg(job_names.join(",")), NO_ANSWER)?;
    Ok(text.lines().filter_map(parse).collect())
}

/// Reads a line of `squeue`: `lr-20261128-101112-000|12_3|PENDING|Resources|`.
fn parse(line: &str) -> Option<Queued> {
    let parts: Vec<&str> = line.split('|').collect();
    let [job_name, id, state, reason, node] = parts.as_slice() else {
        return None;
    };
    Some(Queued {
        job_name: job_name.trim().to_owned(),
        index: id
            .split_once('_')
            .and_then(|(_, index)| index.trim().parse().ok()),
        state: state.trim().to_owned(),
        reason: reason.trim().to_owned(),
        node: node.trim().to_owned(),
    })
}

/// How tasks of these jobs have ended: `12_3` and `OUT_OF_MEMORY`. A cluster that keeps no accounts knows of none.
pub fn sacct(job_ids: &[u64]) -> Vec<(String, String)> {
    if job_ids.is_empty() {
        return Vec::new();
    }
    let ids: Vec<String> = job_ids.iter().map(u64::to_string).collect();
    let mut command = clean("sacct");
    command.args([
        "--noheader",
        "--allocations",
        "--parsable2",
        "--format",
        "JobID,State",
        "--jobs",
    ]);
    let text = run("sacct", command.arg(ids.join(",")), NO_ANSWER).unwrap_or_default();
    let ended = text.lines().filter_map(|line| line.split_once('|'));
    // `CANCELLED by 0`
    let ended = ended.map(|(id, state)| {
        (
            id.to_owned(),
            state.split(' ').next().unwrap_or(state).to_owned(),
        )
    });
    ended.collect()
}

/// Ends all jobs with these names.
///
/// # Errors
/// Where the cluster refuses.
pub fn scancel(job_names: &[String]) -> Result<(), Error> {
    for name in job_names {
        run(
            "scancel",
            clean("scancel").arg("--name").arg(name),
            NO_ANSWER,
        )?;
    }
    Ok(())
}

/// Puts a task back into the queue; the cluster then kills its process.
///
/// # Errors
/// Where the cluster refuses.
pub fn requeue(task: &str) -> Result<(), Error> {
    let mut command = clean("scontrol");
    let output = start("scontrol", command.args(["requeue", task]))?;
    // The cluster may end this very command with the task that it puts back.
    match output.status.code() {
        Some(0) | None => Ok(()),
        Some(_) => Err(refused(
            "scontrol",
            &output,
            "runner sweep resume goes on with the trial",
        )),
    }
}

/// The largest size of an array.
///
/// # Errors
/// Where the cluster does not answer.
pub fn max_array_size() -> Result<usize, Error> {
    let mut command = clean("scontrol");
    let text = run("scontrol", command.args(["show", "config"]), NO_ANSWER)?;
    let size = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "MaxArraySize").then(|| value.trim().parse().ok())?
    });
    Ok(size.unwrap_or(MAX_ARRAY_SIZE).max(1))
}

/// A command without the variables of a job that this process may be part of: a new job would inherit its ids.
fn clean(program: &'static str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_of_job = text.starts_with("SLURM_") && text != "SLURM_CONF";
        if is_of_job || text.starts_with("SQUEUE_") {
            command.env_remove(&name);
        }
    }
    command
}

fn run(name: &'static str, command: &mut Command, remedy: &'static str) -> Result<String, Error> {
    let output = start(name, command)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(refused(name, &output, remedy)),
    }
}

fn start(name: &'static str, command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::NotThere { command: name },
        _ => Error::Refused {
            command: name,
            words: error.to_string(),
            remedy: "see whether it runs by itself",
        },
    })
}

fn refused(name: &'static str, output: &Output, remedy: &'static str) -> Error {
    let [errors, text] =
        [&output.stderr, &output.stdout].map(|it| String::from_utf8_lossy(it).trim().to_owned());
    Error::Refused {
        command: name,
        words: format!("{errors} {text}").trim().to_owned(),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_squeue_are_read() {
        let queued = parse("lr-20261128-101112-000|12_3|RUNNING|None|n2").unwrap();
        assert_eq!((queued.index, queued.node.as_str()), (Some(3), "n2"));
        let waiting = parse("lr-20261128-101112-001-collect|13|PENDING|Dependency|").unwrap();
        assert_eq!(
            (waiting.index, waiting.reason.as_str()),
            (None, "Dependency")
        );
        assert_eq!(parse("slurm_load_jobs error"), None);
    }
}
