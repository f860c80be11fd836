//! Finds the splits that a config or a user names, and recognises the format of each from what is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::labelled::LabelledImages;
use super::meant::unreadable;
use super::source::{Source, SourceFormat, missing};
use super::{FORMATS, idx, image_folder, shards};
use crate::config::{self, Columns, Format, is_pattern};
use crate::data::{Error, Role};

/// The split that a config names for `role`; `None` if the run has no such split.
///
/// # Errors
///
/// If nothing of a known format is there, or several formats fit.
pub fn find(data: &config::Data, role: Role) -> Result<Option<Source>, Error> {
    let columns = data.columns.clone().unwrap_or_default();
    let found = find_by(data, role, &columns)?;
    Ok(found.map(|source| Source { columns, ..source }))
}

fn find_by(data: &config::Data, role: Role, columns: &Columns) -> Result<Option<Source>, Error> {
    let own_place = match role {
        Role::Train => &data.train,
        Role::Eval if data.is_split() => return Ok(None),
        Role::Eval => &data.eval,
        Role::Test => &data.test,
    };
    if let Some(place) = own_place {
        if role == Role::Eval
            && data.train.as_ref() == Some(place)
            && is_unsplit(place, data.format, columns)
        {
            return Err(both_in_one_file(place));
        }
        return recognize(Path::new(place), role, data.format, true).map(Some);
    }
    let Some(place) = data.path.as_deref() else {
        return Ok(None);
    };
    let path = Path::new(place);
    match role {
        Role::Train => {
            // A folder without splits will do where the evaluation images come from elsewhere.
            let is_whole = data.is_split() || data.eval.is_some();
            recognize(path, role, data.format, is_whole).map(Some)
        }
        Role::Eval if is_unsplit(place, data.format, columns) => Err(both_in_one_file(place)),
        Role::Eval => recognize(path, role, data.format, false).map(Some),
        Role::Test => Ok(find_spare_test(path, data, columns)),
    }
}

/// Whether a place is a file, or a pattern for files, that does not say which image is for what.
fn is_unsplit(place: &str, format: Format, columns: &Columns) -> bool {
    let path = Path::new(place);
    (is_pattern(path) || path.is_file()) && splits_of(path, format, columns).is_none()
}

/// The splits that occur in a file that says of each image which split it is in, or in the files of a pattern.
fn splits_of(place: &Path, format: Format, columns: &Columns) -> Option<Vec<Role>> {
    let files = match is_pattern(place) {
        true => shards::expand(place).ok()?,
        false => vec![place.to_owned()],
    };
    formats_of(&files, format).find_map(|known| known.splits_in_files(&files, columns))
}

fn both_in_one_file(path: &str) -> Error {
    Error::Mismatch {
        path: PathBuf::from(path),
        what: "this is a single file, and nothing says which of its images are for evaluation"
            .to_owned(),
        remedy: "split some off with data.validation = 0.1, name both splits with data.train and \
                 data.eval, or name a folder with both in data.path"
            .to_owned(),
    }
}

/// Every split at a place, with the role that a run would give it, where columns have these names.
///
/// # Errors
///
/// If nothing of a known format is there, or several formats fit.
pub fn all_splits(
    place: &Path,
    format: Format,
    columns: &Columns,
) -> Result<Vec<(Role, Source)>, Error> {
    let found = all_by(place, format, columns)?.into_iter();
    let named = |(role, source)| {
        let columns = columns.clone();
        (role, Source { columns, ..source })
    };
    Ok(found.map(named).collect())
}

fn all_by(place: &Path, format: Format, columns: &Columns) -> Result<Vec<(Role, Source)>, Error> {
    if is_pattern(place) || place.is_file() {
        let splits = splits_of(place, format, columns).filter(|splits| !splits.is_empty());
        let splits = splits.unwrap_or_else(|| vec![Role::Train]);
        let sources = splits
            .into_iter()
            .map(|role| Ok((role, recognize(place, role, format, true)?)));
        return sources.collect();
    }
    fs::metadata(place).map_err(|source| unreadable(place, source))?;
    // What is there but cannot be used is told, not passed over.
    let train = in_folder(place, Role::Train, format, true)?;
    let eval = in_folder(place, Role::Eval, format, false)?;
    let mut spare = FORMATS.iter();
    let test = spare.find_map(|(_, known)| known.find_spare_test(place, false));
    let all = [(Role::Train, train), (Role::Eval, eval), (Role::Test, test)];
    let found: Vec<(Role, Source)> = all
        .into_iter()
        .filter_map(|(role, source)| Some((role, source?)))
        .collect();
    match found.is_empty() {
        true => Err(nothing_in(place, Role::Train, format, true)),
        false => Ok(found),
    }
}

/// The test split of `data.path` where that is not what the run evaluates on every epoch.
fn find_spare_test(path: &Path, data: &config::Data, columns: &Columns) -> Option<Source> {
    let has_other_eval = data.is_split() || data.eval.is_some();
    if is_pattern(path) || path.is_file() {
        let splits = splits_of(path, data.format, columns)?;
        let is_spare =
            splits.contains(&Role::Test) && (has_other_eval || splits.contains(&Role::Eval));
        let test = recognize(path, Role::Test, data.format, false);
        return test.ok().filter(|_| is_spare);
    }
    let spare = FORMATS
        .iter()
        .find_map(|(_, known)| known.find_spare_test(path, has_other_eval));
    // Where evaluation images come from elsewhere, those at `path` are for the test.
    let of_eval = || recognize(path, Role::Eval, data.format, false).ok();
    spare.or_else(|| has_other_eval.then(of_eval).flatten())
}

/// The formats that a place may have.
fn candidates(
    format: Format,
) -> impl Iterator<Item = &'static (Format, &'static dyn SourceFormat)> {
    let is_candidate = move |(known, _): &&(Format, _)| format == Format::Auto || format == *known;
    FORMATS.iter().filter(is_candidate)
}

/// The formats that files may have: the one that the config states, else those of their names.
fn formats_of(
    files: &[PathBuf],
    format: Format,
) -> impl Iterator<Item = &'static dyn SourceFormat> {
    let is_named_like =
        |known: &dyn SourceFormat| files.iter().all(|file| known.is_named_like(file));
    let known = candidates(format).map(|(_, known)| *known);
    known.filter(move |known| format != Format::Auto || is_named_like(*known))
}

/// The split for `role` at a place. With `is_whole` all images of a folder without splits may be that split.
///
/// # Errors
///
/// If nothing of a known format is there, or several formats fit.
pub fn recognize(
    place: &Path,
    role: Role,
    format: Format,
    is_whole: bool,
) -> Result<Source, Error> {
    if is_pattern(place) {
        return recognize_pattern(place, role, format);
    }
    let metadata = fs::metadata(place).map_err(|source| unreadable(place, source))?;
    if metadata.is_file() {
        return recognize_file(place, role, format);
    }
    match in_folder(place, role, format, is_whole)? {
        Some(source) => Ok(source),
        None => Err(nothing_in(place, role, format, is_whole)),
    }
}

/// The split for `role` in a folder, if it has one.
fn in_folder(
    folder: &Path,
    role: Role,
    format: Format,
    is_whole: bool,
) -> Result<Option<Source>, Error> {
    let mut found = Vec::new();
    for (_, known) in candidates(format) {
        found.extend(known.find_in_folder(folder, role, is_whole)?);
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => {
            let names: Vec<&'static str> = found.iter().map(|it| it.format.into()).collect();
            Err(Error::Mismatch {
                path: folder.to_owned(),
                what: format!("it could be read as {}", names.join(" and as ")),
                remedy: format!("set which one it is: data.format = \"{}\"", names[0]),
            })
        }
    }
}

/// The files that a pattern names have the format that the config states, else that of their names.
fn recognize_pattern(place: &Path, role: Role, format: Format) -> Result<Source, Error> {
    let files = shards::expand(place)?;
    let found = formats_of(&files, format).find_map(|known| known.find_in_files(&files, role));
    found.ok_or_else(|| Error::Mismatch {
        path: place.to_owned(),
        what: format!(
            "this pattern names {}, which are not the shards of one set",
            shards::title(&files)
        ),
        remedy:
            "a pattern stands for shards, as \"DIR/train-*.tar\"; name the folder of other files"
                .to_owned(),
    })
}

/// A single file has the format that the config states, else that of its name. Any other file must be one
/// of a pair of IDX files.
fn recognize_file(file: &Path, role: Role, format: Format) -> Result<Source, Error> {
    formats_of(&[file.to_owned()], format)
        .find_map(|known| known.find_in_file(file, role))
        .map_or_else(|| idx::pair_of(file, role), Ok)
}

fn nothing_in(place: &Path, role: Role, format: Format, is_whole: bool) -> Error {
    if role != Role::Train && recognize(place, Role::Train, format, true).is_ok() {
        let are_classes = match image_folder::has_classes_only(place) {
            true => "its folders are classes, not splits; ",
            false => "",
        };
        return Error::Missing {
            path: place.to_owned(),
            wanted: format!("{} images", role.title()),
            remedy: format!(
                "{are_classes}split some off with data.validation = 0.1, or name others with \
                 data.{} = \"...\"",
                role.name()
            ),
        };
    }
    // A folder of classes where one of splits was named.
    if role == Role::Train && !is_whole && recognize(place, role, format, true).is_ok() {
        return Error::Missing {
            path: place.to_owned(),
            wanted: "train folder".to_owned(),
            remedy: "its folders are classes, not splits: split off images for evaluation with \
                     data.validation = 0.1, or name others with data.eval = \"...\""
                .to_owned(),
        };
    }
    let mut wanted = format!("{} images", role.title());
    if format != Format::Auto {
        wanted += &format!(" in the format {}", <&'static str>::from(format));
    }
    let mut known = FORMATS.to_vec();
    known.sort_by_key(|(format, _)| *format as usize);
    let mut contents: Vec<&str> = known.iter().map(|(_, it)| it.folder_contents()).collect();
    contents.retain(|text| !text.is_empty());
    contents.dedup();
    missing(place, &wanted, contents.join("; "))
}

impl Source {
    /// Lists the images and labels of the split without opening image files.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or is not of the format.
    pub fn list(&self) -> Result<LabelledImages, Error> {
        let known = FORMATS.iter().find(|(format, _)| *format == self.format);
        let (_, format) = known.expect("a source has a format with a row");
        format.list(self)
    }
}
