//! A CSV file that lists images with their classes, perhaps with the split that each is in; paths start at its
//! folder. Hugging Face's `metadata.csv`, in the folder of a split, is such a file too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::columns::ColumnPlaces;
use super::image_folder::{self, METADATA};
use super::labelled::{ImageData, ImageFiles, ImagePlace, LabelledImages};
use super::labels::Labels;
use super::source::{Source, SourceFormat, read_file};
use crate::config::{Columns, Format};
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
    fn folder_contents(&self) -> &'static str {
        "or train/ and test/ or val/, each with a metadata.csv that has the columns file_name and label"
    }

    fn find_in_folder(
        &self,
        folder: &Path,
        role: Role,
        is_whole: bool,
    ) -> Result<Option<Source>, Error> {
        let of = |split, file| Some(source(split, file));
        let found = |split| {
            let folder = image_folder::split_folder(folder, split)?;
            of(split, metadata(&folder)?)
        };
        if image_folder::has_split_folders(folder) {
            return Ok(match role {
                Role::Train => found(Role::Train),
                Role::Eval => found(Role::Eval).or_else(|| found(Role::Test)),
                Role::Test => found(Role::Test),
            });
        }
        let Some(file) = metadata(folder) else {
            return Ok(None);
        };
        Ok(match splits(&file, &Columns::default()) {
            Some(splits) if splits.contains(&role) => of(role, file),
            // As in a CSV file that is named, those for the test are evaluated if there are no others.
            Some(splits) if role == Role::Eval && splits.contains(&Role::Test) => of(role, file),
            Some(_) => None,
            None => of(role, file).filter(|_| is_whole),
        })
    }

    fn find_spare_test(&self, folder: &Path, has_other_eval: bool) -> Option<Source> {
        let has_val = image_folder::split_folder(folder, Role::Eval).is_some();
        let test = image_folder::split_folder(folder, Role::Test)?;
        let file = metadata(&test)?;
        (has_other_eval || has_val).then(|| source(Role::Test, file))
    }

    fn is_named_like(&self, file: &Path) -> bool {
        is_named_as_list(file)
    }

    fn find_in_file(&self, file: &Path, role: Role) -> Option<Source> {
        Some(source(role, file.to_owned()))
    }

    fn splits_in_files(&self, files: &[PathBuf], columns: &Columns) -> Option<Vec<Role>> {
        let [file] = files else { return None };
        splits(file, columns)
    }

    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        let [path] = source.paths.as_slice() else {
            unreachable!("a manifest is one file");
        };
        list(path, source.split, &source.columns)
    }
}

/// Whether a file is a list of images by its name.
pub(super) fn is_named_as_list(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.to_lowercase().ends_with(".csv")
}

/// The images that a file lists, whatever else it says of them.
///
/// # Errors
///
/// If it cannot be read, has no column of paths, or lists nothing.
pub(super) fn paths(file: &Path, columns: &Columns) -> Result<Vec<PathBuf>, Error> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let bytes = read_file(file)?;
    let listed = || -> Result<Vec<PathBuf>, String> {
        let mut reader = reader(&bytes);
        let headers = reader.headers().map_err(|error| damaged(&error))?.clone();
        let names: Vec<&str> = headers.iter().collect();
        let column = ColumnPlaces::of_path(&names, columns)?;
        let records = reader.records();
        let paths = records.map(|record| {
            let record = record.map_err(|error| damaged(&error))?;
            Ok(folder.join(cell(&record, column, "path")?))
        });
        let paths = paths.collect::<Result<Vec<PathBuf>, String>>()?;
        match paths.is_empty() {
            true => Err(NOTHING.to_owned()),
            false => Ok(paths),
        }
    };
    listed().map_err(|what| Error::Mismatch {
        path: file.to_owned(),
        what,
        remedy: "it needs a header with a column path, and one line per image".to_owned(),
    })
}

const NOTHING: &str = "it lists no images";

fn source(split: Role, file: PathBuf) -> Source {
    Source::new(Format::Csv, split, vec![file])
}

/// The file that says the classes of the images in a folder. Where folders say them too, it must at least have the
/// columns for that.
fn metadata(folder: &Path) -> Option<PathBuf> {
    let file = folder.join(METADATA);
    let is_meant = image_folder::is_left_to_metadata(folder)
        || fs::read(&file).is_ok_and(|bytes| rows(&bytes, &Columns::default()).is_ok());
    (file.is_file() && is_meant).then_some(file)
}

/// The images of one split; where no column says which, all of them are.
fn list(path: &Path, role: Role, columns: &Columns) -> Result<LabelledImages, Error> {
    let bytes = read_file(path)?;
    let rows = rows(&bytes, columns).map_err(|what| Error::Mismatch {
        path: path.to_owned(),
        what,
        remedy: "it needs a header path,label or path,label,split and one line per image; a split \
                 is train, val or test; if the columns have other names, set data.columns = { path = \
                 \"file_name\", label = \"class_id\" }"
            .to_owned(),
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let warnings = match path.file_name().is_some_and(|name| name == METADATA) {
        true => unlisted(folder, &rows)?.into_iter().collect(),
        false => Vec::new(),
    };
    let there: Vec<Role> = rows.iter().filter_map(|row| row.split).collect();
    let role = role.of_those(&there);
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
    let place = |row: &Row| ImagePlace::File(folder.join(&row.path));
    Ok(LabelledImages {
        labels: Labels::of_names(&labels),
        images: ImageData::Files(ImageFiles {
            root: path.to_owned(),
            title: format!("{} ({})", path.display(), role.name()),
            places: own.iter().map(place).collect(),
        }),
        files: vec![DataFile::of(path, &bytes)],
        warnings,
    })
}

/// Says which images in a folder its metadata.csv does not list.
fn unlisted(folder: &Path, rows: &[Row]) -> Result<Option<String>, Error> {
    let listed: BTreeSet<PathBuf> = rows.iter().map(|row| folder.join(&row.path)).collect();
    let mut others = image_folder::images_below(folder)?;
    others.retain(|path| !listed.contains(path));
    others.sort_unstable();
    let Some(first) = others.first() else {
        return Ok(None);
    };
    let images = match others.len() {
        1 => "1 image is".to_owned(),
        count => format!("{count} images are"),
    };
    Ok(Some(format!(
        "{}: {images} not listed in {METADATA}, so not used: {}{}",
        folder.display(),
        first.strip_prefix(folder).unwrap_or(first).display(),
        if others.len() > 1 { " and so on" } else { "" }
    )))
}

/// Whether a column says which split an image is in, and which there are.
fn splits(path: &Path, columns: &Columns) -> Option<Vec<Role>> {
    let rows = rows(&fs::read(path).ok()?, columns).ok()?;
    let splits: Option<Vec<Role>> = rows.iter().map(|row| row.split).collect();
    let mut splits = splits?;
    splits.sort_unstable();
    splits.dedup();
    Some(splits)
}

/// Reads all lines; says what is wrong with the first that is not good, and in which line.
pub fn rows(bytes: &[u8], columns: &Columns) -> Result<Vec<Row>, String> {
    let mut reader = reader(bytes);
    let headers = reader.headers().map_err(|error| damaged(&error))?.clone();
    let names: Vec<&str> = headers.iter().collect();
    let places = ColumnPlaces::of(&names, columns)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| damaged(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize, name: &str| cell(&record, column, name);
        let split = places
            .split
            .map(|column| cell(column, "split"))
            .transpose()?;
        let split = split.map(|name| {
            Role::from_name(&name).ok_or_else(|| format!("line {line}: unknown split `{name}`"))
        });
        rows.push(Row {
            path: cell(places.path, "path")?,
            label: cell(places.label, "label")?,
            split: split.transpose()?,
        });
    }
    match rows.is_empty() {
        true => Err(NOTHING.to_owned()),
        false => Ok(rows),
    }
}

fn reader(bytes: &[u8]) -> csv::Reader<&[u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    csv::ReaderBuilder::new()
        .delimiter(delimiter(bytes))
        .trim(csv::Trim::All)
        .from_reader(bytes)
}

/// The text of a cell; says what is wrong with it otherwise.
fn cell(record: &csv::StringRecord, column: usize, name: &str) -> Result<String, String> {
    let line = record.position().map_or(0, csv::Position::line);
    match record.get(column) {
        Some("") | None => Err(format!("line {line}: the {name} is empty")),
        Some(text) if text.contains(char::is_control) => Err(format!(
            "line {line}: the {name} {text:?} has characters that cannot be shown"
        )),
        Some(text) => Ok(text.to_owned()),
    }
}

/// What stands between two cells: where the header has no comma, a semicolon or a tab will do.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let known = [b',', b';', b'\t'];
    let there = known.iter().find(|known| header.contains(known));
    *there.unwrap_or(&b',')
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
