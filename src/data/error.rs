//! What can be wrong with data.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// Every message names the file and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system does not let a file or folder be read.
    #[error("cannot read {}: {source}\n\
             check `data` in the config; paths are relative to the current folder", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder or file is not there.
    #[error("cannot read {}: {source}\n{remedy}", path.display())]
    NotFound {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
        /// What the user can do.
        remedy: String,
    },
    /// A file is damaged or has another format than its name says.
    #[error("{}: {what}\nfetch or create the file again", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A folder or file lacks something.
    #[error("{}: no {wanted} here\n{remedy}", path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// What is not there.
        wanted: String,
        /// What the user can do.
        remedy: String,
    },
    /// Data do not fit the config or each other.
    #[error("{}: {what}\n{remedy}", path.display())]
    Mismatch {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// The network has another number of outputs than the data have classes.
    #[error("{}: {what}\n{setting} = {needed}", path.display())]
    Classes {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What the user can do, up to the number of classes.
        setting: &'static str,
        /// The number of classes, and what else the user can do.
        needed: String,
    },
    /// The system does not let a file or folder be written.
    #[error("cannot write {}: {source}\n\
             choose a path that does not exist yet, on a disk with enough space", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something does not fit into the memory that the process can have.
    #[error("{}: {} MiB of memory cannot be had for {what}\n{remedy}", path.display(), bytes.div_ceil(1 << 20))]
    OutOfMemory {
        /// The file or folder.
        path: PathBuf,
        /// What would be in memory.
        what: &'static str,
        /// So much of it.
        bytes: u64,
        /// What the user can do.
        remedy: &'static str,
    },
    /// Image files that cannot be used.
    #[error("{}", of_bad_images(problems, other_sizes, *size, *keeps_shape, place))]
    BadImages {
        /// Path and reason.
        problems: Box<[(String, String)]>,
        /// Path, height and width of images that are whole, but not of the size of the others.
        other_sizes: Vec<(String, [usize; 2])>,
        /// The height and width that all should have.
        size: [usize; 2],
        /// Whether they are resized, each to a size that goes by its shape.
        keeps_shape: bool,
        /// Where the images are, as the config says it.
        place: Box<str>,
    },
}

/// An error in the data of a run.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct LoadError {
    /// What is wrong.
    pub error: Error,
    /// The key of `[data]` whose value has to do with it.
    pub key: &'static str,
    /// What is wrong with the values of other keys.
    pub others: Box<[LoadError]>,
}

impl LoadError {
    /// For `map_err`.
    pub fn at(key: &'static str) -> impl Fn(Error) -> Self {
        move |error| Self {
            error,
            key,
            others: Box::default(),
        }
    }
}

/// Told one by one at most.
const MAX_TOLD: usize = 50;

/// As many sizes are told, so that the whole message has ten lines.
const MAX_SIZES: usize = 6;

fn of_bad_images(
    problems: &[(String, String)],
    other_sizes: &[(String, [usize; 2])],
    size: [usize; 2],
    keeps_shape: bool,
    place: &str,
) -> String {
    let mut text = match problems.len() {
        0 => String::new(),
        1 => "1 image file cannot be used:".to_owned(),
        count => format!("{count} image files cannot be used:"),
    };
    for (path, reason) in problems.iter().take(MAX_TOLD) {
        text += &format!("\n  {path}: {reason}");
    }
    if problems.len() > MAX_TOLD {
        let more = problems.len() - MAX_TOLD;
        text +=
            &format!("\n  and {more} more; `runner data inspect {place} --json` lists them all");
    }
    if !problems.is_empty() {
        text += "\nfix or remove them, or skip them: data.on_bad_image = \"skip\"";
    }
    if !other_sizes.is_empty() {
        let separator = if text.is_empty() { "" } else { "\n" };
        let [height, width] = size;
        let (resized, remedy) = match keeps_shape {
            false => (
                "",
                format!("resize all images to one size with data.resize = {size:?}"),
            ),
            true => (
                " once they are resized",
                format!(
                    "crop them to one size with data.center_crop = {size:?}, resize them without keeping their \
                     shape with data.resize = {size:?}{}",
                    if height == width {
                        ", or pad them with data.pad_to_square = {}"
                    } else {
                        ""
                    }
                ),
            ),
        };
        let sizes = of_other_sizes(other_sizes, size, resized, place);
        text += &format!("{separator}{sizes}\n{remedy}");
    }
    text
}

/// A line a size, the most frequent first.
fn of_other_sizes(
    images: &[(String, [usize; 2])],
    [height, width]: [usize; 2],
    resized: &str,
    place: &str,
) -> String {
    let mut by_size: BTreeMap<[usize; 2], Vec<&str>> = BTreeMap::new();
    for (path, size) in images {
        by_size.entry(*size).or_default().push(path);
    }
    let mut by_size: Vec<([usize; 2], Vec<&str>)> = by_size.into_iter().collect();
    by_size.sort_by_key(|(_, paths)| Reverse(paths.len()));
    let plural = |count: usize| if count == 1 { "image" } else { "images" };
    let mut text = format!(
        "{} {} not {height}x{width}, the size in `model.input`{resized}:",
        images.len(),
        match images.len() {
            1 => "image is",
            _ => "images are",
        }
    );
    for ([height, width], paths) in by_size.iter().take(MAX_SIZES) {
        let (count, first) = (paths.len(), paths[0]);
        let example = if count == 1 { "" } else { "for example " };
        text += &format!(
            "\n  {height}x{width}: {count} {}, {example}{first}",
            plural(count)
        );
    }
    if by_size.len() > MAX_SIZES {
        let rest = &by_size[MAX_SIZES..];
        let count = rest.iter().map(|(_, paths)| paths.len()).sum::<usize>();
        text += &format!(
            "\n  and {count} {} of {} other sizes; `runner data inspect {place} --json` lists them all",
            plural(count),
            rest.len()
        );
    }
    text
}
