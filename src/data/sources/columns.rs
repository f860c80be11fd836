//! Which columns of a table say where an image is, of which class it is and what it is for.

use crate::config::Columns;

/// The places of the columns of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnPlaces {
    /// Where each image is, or the image itself.
    pub path: usize,
    /// Its class.
    pub label: usize,
    /// What it is for; `None` where no column says so.
    pub split: Option<usize>,
}

/// The usual names of such columns, compared without regard to case; the first of each list is ours and takes
/// precedence.
const PATH: &[&str] = &[
    "path",
    "file_name",
    "filename",
    "file_path",
    "filepath",
    "image_path",
    "image",
    "img",
    "file",
];
const LABEL: &[&str] = &["label", "class", "class_name", "category", "target"];
const SPLIT: &[&str] = &["split", "subset"];

impl ColumnPlaces {
    /// Finds the columns that `wanted` names, and the others by their usual names; the error says what is wrong.
    pub fn of(headers: &[&str], wanted: &Columns) -> Result<Self, String> {
        let path = find(headers, "path", &wanted.path, PATH)?;
        let label = find(headers, "label", &wanted.label, LABEL)?;
        let split = find(headers, "split", &wanted.split, SPLIT)?;
        match (path, label) {
            (Some(path), Some(label)) => Ok(Self { path, label, split }),
            _ => Err(format!(
                "the columns are {}, not path and label",
                headers.join(", ")
            )),
        }
    }

    /// The column that says where each image is, of a table whose other columns do not matter.
    pub fn of_path(headers: &[&str], wanted: &Columns) -> Result<usize, String> {
        let path = find(headers, "path", &wanted.path, PATH)?;
        path.ok_or_else(|| format!("the columns are {}, not path", headers.join(", ")))
    }
}

/// The column that the config names, or else the one that has a usual name.
fn find(
    headers: &[&str],
    key: &str,
    name: &Option<String>,
    usual: &[&str],
) -> Result<Option<usize>, String> {
    match name {
        Some(name) => stated(headers, key, name).map(Some),
        None => usually(headers, key, usual),
    }
}

/// The column that the config names: an exact match, or else the only match without regard to case.
fn stated(headers: &[&str], key: &str, name: &str) -> Result<usize, String> {
    if let Some(exact) = headers.iter().position(|header| *header == name) {
        return Ok(exact);
    }
    let has_name = |header: &&str| header.eq_ignore_ascii_case(name);
    let mut places = (0..headers.len()).filter(|place| has_name(&headers[*place]));
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        _ => Err(format!(
            "no column is called {name:?}, as data.columns.{key} says: the columns are {}",
            headers.join(", ")
        )),
    }
}

/// The column that has a usual name; an error if several could be meant.
fn usually(headers: &[&str], key: &str, usual: &[&str]) -> Result<Option<usize>, String> {
    let of_name = |name: &&str| {
        let mut headers = headers.iter();
        headers.position(|header| header.eq_ignore_ascii_case(name))
    };
    if let Some(place) = of_name(&usual[0]) {
        return Ok(Some(place));
    }
    let mut places = usual.iter().filter_map(of_name);
    match (places.next(), places.next()) {
        (Some(first), Some(second)) => Err(format!(
            "the columns {} and {} could both be the {key}: say which with data.columns.{key}",
            headers[first], headers[second]
        )),
        (place, _) => Ok(place),
    }
}
