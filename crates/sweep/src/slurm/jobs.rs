//! What was submitted: a line before and a line after each job is handed in, so that none is lost or handed in twice.

use std::fs;
use std::path::{Path, PathBuf};

use runner_files::{self as files, IoError};
use runner_records::run_dir;
use serde::{Deserialize, Serialize};

use crate::directory::SweepDir;
use crate::layout;

/// The folder of what concerns the cluster, in a sweep directory.
pub const FOLDER: &str = "launcher";
/// In it: what was submitted, a JSON object a line.
const JOBS: &str = "jobs.jsonl";
/// In it: what jobs print.
const LOGS: &str = "logs";

/// One job that was handed in, or is about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number among those of the sweep, from 0.
    pub submission: usize,
    /// Its name, which is that of no other job.
    pub job_name: String,
    /// The file of its tasks, in the launcher's folder; none of a collecting job.
    pub tasks: Option<String>,
    /// Its id, once it has one.
    pub job_id: Option<u64>,
    /// RFC 3339, UTC.
    pub time: String,
}

/// One task of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// The number of the trial.
    pub trial: usize,
    /// The epoch that it is to get to.
    pub until: u64,
}

/// The folder of what concerns the cluster.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// Where it is.
    pub folder: PathBuf,
    prefix: String,
}

impl Jobs {
    /// Of a sweep; nothing is made.
    pub fn of(sweep: &SweepDir) -> Self {
        let (id, name) = (&sweep.record.sweep_id, &sweep.record.name);
        // The sweep's name first, since queues are shown with a few letters of each name.
        let attempt = id.get(layout::STAMP..).and_then(|it| it.strip_prefix(name));
        let prefix = match (id.get(..layout::STAMP), attempt) {
            (Some(stamp), Some(attempt)) => {
                format!("{name}-{}{attempt}", stamp.trim_end_matches('-'))
            }
            _ => id.clone(),
        };
        Self {
            folder: sweep.folder.join(FOLDER),
            prefix,
        }
    }

    /// Whether anything was submitted.
    pub fn exist(&self) -> bool {
        self.folder.join(JOBS).exists()
    }

    /// Where jobs print to.
    pub fn logs(&self) -> PathBuf {
        self.folder.join(LOGS)
    }

    /// Makes the folders: a job whose log has none fails without a word.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn create(&self) -> Result<(), IoError> {
        files::create_folders(&self.logs())
    }

    /// All jobs, each as its last line says; a line that was cut by a crash was never acknowledged.
    pub fn read(&self) -> Vec<Job> {
        let text = fs::read_to_string(self.folder.join(JOBS)).unwrap_or_default();
        let mut jobs: Vec<Job> = Vec::new();
        for job in text
            .lines()
            .filter_map(|line| serde_json::from_str::<Job>(line).ok())
        {
            match jobs.iter_mut().find(|known| known.job_name == job.job_name) {
                Some(known) => *known = job,
                None => jobs.push(job),
            }
        }
        jobs
    }

    /// Notes a job, durably.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn note(&self, job: &Job) -> Result<(), IoError> {
        let mut line = serde_json::to_string(job).expect("a job is plain data");
        line.push('\n');
        files::append(&self.folder.join(JOBS), &line, |line| {
            serde_json::from_str::<Job>(line).is_ok()
        })
    }

    /// A new job, not handed in yet.
    pub fn next(&self, tasks: Option<&[Task]>) -> Result<Job, IoError> {
        let submission = self.read().len();
        let file = tasks.map(|_| format!("{submission:03}.tasks"));
        if let (Some(file), Some(tasks)) = (&file, tasks) {
            let lines = tasks
                .iter()
                .map(|task| format!("{} {}\n", task.trial, task.until));
            files::replace(
                &self.folder.join(file),
                lines.collect::<String>().as_bytes(),
            )?;
        }
        Ok(Job {
            submission,
            job_name: match &file {
                Some(_) => format!("{}-{submission:03}", self.prefix),
                None => format!("{}-{submission:03}-collect", self.prefix),
            },
            tasks: file,
            job_id: None,
            time: run_dir::now(),
        })
    }

    /// The script of a job.
    pub fn script(&self, job: &Job) -> PathBuf {
        self.folder.join(format!("{:03}.sbatch", job.submission))
    }

    /// The tasks in a file, in their order.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn tasks(&self, file: &str) -> Result<Vec<Task>, IoError> {
        let path = self
            .folder
            .join(Path::new(file).file_name().unwrap_or_default());
        let text = fs::read_to_string(&path).map_err(IoError::at("read", &path))?;
        let task = |line: &str| {
            let (trial, until) = line.split_once(' ')?;
            Some(Task {
                trial: trial.parse().ok()?,
                until: until.parse().ok()?,
            })
        };
        Ok(text.lines().filter_map(task).collect())
    }
}
