//! Data sets in several files (shards), such as `train-00000-of-00002.parquet` or `train-{000..146}.tar`: finds the files
//! of a pattern, and those of a split in a folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::labelled::LabelledImages;
use super::source::{Source, SourceFormat};
use crate::config::{Columns, Format};
use crate::data::{Error, Role};

/// The maximum number of files that a pattern may stand for.
const MOST: usize = 100_000;

/// A format whose data sets consist of shards, all files of one kind.
pub(super) trait Sharded: Sync {
    /// The format.
    const FORMAT: Format;
    /// How the names of its files end.
    const ENDINGS: &[&str];
    /// What a folder of this format contains.
    const FOLDER_CONTENTS: &str;

    /// The splits of shards that say of each image which split it is in, see [`SourceFormat::splits_in_files`].
    fn splits(_files: &[PathBuf], _columns: &Columns) -> Option<Vec<Role>> {
        None
    }

    /// Lists the images and labels of shards, see [`SourceFormat::list`].
    fn list(source: &Source) -> Result<LabelledImages, Error>;
}

impl<T: Sharded> SourceFormat for T {
    fn folder_contents(&self) -> &'static str {
        T::FOLDER_CONTENTS
    }

    fn find_in_folder(
        &self,
        folder: &Path,
        role: Role,
        is_whole: bool,
    ) -> Result<Option<Source>, Error> {
        let found = in_folder::<T>(folder, role, is_whole)?;
        Ok(found.map(|(split, files)| Source::new(T::FORMAT, split, files)))
    }

    fn find_spare_test(&self, folder: &Path, has_other_eval: bool) -> Option<Source> {
        let (split, files) = spare_test::<T>(folder, has_other_eval)?;
        Some(Source::new(T::FORMAT, split, files))
    }

    fn is_named_like(&self, file: &Path) -> bool {
        has_ending(file, T::ENDINGS)
    }

    fn find_in_file(&self, file: &Path, role: Role) -> Option<Source> {
        self.find_in_files(&[file.to_owned()], role)
    }

    fn find_in_files(&self, files: &[PathBuf], role: Role) -> Option<Source> {
        Some(Source::new(T::FORMAT, role, files.to_vec()))
    }

    fn splits_in_files(&self, files: &[PathBuf], columns: &Columns) -> Option<Vec<Role>> {
        T::splits(files, columns)
    }

    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        <T as Sharded>::list(source)
    }
}

/// The files that a pattern names: `*`, `?` and `[...]` stand for what is there, in the order of the names;
/// `{000..146}` and `{a,b}` for each of these, all of which have to be there.
///
/// # Errors
///
/// If the pattern cannot be read, or stands for nothing, for too much or for a file that is not there.
pub fn expand(place: &Path) -> Result<Vec<PathBuf>, Error> {
    let refused = |what: String, remedy: &str| Error::Mismatch {
        path: place.to_owned(),
        what,
        remedy: remedy.to_owned(),
    };
    let text = place.to_string_lossy();
    let patterns = braces(&text).map_err(|what| {
        refused(
            what,
            "write a range as {000..146}, or a list as {train,extra}",
        )
    })?;
    let mut files = Vec::new();
    for pattern in patterns {
        if Path::new(&pattern).is_file() {
            files.push(PathBuf::from(pattern));
            continue;
        }
        let found = glob::glob(&pattern).map_err(|error| {
            refused(
                format!("not a pattern: {error}"),
                "write it as DIR/train-*.tar",
            )
        })?;
        let before = files.len();
        files.extend(found.flatten().filter(|path| path.is_file()));
        if files.len() == before {
            let what = match pattern == text {
                true => "no file has a name that fits".to_owned(),
                false => format!("{pattern} does not exist"),
            };
            return Err(refused(
                what,
                "check the names of the files, and the numbers in braces",
            ));
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

/// Expands ranges and lists in braces, like a shell.
fn braces(text: &str) -> Result<Vec<String>, String> {
    let Some(start) = text.find('{') else {
        return Ok(vec![text.to_owned()]);
    };
    let Some(length) = text[start..].find('}') else {
        return Err("an opening brace is never closed".to_owned());
    };
    let (before, inside) = (&text[..start], &text[start + 1..start + length]);
    let rests = braces(&text[start + length + 1..])?;
    let words = match inside.split_once("..") {
        Some((first, last)) => range(first, last)?,
        None => inside.split(',').map(str::to_owned).collect(),
    };
    if words.len().saturating_mul(rests.len()) > MOST {
        return Err(format!("it stands for more than {MOST} files"));
    }
    let written = words
        .iter()
        .flat_map(|word| rests.iter().map(move |rest| (word, rest)));
    Ok(written
        .map(|(word, rest)| format!("{before}{word}{rest}"))
        .collect())
}

/// The numbers of a range, zero-padded to the width of the first.
fn range(first: &str, last: &str) -> Result<Vec<String>, String> {
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<usize>().ok().filter(|_| is_number);
        number.ok_or_else(|| format!("{{{first}..{last}}} is not a range of numbers"))
    };
    let (from, to) = (number(first)?, number(last)?);
    if from > to || to - from >= MOST {
        return Err(format!(
            "{{{first}..{last}}} is empty, or more than {MOST} files"
        ));
    }
    let digits = first.len();
    Ok((from..=to)
        .map(|number| format!("{number:0digits$}"))
        .collect())
}

/// The files of a split in a folder, or in its subfolder `data`, with the split that their names state. If no name states
/// a split, they may say so of each image; else all are training images if `is_whole`.
///
/// # Errors
///
/// If only some names state a split, or the names show that a file is missing.
fn in_folder<T: Sharded>(
    folder: &Path,
    role: Role,
    is_whole: bool,
) -> Result<Option<(Role, Vec<PathBuf>)>, Error> {
    let inside = [folder.to_owned(), folder.join("data")];
    let listed = inside.iter().map(|folder| files_in(folder, T::ENDINGS));
    let Some(files) = listed.into_iter().find(|files| !files.is_empty()) else {
        return Ok(None);
    };
    let mut unnamed = files.iter().filter(|file| split_of(file).is_none());
    let first = unnamed.next();
    if first.is_some() && 1 + unnamed.count() == files.len() {
        let (split, is_there) = match T::splits(&files, &Columns::default()) {
            Some(there) => {
                let split = role.of_those(&there);
                (split, there.contains(&split))
            }
            None => (role, role == Role::Train && is_whole),
        };
        return Ok(is_there.then_some((split, files)));
    }
    if let Some(file) = first {
        return Err(Error::Mismatch {
            path: file.clone(),
            what: "its name does not say which split it belongs to, though the names of others beside it do".to_owned(),
            remedy: "name the files of each split: data.train = \"DIR/train-*\", data.eval = \
                     \"DIR/val-*\""
                .to_owned(),
        });
    }
    let of = |split: Role| -> Option<(Role, Vec<PathBuf>)> {
        let mut files = files.clone();
        files.retain(|file| split_of(file) == Some(split));
        (!files.is_empty()).then_some((split, files))
    };
    let found = match role {
        Role::Train => of(Role::Train),
        Role::Eval => of(Role::Eval).or_else(|| of(Role::Test)),
        Role::Test => of(Role::Test),
    };
    if let Some((_, files)) = &found {
        check_complete(files)?;
    }
    Ok(found)
}

/// The test files of a folder whose evaluation images come from elsewhere.
fn spare_test<T: Sharded>(folder: &Path, has_other_eval: bool) -> Option<(Role, Vec<PathBuf>)> {
    let of = |role| in_folder::<T>(folder, role, false).ok().flatten();
    let has_val = of(Role::Eval).is_some_and(|(split, _)| split == Role::Eval);
    of(Role::Test).filter(|_| has_other_eval || has_val)
}

/// The files with one of these endings, in the order of their names, hidden ones left out.
fn files_in(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| !name.starts_with('.') && has_ending(Path::new(name), endings))
        .collect();
    names.sort_unstable();
    let paths = names.into_iter().map(|name| folder.join(name));
    paths.filter(|path| path.is_file()).collect()
}

/// Whether the name of a file ends in one of these, in any case.
fn has_ending(file: &Path, endings: &[&str]) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// The split that a file name ends with, apart from numbers: `train` in `imagenet-train-00000-of-00147`.
fn split_of(file: &Path) -> Option<Role> {
    let name = file.file_name()?.to_str()?;
    let stem = name.split('.').next()?;
    let is_number = |word: &&str| {
        *word == "of" || word.chars().all(|it| it.is_ascii_digit()) || is_checksum(word)
    };
    let mut words = stem.rsplit(['-', '_']).skip_while(is_number);
    Role::from_name(words.next()?)
}

/// Whether a part of a file name is a checksum, which Hugging Face used to append.
fn is_checksum(word: &str) -> bool {
    word.len() == 16 && word.chars().all(|it| it.is_ascii_hexdigit())
}

/// Checks that there are as many files as their names state: three of `00000-of-00003`.
fn check_complete(files: &[PathBuf]) -> Result<(), Error> {
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.split('.').next().unwrap_or_default();
        let words: Vec<&str> = stem.split(['-', '_']).collect();
        let all = words.windows(3).find(|words| words[1] == "of");
        let all = all.and_then(|words| words[2].parse::<usize>().ok());
        if let Some(all) = all.filter(|all| *all != files.len()) {
            return Err(Error::Mismatch {
                path: file.clone(),
                what: format!(
                    "its name says that there are {all} files, but {} are here",
                    files.len()
                ),
                remedy: "fetch the others too, or name those that are to be used with data.train \
                         and data.eval, as in \"DIR/train-*\""
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// The folder of a set of files.
pub fn root(files: &[PathBuf]) -> PathBuf {
    let folder = files.first().and_then(|file| file.parent());
    match folder {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The name of a set of files in records: the first and the last file.
pub fn title(files: &[PathBuf]) -> String {
    match files {
        [] => String::new(),
        [one] => one.display().to_string(),
        [first, .., last] => {
            let last = last.file_name().unwrap_or_default().to_string_lossy();
            format!("{} to {last}", first.display())
        }
    }
}
