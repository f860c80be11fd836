//! The language as a whole: every key under its path, and where a name belongs.

use crate::language::info::{KeyInfo, Kind, OnResume};
use crate::text::path::{KeyPath, PathStep};

/// The keys of an experiment, and all that are inside of them.
#[derive(Debug, Clone, Copy)]
pub struct Language(pub &'static [KeyInfo]);

impl Language {
    /// The key of a path; an element of an array has the array's.
    pub fn find(self, path: &KeyPath) -> Option<&'static KeyInfo> {
        let mut keys = self.0;
        let mut found = None;
        for step in &path.0 {
            if let PathStep::Key(name) = step {
                let key = keys.iter().find(|key| key.name == name)?;
                keys = key.keys();
                found = Some(key);
            }
        }
        found
    }

    /// The keys of the table at a path.
    pub fn keys_at(self, path: &KeyPath) -> Option<&'static [KeyInfo]> {
        if path.0.is_empty() {
            return Some(self.0);
        }
        Some(self.find(path)?.keys())
    }

    /// Where a path comes in the order of the language: the places of its keys in their tables, and
    /// the indices of its elements.
    pub fn rank(self, path: &KeyPath) -> Vec<usize> {
        let mut keys = self.0;
        let mut rank = Vec::with_capacity(path.0.len());
        for step in &path.0 {
            match step {
                PathStep::Index(index) => rank.push(*index),
                PathStep::Key(name) => {
                    let place = keys.iter().position(|key| key.name == name);
                    rank.push(place.unwrap_or(usize::MAX));
                    keys = place.map_or(&[], |place| keys[place].keys());
                }
            }
        }
        rank
    }

    /// Whether a resume may change the value at a dotted path.
    pub fn on_resume(self, path: &str) -> OnResume {
        KeyPath::parse(path)
            .and_then(|path| self.find(&path))
            .map_or(OnResume::Fixed, |key| key.on_resume)
    }

    /// What a resume may change: paths of keys, `TABLE.*` for all keys of a table; those that can only grow, or only lead to the
    /// same data, say so.
    pub fn changeable(self) -> Vec<String> {
        changeable_in(self.0, "")
    }

    /// Every key with its dotted path, tables before what is in them; layers stand apart.
    pub fn walk(self) -> Vec<(String, &'static KeyInfo)> {
        let mut found = Vec::new();
        walk_into(self.0, "", &mut found);
        found
    }

    /// The path whose steps are joined by single underscores here: `training_epochs`.
    pub fn path_of_words(self, joined: &str) -> Option<String> {
        path_of_words(self.0, joined)
    }

    /// The paths of the keys, outside of layers, with this name.
    pub fn paths_of(self, name: &str) -> Vec<String> {
        let mut paths: Vec<String> = self
            .walk()
            .into_iter()
            .filter(|(path, key)| key.name == name && !self.is_in_list(path))
            .map(|(path, _)| path)
            .collect();
        // The way in which most would type it comes first.
        paths.sort_by_key(|path| path.matches('.').count());
        paths
    }
}

impl Language {
    /// Whether a key is of an element of an array.
    fn is_in_list(self, path: &str) -> bool {
        let ends = path.match_indices('.').map(|(end, _)| &path[..end]);
        let mut tables = ends.filter_map(|table| self.find(&KeyPath::parse(table)?));
        tables.any(|key| matches!(key.kind, Kind::Choices(_) | Kind::Tables(_)))
    }
}

fn walk_into(keys: &'static [KeyInfo], prefix: &str, found: &mut Vec<(String, &'static KeyInfo)>) {
    for key in keys {
        let path = format!("{prefix}{}", key.name);
        found.push((path.clone(), key));
        walk_into(key.plain_keys(), &format!("{path}."), found);
    }
}

fn path_of_words(keys: &'static [KeyInfo], joined: &str) -> Option<String> {
    keys.iter().find_map(|key| {
        let rest = joined.strip_prefix(key.name)?;
        if rest.is_empty() {
            return Some(key.name.to_owned());
        }
        // An element of an array has a number, which is not in the words.
        let keys = match key.kind {
            Kind::Choices(_) | Kind::Tables(_) => &[],
            _ => key.plain_keys(),
        };
        let inside = path_of_words(keys, rest.strip_prefix('_')?)?;
        Some(format!("{}.{inside}", key.name))
    })
}

fn changeable_in(keys: &[KeyInfo], prefix: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for key in keys {
        let path = format!("{prefix}{}", key.name);
        let inside = key.plain_keys();
        if !inside.is_empty() && inside.iter().all(|key| key.on_resume == OnResume::Free) {
            paths.push(format!("{path}.*"));
            continue;
        }
        match key.on_resume {
            _ if !inside.is_empty() => paths.extend(changeable_in(inside, &format!("{path}."))),
            OnResume::Free => paths.push(path),
            OnResume::Upward => paths.push(format!("{path} (upward)")),
            OnResume::SameData => paths.push(format!("{path} (same data)")),
            OnResume::Fixed => {}
        }
    }
    paths
}
