//! A folder with a folder of images for each class, nested or not.

use std::fs;
use std::path::{Path, PathBuf};

use super::labelled::{ImageData, ImageFiles, LabelledImages};
use super::labels::{self, Labels};
use super::source::{Source, SourceFormat};
use crate::config::Format;
use crate::data::{Error, Role};

/// The endings of files that count as images, in any case.
const EXTENSIONS: [&str; 7] = ["jpg", "jpeg", "png", "bmp", "pgm", "ppm", "webp"];

/// Folders inside of folders at most; ends a link that leads back.
const MAX_DEPTH: usize = 32;

/// The names that the folders of a split have, in any case.
const TRAIN: &[&str] = &["train", "training"];
const VAL: &[&str] = &["val", "valid", "validation", "eval"];
const TEST: &[&str] = &["test", "testing"];

/// A folder of images for each class, in a folder for each split.
pub(super) struct ImageFolder;

impl SourceFormat for ImageFolder {
    fn folder_contents(&self) -> &'static str {
        "a folder of images has train/ and test/ or val/, each with a folder a class"
    }

    fn find_in_folder(
        &self,
        folder: &Path,
        role: Role,
        is_whole: bool,
    ) -> Result<Option<Source>, Error> {
        let [train, val, test] = [TRAIN, VAL, TEST].map(|names| subfolder(folder, names));
        let has_splits = train.is_some() || val.is_some() || test.is_some();
        let test = test.map(|it| source(Role::Test, it));
        let own = match role {
            Role::Train => train.map(|it| source(Role::Train, it)),
            Role::Eval => val.map(|it| source(Role::Eval, it)).or(test),
            Role::Test => test,
        };
        let is_whole = is_whole && !has_splits && has_class_folders(folder);
        let whole = || is_whole.then(|| source(role, folder.to_owned()));
        Ok(own.or_else(whole))
    }

    fn find_spare_test(&self, folder: &Path, has_other_eval: bool) -> Option<Source> {
        let test = subfolder(folder, TEST)?;
        let is_spare = has_other_eval || subfolder(folder, VAL).is_some();
        is_spare.then(|| source(Role::Test, test))
    }

    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        let [folder] = source.paths.as_slice() else {
            unreachable!("a split of an image folder is one folder");
        };
        list(folder)
    }
}

fn source(split: Role, folder: PathBuf) -> Source {
    Source {
        format: Format::ImageFolder,
        split,
        paths: vec![folder],
    }
}

/// The first folder of one of these names, in any case.
fn subfolder(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let there: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let is_there = |name: &&str| there.iter().find(|it| it.eq_ignore_ascii_case(name));
    let found = names.iter().filter_map(is_there);
    let mut folders = found.map(|name| folder.join(name));
    folders.find(|path| path.is_dir())
}

fn has_class_folders(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .any(|entry| entry.path().is_dir() && has_images(&entry.path()))
}

/// Whether a folder has a folder for each class and none for training images.
pub(super) fn has_classes_only(folder: &Path) -> bool {
    subfolder(folder, TRAIN).is_none() && has_class_folders(folder)
}

/// Lists the images of every class. Hidden files and folders are passed over, other files are told of in
/// one warning; a class without images is an error.
fn list(folder: &Path) -> Result<LabelledImages, Error> {
    let mut skipped = SkippedFiles::default();
    let mut classes: Vec<String> = Vec::new();
    for (name, path) in entries(folder)? {
        match path.is_dir() {
            true => classes.push(name),
            false => skipped.add(&path),
        }
    }
    labels::sort(&mut classes);
    let (mut paths, mut numbers) = (Vec::new(), Vec::new());
    let mut empty = Vec::new();
    for (number, class) in (0..).zip(&classes) {
        let before = paths.len();
        walk(&folder.join(class), 0, &mut paths, &mut skipped)?;
        paths[before..].sort_unstable();
        numbers.resize(paths.len(), number);
        if paths.len() == before {
            empty.push(class.as_str());
        }
    }
    if classes.is_empty() {
        return Err(Error::Missing {
            path: folder.to_owned(),
            wanted: "folders of images".to_owned(),
            remedy: "a folder of images has a folder for each class: train/cat/1.jpg".to_owned(),
        });
    }
    if !empty.is_empty() {
        return Err(Error::Mismatch {
            path: folder.to_owned(),
            what: match empty[..] {
                [one] => format!("there is no image in the folder {one}, which would be a class"),
                _ => format!(
                    "there are no images in the folders {}, which would be classes",
                    empty.join(", ")
                ),
            },
            remedy: format!(
                "put images there, or take the folder away; images end in .{}",
                EXTENSIONS.join(", .")
            ),
        });
    }
    Ok(LabelledImages {
        labels: Labels::Names {
            classes,
            labels: numbers,
        },
        images: ImageData::Files(ImageFiles {
            root: folder.to_owned(),
            title: folder.display().to_string(),
            paths,
        }),
        files: Vec::new(),
        warnings: skipped.warning(folder).into_iter().collect(),
    })
}

/// Whether there is an image somewhere below, hidden ones aside.
fn has_images(folder: &Path) -> bool {
    let (mut paths, mut skipped) = (Vec::new(), SkippedFiles::default());
    walk(folder, 0, &mut paths, &mut skipped).is_ok() && !paths.is_empty()
}

/// Files that are neither hidden nor images.
#[derive(Default)]
struct SkippedFiles {
    count: usize,
    first: Vec<PathBuf>,
}

impl SkippedFiles {
    fn add(&mut self, path: &Path) {
        self.count += 1;
        if self.first.len() < 3 {
            self.first.push(path.to_owned());
        }
    }

    fn warning(&self, folder: &Path) -> Option<String> {
        let names: Vec<String> = self
            .first
            .iter()
            .map(|path| path.strip_prefix(folder).unwrap_or(path))
            .map(|path| path.display().to_string())
            .collect();
        let more = match self.count - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let files = if self.count == 1 { "file" } else { "files" };
        (self.count > 0).then(|| {
            format!(
                "{}: {} {files} passed over, no image of a class: {}{more}",
                folder.display(),
                self.count,
                names.join(", ")
            )
        })
    }
}

fn walk(
    folder: &Path,
    depth: usize,
    paths: &mut Vec<PathBuf>,
    skipped: &mut SkippedFiles,
) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::Mismatch {
            path: folder.to_owned(),
            what: format!("more than {MAX_DEPTH} folders inside of each other"),
            remedy: "perhaps a link leads back to where it is; take it away".to_owned(),
        });
    }
    for (_, path) in entries(folder)? {
        if path.is_dir() {
            walk(&path, depth + 1, paths, skipped)?;
        } else if is_image(&path) {
            paths.push(path);
        } else {
            skipped.add(&path);
        }
    }
    Ok(())
}

/// What is in a folder and not hidden, in no particular order.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let unreadable = |source| Error::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| Error::Mismatch {
                path: entry.path(),
                what: "its name is not UTF-8".to_owned(),
                remedy: "give it another name".to_owned(),
            })?;
        if name.contains(char::is_control) {
            return Err(Error::Mismatch {
                path: folder.to_owned(),
                what: format!("the name {name:?} has characters that cannot be shown"),
                remedy: "give it another name".to_owned(),
            });
        }
        if !name.starts_with('.') {
            entries.push((name, entry.path()));
        }
    }
    Ok(entries)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|it| {
        EXTENSIONS
            .iter()
            .any(|known| it.eq_ignore_ascii_case(known))
    })
}
