//! What can be wrong with data.

use std::io;
use std::path::PathBuf;

/// Every message names the file and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system does not let a file or folder be read.
    #[error("cannot read {}: {source}\n\
             check `data` in the config; paths are relative to the folder the command runs in", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
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
    /// The system does not let a file or folder be written.
    #[error("cannot write {}: {source}\n\
             choose a path that does not exist yet, on a disk with enough space", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Image files that cannot be used.
    #[error("{}", of_bad_images(problems, *size))]
    BadImages {
        /// Path and reason.
        problems: Vec<(String, String)>,
        /// The height and width that some of them should have.
        size: Option<[usize; 2]>,
    },
}

/// Told one by one at most.
const MAX_TOLD: usize = 50;

fn of_bad_images(problems: &[(String, String)], size: Option<[usize; 2]>) -> String {
    let mut text = match problems.len() {
        1 => "1 image file cannot be used:".to_owned(),
        count => format!("{count} image files cannot be used:"),
    };
    for (path, reason) in problems.iter().take(MAX_TOLD) {
        text += &format!("\n  {path}: {reason}");
    }
    if problems.len() > MAX_TOLD {
        let more = problems.len() - MAX_TOLD;
        text += &format!("\n  and {more} more; `runner data inspect` lists them all");
    }
    match size {
        Some(size) => {
            text + &format!("\nresize all images to one size with data.resize = {size:?}")
        }
        None => text + "\nfix or remove them, or skip them: data.on_bad_image = \"skip\"",
    }
}
