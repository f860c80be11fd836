//! Finds what a path that does not exist was probably meant to be.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// An existing path that is spelled nearly the same. If a folder in the middle is misspelled, the rest of the path is
/// looked up in the folder that was probably meant.
pub fn nearest_path(path: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for step in path.components() {
        let next = found.join(step);
        found = match (next.exists(), step) {
            (true, _) => next,
            (false, Component::Normal(name)) => found.join(sibling(&found, name.to_str()?)?),
            (false, _) => return None,
        };
    }
    Some(found)
}

/// The entry of a folder with nearly this name.
fn sibling(folder: &Path, name: &str) -> Option<String> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let typed = name.to_lowercase();
    let entries = fs::read_dir(folder).ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let distance = |name: &String| strsim::damerau_levenshtein(&typed, &name.to_lowercase());
    names
        .map(|name| (distance(&name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 4)
        .min()
        .map(|(_, name)| name)
}
