//! metrics.csv: one row an epoch, written a line at a time and read as a table of numbers.

use std::path::{Path, PathBuf};

use super::rows;
use crate::metrics::{COLUMNS, EpochRecord, ValueType, best_first, column};

/// The first line of the file.
pub fn header() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    rows::line(&names)
}

/// The line of an epoch.
pub fn line(epoch: &EpochRecord) -> String {
    rows::line(&epoch.cells())
}

/// The text of a metrics file.
///
/// # Errors
///
/// If it cannot be read.
pub fn text(path: &Path) -> Result<String, TableError> {
    std::fs::read_to_string(path).map_err(|error| TableError {
        path: path.to_owned(),
        what: format!("cannot be read: {error}"),
    })
}

/// The columns of a metrics file and one row an epoch; an empty cell is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricsTable {
    columns: Vec<String>,
    rows: Vec<Vec<Option<f64>>>,
    /// The rows as they stand in the file.
    lines: Vec<String>,
}

/// A file that is no table of metrics.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}\nname a run, or a metrics.csv written by a run", path.display())]
pub struct TableError {
    /// The file.
    pub path: PathBuf,
    what: String,
}

/// Whether a column is known not to hold numbers.
fn is_text(name: &str) -> bool {
    column(name).is_some_and(|column| column.value_type() == ValueType::Text)
}

/// Says what is wrong with a row of too many or too few cells.
fn ragged(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => format!(
            "line {} has {len} cells, but the header has {expected_len}",
            pos.as_ref().map_or(0, csv::Position::line)
        ),
        _ => error.to_string(),
    }
}

impl MetricsTable {
    /// Reads a metrics file that stands on its own; its last row needs no newline. That of a run may be torn, see
    /// [`metrics`](crate::run_dir::metrics).
    ///
    /// # Errors
    ///
    /// If it cannot be read, has no epochs, or a cell that should be a number is none.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        Self::parse(path, &text(path)?)
    }

    /// Parses the text of a metrics file.
    ///
    /// # Errors
    ///
    /// If it has no epochs, or a cell that should be a number is none; they name the line and column.
    pub fn parse(path: &Path, text: &str) -> Result<Self, TableError> {
        let error = |what: String| TableError {
            path: path.to_owned(),
            what,
        };
        // Spreadsheets put a byte order mark before the first column.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns: Vec<String> = reader
            .headers()
            .map_err(|e| error(e.to_string()))?
            .iter()
            .map(str::to_owned)
            .collect();
        if !columns.iter().any(|column| column == "epoch") {
            return Err(error(
                "line 1 has no column `epoch`, so this is not a metrics file of this program"
                    .to_owned(),
            ));
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| error(ragged(&e)))?;
            let line = record.position().map_or(0, csv::Position::line);
            let row: Result<Vec<Option<f64>>, TableError> = columns
                .iter()
                .zip(&record)
                .map(|(column, cell)| {
                    if cell.is_empty() || is_text(column) {
                        return Ok(None);
                    }
                    cell.parse().map(Some).map_err(|_| {
                        error(format!(
                            "line {line}, column `{column}`: {cell:?} is not a number"
                        ))
                    })
                })
                .collect();
            rows.push(row?);
        }
        let lines = text.lines().skip(1).map(str::to_owned).collect();
        Ok(Self {
            columns,
            rows,
            lines,
        })
    }

    /// The rows as they stand in the file, without the header.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number in a cell; `None` where the cell is empty or text, or there is none. Rows count from 0.
    pub fn get(&self, row: usize, column: &str) -> Option<f64> {
        let index = self.columns.iter().position(|name| name == column)?;
        *self.rows.get(row)?.get(index)?
    }

    /// The row with the best value of a column, the earliest of equals; NaN is never best. `None` where
    /// there is no value, or where no value of the column is better than another.
    pub fn best(&self, name: &str) -> Option<usize> {
        let mode = column(name)?.mode?;
        let values = (0..self.rows.len()).map(|row| self.get(row, name));
        best_first(mode, values).first().copied()
    }
}
