//! Jobs that ended before they became our program: no run directory says why, only what they printed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::jobs::Jobs;
use super::script::ENDED;
use crate::directory::SweepDir;

/// Bytes at the end of a log that are looked at.
const TAIL: i64 = 4096;
/// Lines before the last one that are told.
const LINES: usize = 3;

/// Why the last job of each trial ended before it became our program, where it did, by the trial's number. Only those of
/// which `is_open` says that they are not done are looked at.
pub fn setbacks(sweep: &SweepDir, is_open: impl Fn(usize) -> bool) -> BTreeMap<usize, String> {
    let jobs = Jobs::of(sweep);
    let mut logs = BTreeMap::new();
    for job in jobs.read() {
        let Some(file) = &job.tasks else { continue };
        for (index, task) in jobs.tasks(file).unwrap_or_default().iter().enumerate() {
            let log = job.job_id.map(|id| format!("{id}_{index}.log"));
            logs.insert(task.trial, log);
        }
    }
    let logs = logs.into_iter().filter(|(trial, _)| is_open(*trial));
    let setbacks = logs.filter_map(|(trial, log)| {
        let how = setback(&jobs.logs().join(log?))?;
        Some((
            trial,
            format!("its job ended before the trial began, {how}"),
        ))
    });
    setbacks.collect()
}

/// The same for the collecting job that was submitted last.
pub fn of_collecting(sweep: &SweepDir) -> Option<String> {
    let jobs = Jobs::of(sweep);
    let last = jobs.read().into_iter().rfind(|job| job.tasks.is_none())?;
    let how = setback(&jobs.logs().join(format!("{}-collect.log", last.job_id?)))?;
    Some(format!("it ended before it began, {how}"))
}

/// What a log says of a job that ended so: its exit code, and the lines before that.
fn setback(log: &Path) -> Option<String> {
    let text = tail(log).ok()?;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let (last, before) = lines.split_last()?;
    let code = last.strip_prefix(ENDED)?;
    // A shell names its script, which is another file for each job.
    let told = before[before.len().saturating_sub(LINES)..].iter();
    let told = told.map(|line| line.rsplit_once("slurm_script: ").map_or(*line, |it| it.1));
    let told: Vec<&str> = told.map(str::trim).collect();
    Some(format!(
        "with exit code {code}: {}",
        match told.as_slice() {
            [] => "it printed nothing".to_owned(),
            told => told.join(" / "),
        }
    ))
}

/// The end of a file.
fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len() as i64;
    file.seek(SeekFrom::End(-length.min(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
