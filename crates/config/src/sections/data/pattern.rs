//! Places that are patterns for several files, such as the shards of a split.

use std::path::Path;

/// What stands for several names.
const OPEN: [char; 4] = ['*', '?', '[', '{'];

/// Whether a place that does not exist as it is typed is a pattern for several files.
pub fn is_pattern(place: &Path) -> bool {
    let text = place.to_string_lossy();
    // `${NAME}` is a variable that nobody has expanded.
    text.contains(OPEN) && !text.contains('$') && !place.exists()
}

/// The folder that a pattern looks into, as far as it is the same for all files; the place itself if it is no pattern.
pub fn fixed_part(place: &Path) -> &Path {
    let is_fixed = |it: &&Path| !it.to_string_lossy().contains(OPEN);
    match is_pattern(place) {
        true => place.ancestors().find(is_fixed).unwrap_or(Path::new("")),
        false => place,
    }
}
