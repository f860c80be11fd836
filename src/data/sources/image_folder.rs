//! A folder with a folder of images for each class, nested or not.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::labelled::{ImageData, ImageFiles, LabelledImages};
use super::labels::{self, Labels};
use super::source::{Source, SourceFormat};
use crate::config::Format;
use crate::data::{Error, Role};

/// The endings of files that count as images, in any case.
const EXTENSIONS: [&str; 7] = ["jpg", "jpeg", "png", "bmp", "pgm", "ppm", "webp"];

/// The names that the folders of a split have, in any case.
const TRAIN: &[&str] = &["train", "training"];
const VAL: &[&str] = &["val", "valid", "validation", "eval"];
const TEST: &[&str] = &["test", "testing"];

/// A folder of images for each class, in a folder for each split.
pub(super) struct ImageFolder;

impl SourceFormat for ImageFolder {
    fn folder_contents(&self) -> &'static str {
        "a folder of images contains train/ and test/ or val/, each with one folder per class"
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
    for (path, is_folder) in entries(folder, 1)? {
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if is_folder => classes.push(name.to_owned()),
            _ => skipped.add(&path),
        }
    }
    labels::sort(&mut classes);
    let (mut paths, mut numbers) = (Vec::new(), Vec::new());
    let mut empty = Vec::new();
    for (number, class) in (0..).zip(&classes) {
        let before = paths.len();
        for (path, is_folder) in entries(&folder.join(class), usize::MAX)? {
            match is_image(&path) {
                _ if is_folder => {}
                true => paths.push(path),
                false => skipped.add(&path),
            }
        }
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
            remedy: "a folder of images contains one folder per class: train/cat/1.jpg".to_owned(),
        });
    }
    if !empty.is_empty() {
        return Err(Error::Mismatch {
            path: folder.to_owned(),
            what: match empty[..] {
                [one] => format!("the folder {one}, which would be a class, contains no images"),
                _ => format!(
                    "the folders {}, which would be classes, contain no images",
                    empty.join(", ")
                ),
            },
            remedy: format!(
                "put images there, or remove the folder; image files end in .{}",
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
    let is_image_file = |(path, is_folder): &(PathBuf, bool)| !is_folder && is_image(path);
    entries(folder, usize::MAX).is_ok_and(|entries| entries.iter().any(is_image_file))
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
                "{}: {} {files} skipped (not an image in a class folder): {}{more}",
                folder.display(),
                self.count,
                names.join(", ")
            )
        })
    }
}

/// What is below a folder and not hidden, in no particular order, links followed. The flag says whether it is
/// a folder.
fn entries(folder: &Path, max_depth: usize) -> Result<Vec<(PathBuf, bool)>, Error> {
    let mut found = Vec::new();
    let mut walk = WalkDir::new(folder)
        .follow_links(true)
        .min_depth(1)
        .max_depth(max_depth)
        .into_iter();
    while let Some(entry) = walk.next() {
        let path = match &entry {
            Ok(entry) => entry.path(),
            Err(error) => error.path().unwrap_or(folder),
        };
        // An error at the folder itself has no name to look at.
        if path != folder && is_hidden(path)? {
            if entry.is_ok_and(|entry| entry.file_type().is_dir()) {
                walk.skip_current_dir();
            }
            continue;
        }
        let path = path.to_owned();
        let is_folder = match entry {
            Ok(entry) => entry.file_type().is_dir(),
            Err(error) => {
                if let Some(ancestor) = error.loop_ancestor() {
                    return Err(leads_back(&path, ancestor));
                }
                // A link to nowhere is told of when it is read as an image.
                if !path.is_symlink() || path.exists() {
                    let source = error.into_io_error();
                    let source = source.expect("what is no loop is an I/O error");
                    return Err(Error::Unreadable { path, source });
                }
                false
            }
        };
        found.push((path, is_folder));
    }
    Ok(found)
}

fn leads_back(link: &Path, ancestor: &Path) -> Error {
    Error::Mismatch {
        path: link.to_owned(),
        what: format!("a link that leads back to {}", ancestor.display()),
        remedy: "remove it".to_owned(),
    }
}

/// Whether a name is one that listings leave out; an error for one that no listing could show.
fn is_hidden(path: &Path) -> Result<bool, Error> {
    let rename = || "rename it".to_owned();
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(Error::Mismatch {
            path: path.to_owned(),
            what: "its name is not UTF-8".to_owned(),
            remedy: rename(),
        });
    };
    if name.contains(char::is_control) {
        return Err(Error::Mismatch {
            path: path.parent().unwrap_or(Path::new("")).to_owned(),
            what: format!("the name {name:?} has characters that cannot be shown"),
            remedy: rename(),
        });
    }
    Ok(name.starts_with('.'))
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|it| {
        EXTENSIONS
            .iter()
            .any(|known| it.eq_ignore_ascii_case(known))
    })
}
