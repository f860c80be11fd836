//! A CSV file that lists images: the columns `path` and `label`, perhaps `split`; paths start at its folder.

use std::fs;
use std::path::Path;

use super::labelled::{ImageData, ImageFiles, LabelledImages};
use super::labels::Labels;
use super::source::{Source, SourceFormat, read_file};
use crate::config::Format;
use crate::data::{Error, Role};
use crate::run_dir::DataFile;

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The path of the image, from the folder of the CSV file.
    pub path: String,
    /// The name of the class.
    pub label: String,
    /// `None` where there is no such column.
    pub split: Option<Role>,
}

/// A CSV file that lists images.
pub(super) struct Manifest;

impl SourceFormat for Manifest {
    fn is_named_like(&self, file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.to_lowercase().ends_with(".csv")
    }

    fn find_in_file(&self, file: &Path, role: Role) -> Option<Source> {
        Some(Source {
            format: Format::Csv,
            split: role,
            paths: vec![file.to_owned()],
        })
    }

    fn splits_in_file(&self, file: &Path) -> Option<Vec<Role>> {
        splits(file)
    }

    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        let [path] = source.paths.as_slice() else {
            unreachable!("a manifest is one file");
        };
        list(path, source.split)
    }
}

/// The images of one split; where no column says which, all of them are.
fn list(path: &Path, role: Role) -> Result<LabelledImages, Error> {
    let bytes = read_file(path)?;
    let rows = rows(&bytes).map_err(|what| Error::Mismatch {
        path: path.to_owned(),
        what,
        remedy: "it needs a header path,label or path,label,split and one line per image; a split \
                 is train, val or test"
            .to_owned(),
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let role = match role {
        // A file without a line for one of the two has the other for both.
        Role::Eval | Role::Test => {
            let has = |role| rows.iter().any(|row| row.split == Some(role));
            match (role, has(Role::Eval), has(Role::Test)) {
                (Role::Eval, false, true) => Role::Test,
                _ => role,
            }
        }
        Role::Train => role,
    };
    let own: Vec<Row> = rows
        .into_iter()
        .filter(|row| row.split.is_none_or(|split| split == role))
        .collect();
    if own.is_empty() {
        return Err(Error::Missing {
            path: path.to_owned(),
            wanted: format!("line of the split {}", role.name()),
            remedy:
                "set the source that contains it in the config, or split it off: validation = 0.1"
                    .to_owned(),
        });
    }
    let labels: Vec<String> = own.iter().map(|row| row.label.clone()).collect();
    Ok(LabelledImages {
        labels: Labels::of_names(&labels),
        images: ImageData::Files(ImageFiles {
            root: path.to_owned(),
            title: format!("{} ({})", path.display(), role.name()),
            paths: own.iter().map(|row| folder.join(&row.path)).collect(),
        }),
        files: vec![DataFile::of(path, &bytes)],
        warnings: Vec::new(),
    })
}

/// Whether a column says which split an image is in, and which there are.
fn splits(path: &Path) -> Option<Vec<Role>> {
    let rows = rows(&fs::read(path).ok()?).ok()?;
    let splits: Option<Vec<Role>> = rows.iter().map(|row| row.split).collect();
    let mut splits = splits?;
    splits.sort_unstable();
    splits.dedup();
    Some(splits)
}

/// Reads all lines; says what is wrong with the first that is not good, and in which line.
pub fn rows(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let headers = reader.headers().map_err(|error| damaged(&error))?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let (Some(path), Some(label)) = (column("path"), column("label")) else {
        let names: Vec<&str> = headers.iter().collect();
        return Err(format!(
            "the columns are {}, not path and label",
            names.join(", ")
        ));
    };
    let split = column("split");
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| damaged(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize, name: &str| match record.get(column) {
            Some("") | None => Err(format!("line {line}: the {name} is empty")),
            Some(text) if text.contains(char::is_control) => Err(format!(
                "line {line}: the {name} {text:?} has characters that cannot be shown"
            )),
            Some(text) => Ok(text.to_owned()),
        };
        let split = split.map(|column| cell(column, "split")).transpose()?;
        let split = split.map(|name| {
            Role::from_name(&name).ok_or_else(|| format!("line {line}: unknown split `{name}`"))
        });
        rows.push(Row {
            path: cell(path, "path")?,
            label: cell(label, "label")?,
            split: split.transpose()?,
        });
    }
    match rows.is_empty() {
        true => Err("it lists no images".to_owned()),
        false => Ok(rows),
    }
}

fn damaged(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("line {line}: {len} cells for {expected_len} columns"),
        csv::ErrorKind::Utf8 { .. } => format!("line {line}: it is not UTF-8"),
        _ => format!("line {line}: {error}"),
    }
}
