//! Where the data of a run are now, if they have moved since it began.

use std::path::{Path, PathBuf};

use super::run::beginning;
use crate::config::{Data, fixed_part, is_pattern};
use crate::run_dir::Error;

/// From the places where a run began with its data to those where they are now.
#[derive(Debug, Clone, Default)]
pub struct Moves(Vec<(PathBuf, PathBuf)>);

impl Moves {
    /// For a run whose config now says `data`.
    ///
    /// # Errors
    ///
    /// If the config that the run began with is damaged.
    pub fn new(folder: &Path, data: &Data) -> Result<Self, Error> {
        let then = beginning(folder)?.data;
        let places = then.places().into_iter().zip(data.places());
        let pairs = places.filter_map(|((_, then), (_, now))| {
            let (then, now) = (then?, now?);
            (then != now).then(|| (PathBuf::from(then), PathBuf::from(now)))
        });
        Ok(Self(pairs.collect()))
    }

    /// Where the file that was at `path` when the run began should be now: of several candidates, the first that exists.
    pub fn of(&self, path: &str) -> PathBuf {
        let path = Path::new(path);
        // Files are named from the place itself, or from the folder of a single file or of a pattern.
        let from_place = self.0.iter().filter_map(|(then, now)| {
            let rest = path.strip_prefix(then).ok()?;
            Some(match rest.as_os_str().is_empty() {
                true => now.clone(),
                false => now.join(rest),
            })
        });
        let beside = self.0.iter().filter_map(|(then, now)| {
            let (then, now) = match (is_pattern(then), is_pattern(now)) {
                (true, true) => (fixed_part(then), fixed_part(now)),
                (false, false) if now.is_file() => (then.parent()?, now.parent()?),
                _ => return None,
            };
            Some(now.join(path.strip_prefix(then).ok()?))
        });
        let places: Vec<PathBuf> = from_place.chain(beside).collect();
        let there = places.iter().find(|place| place.exists());
        let place = there.or(places.first());
        place.cloned().unwrap_or_else(|| path.to_owned())
    }

    /// Where a file is: in its new place if it exists there, otherwise where it was.
    pub fn find(&self, path: &str) -> PathBuf {
        let moved = self.of(path);
        match moved.exists() {
            true => moved,
            false => PathBuf::from(path),
        }
    }
}
