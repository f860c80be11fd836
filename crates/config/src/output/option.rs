//! Options of other programs' command lines: `--epochs 3` is `training.epochs=3` here.

use crate::experiment::LANGUAGE;
use crate::language::familiar::{self, Equivalent};
use crate::language::info::{KeyInfo, Kind};
use crate::text::path::KeyPath;

/// The meaning of an option that our command line does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionMeaning {
    /// One of these keys, by their paths; at least one.
    Keys(Vec<String>),
    /// Why there is no such key, or what takes its place.
    Note(&'static str),
}

/// Looks up an option, given without its leading hyphens: a key's path or name, or another tool's name for a key.
pub fn option_meaning(option: &str) -> Option<OptionMeaning> {
    let name = option.replace('-', "_").to_lowercase();
    let is_value =
        |path: &String| find(path).is_some_and(|key| !matches!(key.kind, Kind::Table(_)));
    if is_value(&name) {
        return Some(OptionMeaning::Keys(vec![name]));
    }
    let mut paths = LANGUAGE.paths_of(&name);
    paths.retain(is_value);
    paths.extend(LANGUAGE.path_of_words(&name).filter(is_value));
    paths.dedup();
    if !paths.is_empty() {
        return Some(OptionMeaning::Keys(paths));
    }
    match familiar::find(familiar::KEYS, option)? {
        Equivalent::Key(path) if is_value(&path.to_owned()) => {
            Some(OptionMeaning::Keys(vec![path.to_owned()]))
        }
        Equivalent::Note(note) => Some(OptionMeaning::Note(note)),
        _ => None,
    }
}

fn find(path: &str) -> Option<&'static KeyInfo> {
    LANGUAGE.find(&KeyPath::parse(path)?)
}
