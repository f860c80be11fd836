//! Where two runs part: in their configs, data, programs, and the first epoch that came out differently.

use std::collections::BTreeMap;

use crate::run_dir::{MetricsTable, Run, TableError};

/// How two runs differ.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parting {
    /// Keys of the config with the value of each, as TOML text; `None` where a run has no such key.
    pub config: Vec<Difference>,
    /// What else makes a run what it is: data files by their place, versions, backend.
    pub circumstances: Vec<Difference>,
    /// The first epoch, 1-based, whose rows of metrics.csv differ.
    pub epoch: Option<u64>,
    /// Epochs that both have.
    pub common_epochs: usize,
    /// How many epochs each has.
    pub epochs: [usize; 2],
}

/// Something that has another value in each of two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub what: String,
    /// Its value in the first run.
    pub first: Option<String>,
    /// Its value in the second run.
    pub second: Option<String>,
}

impl Parting {
    /// Compares two runs.
    ///
    /// # Errors
    /// Where metrics.csv cannot be read.
    pub fn of(first: &Run, second: &Run) -> Result<Self, TableError> {
        let (rows, others) = (first.metrics()?, second.metrics()?);
        let epochs = [rows.len(), others.len()];
        let common_epochs = epochs[0].min(epochs[1]);
        Ok(Self {
            config: differences(config(first), config(second)),
            circumstances: differences(circumstances(first), circumstances(second)),
            epoch: first_different(&rows, &others, common_epochs),
            common_epochs,
            epochs,
        })
    }

    /// Whether the runs are equal as far as both have come, and as far as each other.
    pub fn is_none(&self) -> bool {
        let has_same_epochs = self.epochs[0] == self.epochs[1];
        self.config.is_empty()
            && self.circumstances.is_empty()
            && self.epoch.is_none()
            && has_same_epochs
    }
}

fn config(run: &Run) -> BTreeMap<String, String> {
    run.experiment.flatten().into_iter().collect()
}

fn circumstances(run: &Run) -> BTreeMap<String, String> {
    let identity = &run.identity;
    let mut known = BTreeMap::from([
        (
            "program version".to_owned(),
            identity.program_version.clone(),
        ),
        ("Burn version".to_owned(), identity.burn_version.clone()),
        ("backend".to_owned(), identity.backend.clone()),
        ("classes".to_owned(), identity.class_names.join(", ")),
    ]);
    for (number, file) in (1..).zip(&identity.data_files) {
        known.insert(
            format!("data file {number}"),
            format!("{} sha256 {}", file.path, file.sha256),
        );
    }
    known
}

fn differences(
    first: BTreeMap<String, String>,
    mut second: BTreeMap<String, String>,
) -> Vec<Difference> {
    let mut all: Vec<Difference> = first
        .into_iter()
        .map(|(what, first)| Difference {
            second: second.remove(&what),
            first: Some(first),
            what,
        })
        .collect();
    all.extend(second.into_iter().map(|(what, second)| Difference {
        what,
        first: None,
        second: Some(second),
    }));
    all.retain(|difference| difference.first != difference.second);
    all.sort_by(|one, other| one.what.cmp(&other.what));
    all
}

/// The first row that is another, as text: with all digits, and the digest of all weights among them.
fn first_different(rows: &MetricsTable, others: &MetricsTable, common: usize) -> Option<u64> {
    let pairs = rows.lines().zip(others.lines()).take(common);
    let different = pairs.zip(1..).find(|((row, other), _)| row != other);
    different.map(|(_, epoch)| epoch)
}
