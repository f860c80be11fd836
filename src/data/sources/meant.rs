//! What a path that leads nowhere was meant for: a known set that is not fetched yet, or a name that is nearly right.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::data::Error;
use crate::data::catalog::SETS;

/// The error that a place cannot be read.
pub fn unreadable(place: &Path, source: io::Error) -> Error {
    let path = place.to_owned();
    if source.kind() != ErrorKind::NotFound {
        return Error::Unreadable { path, source };
    }
    let meant = || Some(format!("did you mean {}?", meant(place)?.display()));
    let remedy = known_set(place)
        .or_else(|| unexpanded(place))
        .or_else(meant)
        .unwrap_or_else(|| {
            "check `data` in the config; paths start at the folder the command runs in".to_owned()
        });
    Error::NotFound {
        path,
        source,
        remedy,
    }
}

/// What is to be done about a part of a path that a shell would replace, or about an escape inside of it.
fn unexpanded(place: &Path) -> Option<String> {
    let text = place.to_str()?;
    if text.contains(char::is_control) {
        let remedy = "the path has a control character: in double quotes \\n and \\t are escapes; \
                      write it in single quotes, or with slashes";
        return Some(remedy.to_owned());
    }
    let is_variable = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '{');
    let variable = text
        .split_once('$')
        .is_some_and(|(_, rest)| is_variable(rest));
    let word = match variable {
        _ if text == "~" || text.starts_with("~/") => "~",
        true => "$",
        false => return None,
    };
    Some(format!(
        "`{word}` is not expanded in paths, which must mean the same on every machine; write the path out"
    ))
}

/// How to get the known set that is looked for at a place or around it.
fn known_set(place: &Path) -> Option<String> {
    let named = |folder: &Path| {
        let name = folded(folder.file_name()?.to_str()?);
        SETS.iter().find(|set| folded(set.name) == name)
    };
    let missing = place.ancestors().filter(|folder| !folder.exists());
    let (folder, set) = missing.filter_map(|it| Some((it, named(it)?))).last()?;
    let home = set.home();
    if set.is_in(&home) {
        return Some(format!("the set is in {}", home.display()));
    }
    let fetch = format!("runner data fetch {}", set.name);
    let is_to_fetch = cfg!(feature = "fetch") && !set.mirrors.is_empty();
    is_to_fetch.then(|| match folder == home {
        true => format!("`{fetch}` gets it"),
        false => format!("`{fetch} --to {}` gets it", folder.display()),
    })
}

/// A name without capitals, hyphens and underscores.
fn folded(name: &str) -> String {
    name.to_lowercase().replace(['-', '_'], "")
}

/// A place that is there and whose path is nearly the same. Where the path goes wrong in a folder, it goes on
/// as it is from the folder that was meant.
fn meant(place: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for step in place.components() {
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
