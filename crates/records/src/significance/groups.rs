//! Runs that differ in nothing but the seed, as one: their mean, how much they vary, their best and worst.

use std::convert::Infallible;
use std::str::FromStr;

use runner_statistics::summary::Summary;

use crate::compare::ComparedRun;
use crate::metrics::{Mode, mode_of};
use crate::table::{Cell, Column, Table};

/// Which runs are taken together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Grouping {
    /// Those that differ in the seed alone.
    #[default]
    Auto,
    /// None.
    None,
    /// Those that have the same values of these keys.
    Keys(Vec<String>),
}

impl FromStr for Grouping {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "auto" => Self::Auto,
            "none" => Self::None,
            keys => Self::Keys(keys.split(',').map(|key| key.trim().to_owned()).collect()),
        })
    }
}

/// Some runs that are taken together, or one that stays single.
#[derive(Debug)]
pub struct Group<'a> {
    /// What it is called: the one run's name, or what its runs have in common.
    pub name: String,
    /// In the order in which they were named.
    pub runs: Vec<&'a ComparedRun>,
}

/// What runs of a group may differ in: the seed, and what says nothing of how they train.
const OF_SEED: &[&str] = &["seed", "name", "device"];

impl Group<'_> {
    /// The value of a column in the last epoch of each run that has one.
    pub fn values(&self, by: &str) -> Vec<f64> {
        let values = self.runs.iter().filter_map(|run| run.last(by));
        values.collect()
    }

    /// The seed of each run, if it is known of all.
    pub fn seeds(&self) -> Option<Vec<&str>> {
        self.runs.iter().map(|run| run.toml("seed")).collect()
    }
}

/// Puts runs together, in the order in which the first of each group was named.
pub fn groups<'a>(runs: &'a [ComparedRun], grouping: &Grouping) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for run in runs {
        let same = groups
            .iter_mut()
            .find(|group| belongs(group.runs[0], run, grouping));
        match same {
            Some(group) => group.runs.push(run),
            None => groups.push(Group {
                name: String::new(),
                runs: vec![run],
            }),
        }
    }
    for group in &mut groups {
        group.name = name(group, grouping);
    }
    groups
}

fn belongs(one: &ComparedRun, other: &ComparedRun, grouping: &Grouping) -> bool {
    match grouping {
        Grouping::None => false,
        // A metrics file on its own says nothing of how it came to be.
        Grouping::Auto => {
            one.has_config() && other.has_config() && one.is_same_but_for(other, OF_SEED)
        }
        Grouping::Keys(keys) => keys.iter().all(|key| {
            let value = one.toml(key);
            value.is_some() && value == other.toml(key)
        }),
    }
}

fn name(group: &Group<'_>, grouping: &Grouping) -> String {
    let first = group.runs[0];
    match (grouping, group.runs.as_slice()) {
        (_, [one]) => one.name().to_owned(),
        (Grouping::Keys(keys), _) => {
            let values = keys
                .iter()
                .map(|key| format!("{key}={}", first.toml(key).unwrap_or_default()));
            values.collect::<Vec<_>>().join(" ")
        }
        _ => format!(
            "{} x{}",
            first.toml("name").unwrap_or(first.name()).trim_matches('"'),
            group.runs.len()
        ),
    }
}

/// A row a group: how many runs, mean, deviation, 95 % interval of the mean, best and worst of a column in the last epoch.
pub fn of_groups(groups: &[Group<'_>], by: &str) -> Table {
    let columns = vec![
        Column::new("group"),
        Column::new("runs"),
        Column::new("mean"),
        Column::headed("sd", "sd"),
        Column::headed("interval_low", "95 %\nfrom"),
        Column::headed("interval_high", "\nto"),
        Column::new("best"),
        Column::new("worst"),
    ];
    let rows = groups.iter().map(|group| {
        let mut row = vec![
            Cell::Text(group.name.clone()),
            Cell::Count(group.runs.len() as u64),
        ];
        let Some(summary) = Summary::new(&group.values(by)) else {
            row.resize(columns.len(), Cell::Empty);
            return row;
        };
        let reach = summary.interval().ok();
        let (best, worst) = match mode_of(by) {
            Mode::Max => (summary.max, summary.min),
            Mode::Min => (summary.min, summary.max),
        };
        row.extend([
            Cell::Number(summary.mean),
            Cell::from(summary.sd),
            Cell::from(reach.map(|reach| summary.mean - reach)),
            Cell::from(reach.map(|reach| summary.mean + reach)),
            Cell::Number(best),
            Cell::Number(worst),
        ]);
        row
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}
