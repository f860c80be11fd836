//! Suggests what a path that does not exist was meant to be: a known data set not fetched yet, or a nearly right name.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::config::{is_pattern, nearest_path};
use crate::data::Error;
use crate::data::catalog::SETS;

/// The error that a place cannot be read.
pub fn unreadable(place: &Path, source: io::Error) -> Error {
    let fallback = "check `data` in the config; paths are relative to the current folder";
    unreadable_or(place, source, fallback)
}

/// The same for a place that no config names.
pub fn unreadable_or(place: &Path, source: io::Error, fallback: &str) -> Error {
    let path = place.to_owned();
    if source.kind() != ErrorKind::NotFound {
        return Error::Unreadable { path, source };
    }
    let meant = || Some(format!("did you mean {}?", nearest_path(place)?.display()));
    let remedy = known_set(place)
        .or_else(|| unexpanded(place))
        .or_else(meant)
        .unwrap_or_else(|| fallback.to_owned());
    Error::NotFound {
        path,
        source,
        remedy,
    }
}

/// Checks that a place exists; patterns are not expanded.
///
/// # Errors
///
/// If it does not exist or cannot be read.
pub fn check_place(place: &Path) -> Result<(), Error> {
    if is_pattern(place) {
        return Ok(());
    }
    let found = fs::metadata(place).map_err(|source| unreadable(place, source));
    found.map(|_| ())
}

/// The remedy for a part of a path that a shell would expand, or for an escape in it.
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

/// How to fetch the known data set that a place is named after.
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
