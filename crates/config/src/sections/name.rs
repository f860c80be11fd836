//! `name`: the experiment's name, part of the run directory's.

use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::pattern;

pub(crate) const NAME: Key<Option<String>> = Key::derived(
    "name",
    pattern(
        "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        "a string of at most 64 letters, digits, `.`, `_` and `-` that starts with a letter or a \
         digit",
    ),
    "the name of the file",
    "name of the experiment; becomes part of the run directory's name",
);

/// Reads the name; `default` stands for it where it is absent.
pub(crate) fn read(section: &Section<'_>, default: &str) -> String {
    let typed = section.read(&NAME);
    let name = typed.clone().unwrap_or_else(|| default.to_owned());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(allowed)
        && name.len() <= 64;
    let message = format!("`name` must be {}", NAME.kind);
    if !good && typed.is_none() {
        let message = format!("{message}; the name of the file is {name:?}");
        section.report(&NAME, message, "", "add a line name = \"...\"");
    } else if !good && section.has_text(&NAME) {
        let label = format!("this is {name:?}");
        section.report(
            &NAME,
            message,
            &label,
            "the name becomes part of a folder's name",
        );
    }
    name
}
