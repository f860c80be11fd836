//! A folder with a folder of images for each class, nested or not.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::kind;
use super::labelled::{ImageData, ImageFiles, ImagePlace, LabelledImages};
use super::labels::{self, Labels};
use super::source::{Source, SourceFormat};
use crate::config::Format;
use crate::data::{Error, Role};

/// The endings of files that count as images, in any case; a file with another one does so by its content.
const EXTENSIONS: [&str; 19] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "dib", "pgm", "ppm", "pbm", "pnm", "webp", "gif",
    "tif", "tiff", "heic", "heif", "avif", "svg",
];

/// Endings of files that lie beside images and are never any, so that they need not be opened.
const OTHERS: &[&str] = &[
    "txt", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "md", "html", "htm", "log",
    "ini", "db", "py", "ipynb", "npy", "npz", "mat", "zip", "tar", "gz",
];

/// The file by which Hugging Face's `imagefolder` says the classes of the images beside and below it.
pub(super) const METADATA: &str = "metadata.csv";

/// What other programs leave behind: thumbnails of Synology, of Windows and of photo programs, forks of macOS,
/// deleted files.
const LEFT_BEHIND: &[&str] = &[
    "@eaDir",
    "__MACOSX",
    "thumbnails",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
];

/// A folder of images for each class, in a folder for each split.
pub(super) struct ImageFolder;

impl SourceFormat for ImageFolder {
    fn folder_contents(&self) -> &'static str {
        "a folder of images contains one folder per class (cat/, dog/), or train/ and test/ or val/ with such folders"
    }

    fn find_in_folder(
        &self,
        folder: &Path,
        role: Role,
        is_whole: bool,
    ) -> Result<Option<Source>, Error> {
        let of = |split| Some(source(split, split_folder(folder, split)?));
        let own = match role {
            Role::Train => of(Role::Train),
            Role::Eval => of(Role::Eval).or_else(|| of(Role::Test)),
            Role::Test => of(Role::Test),
        };
        let is_whole = is_whole && !has_split_folders(folder) && has_class_folders(folder);
        let whole = || is_whole.then(|| source(role, folder.to_owned()));
        let found = own.or_else(whole);
        Ok(found.filter(|source| !is_left_to_metadata(&source.paths[0])))
    }

    fn find_spare_test(&self, folder: &Path, has_other_eval: bool) -> Option<Source> {
        let test = split_folder(folder, Role::Test)?;
        let is_spare = has_other_eval || split_folder(folder, Role::Eval).is_some();
        (is_spare && !is_left_to_metadata(&test)).then(|| source(Role::Test, test))
    }

    fn list(&self, source: &Source) -> Result<LabelledImages, Error> {
        let [folder] = source.paths.as_slice() else {
            unreachable!("a split of an image folder is one folder");
        };
        list(folder)
    }
}

fn source(split: Role, folder: PathBuf) -> Source {
    Source::new(Format::ImageFolder, split, vec![folder])
}

/// The folder that has the images of a split: the first of the split's names for which there is one, in any case.
pub(super) fn split_folder(folder: &Path, split: Role) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let there: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let is_there = |name: &&str| there.iter().find(|it| it.eq_ignore_ascii_case(name));
    let found = split.names().iter().filter_map(is_there);
    let mut folders = found.map(|name| folder.join(name));
    folders.find(|path| path.is_dir())
}

/// Whether there is a folder for a split.
pub(super) fn has_split_folders(folder: &Path) -> bool {
    let mut splits = [Role::Train, Role::Eval, Role::Test].into_iter();
    splits.any(|split| split_folder(folder, split).is_some())
}

/// Whether a metadata.csv says the classes of a folder, since its own folders do not.
pub(super) fn is_left_to_metadata(folder: &Path) -> bool {
    folder.join(METADATA).is_file() && class_folders(folder).nth(1).is_none()
}

fn has_class_folders(folder: &Path) -> bool {
    class_folders(folder).next().is_some()
}

/// The folders that have images in them, in no particular order.
fn class_folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| !matches!(is_passed_over(path), Ok(true)))
        .filter(|path| path.is_dir() && has_images(path))
}

/// Whether a folder has a folder for each class and none for training images.
pub(super) fn has_classes_only(folder: &Path) -> bool {
    split_folder(folder, Role::Train).is_none() && has_class_folders(folder)
}

/// Lists the images of every class. Hidden files and folders and what other programs leave behind are passed over,
/// which is told where there are images among them; other files are told of in one warning; a class without images is
/// an error.
fn list(folder: &Path) -> Result<LabelledImages, Error> {
    let mut skipped = SkippedFiles::default();
    let mut passed_over = SkippedFiles::default();
    let mut classes: Vec<String> = Vec::new();
    for (path, is_folder) in entries(folder, 1, &mut passed_over)? {
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if is_folder => classes.push(name.to_owned()),
            _ => skipped.add(&path),
        }
    }
    labels::sort(&mut classes);
    let (mut places, mut numbers) = (Vec::new(), Vec::new());
    let mut empty = Vec::new();
    for (number, class) in (0..).zip(&classes) {
        let before = places.len();
        for (path, is_folder) in entries(&folder.join(class), usize::MAX, &mut passed_over)? {
            match is_folder {
                true => {}
                false if is_image(&path) => places.push(path),
                false => skipped.add(&path),
            }
        }
        places[before..].sort_unstable();
        numbers.resize(places.len(), number);
        if places.len() == before {
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
                "put images there, or remove the folder; image files end in .{}, or are images by their content",
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
            places: places.into_iter().map(ImagePlace::File).collect(),
        }),
        files: Vec::new(),
        warnings: [
            skipped.warning(
                folder,
                ["file", "files"],
                "skipped (not an image in a class folder)",
            ),
            passed_over.warning(
                folder,
                ["image or folder of images", "images or folders of images"],
                "skipped (hidden, or left by another program)",
            ),
        ]
        .into_iter()
        .flatten()
        .collect(),
    })
}

/// Whether there is an image somewhere below, hidden ones aside.
fn has_images(folder: &Path) -> bool {
    let is_image_file = |(path, is_folder): &(PathBuf, bool)| !is_folder && is_image(path);
    let mut passed_over = SkippedFiles::default();
    let entries = entries(folder, usize::MAX, &mut passed_over);
    entries.is_ok_and(|entries| entries.iter().any(is_image_file))
}

/// The images beside and below a file, in no particular order.
///
/// # Errors
///
/// If a folder cannot be read.
pub(super) fn images_below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut passed_over = SkippedFiles::default();
    let entries = entries(folder, usize::MAX, &mut passed_over)?;
    let images = entries.into_iter().filter(|(_, is_folder)| !is_folder);
    Ok(images
        .map(|(path, _)| path)
        .filter(|path| is_image(path))
        .collect())
}

/// Files that are not used, and folders.
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

    /// What is said of them: `what` became of them.
    fn warning(&self, folder: &Path, [one, more]: [&str; 2], what: &str) -> Option<String> {
        let names: Vec<String> = self
            .first
            .iter()
            .map(|path| path.strip_prefix(folder).unwrap_or(path))
            .map(|path| path.display().to_string())
            .collect();
        let others = match self.count - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let files = if self.count == 1 { one } else { more };
        (self.count > 0).then(|| {
            format!(
                "{}: {} {files} {what}: {}{others}",
                folder.display(),
                self.count,
                names.join(", ")
            )
        })
    }
}

/// What is below a folder, in no particular order, links followed. The flag says whether it is a folder. What is
/// hidden or left behind by other programs is left out; if it has images, it is added to `passed_over`.
fn entries(
    folder: &Path,
    max_depth: usize,
    passed_over: &mut SkippedFiles,
) -> Result<Vec<(PathBuf, bool)>, Error> {
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
        if path != folder && is_passed_over(path)? {
            let is_folder = entry.as_ref().is_ok_and(|entry| entry.file_type().is_dir());
            if is_folder && has_any_image(path) || !is_folder && is_image(path) {
                passed_over.add(path);
            }
            if is_folder {
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

/// Whether there is an image by its name somewhere below, hidden ones included.
fn has_any_image(folder: &Path) -> bool {
    let mut below = WalkDir::new(folder).into_iter().flatten();
    below.any(|entry| entry.file_type().is_file() && is_image(entry.path()))
}

/// Whether a name is hidden, or what other programs leave behind; an error for one that no listing could show.
fn is_passed_over(path: &Path) -> Result<bool, Error> {
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
    let is_left_behind = LEFT_BEHIND.iter().any(|it| it.eq_ignore_ascii_case(name));
    Ok(name.starts_with('.') || is_left_behind)
}

/// Whether a file is an image by the end of its name, or else by its content.
fn is_image(path: &Path) -> bool {
    if has_ending(path, &EXTENSIONS) {
        return true;
    }
    // Opening something that is not a regular file, such as a pipe, could block.
    let is_to_open = !has_ending(path, OTHERS) && path.is_file();
    is_to_open && head(path).is_ok_and(|head| kind::is_picture(&head))
}

/// The first bytes of a file.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?
        .take(kind::HEAD as u64)
        .read_to_end(&mut head)?;
    Ok(head)
}

/// Whether a file is an image by the end of its name.
pub(super) fn is_named_as_image(path: &Path) -> bool {
    has_ending(path, &EXTENSIONS)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|it| endings.iter().any(|known| it.eq_ignore_ascii_case(known)))
}
