//! What was meant by a path where there is nothing.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// A place that is there and whose path is nearly the same. Where the path goes wrong in a folder, it goes on
/// as it is from the folder that was meant.
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

/// What there is in a folder under nearly this name.
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
