//! All keys of the language, a line each.

use std::fmt::Write;

use crate::config::{KeyInfo, Kind, LANGUAGE};

use super::output::terminal_width;

/// The column in which meanings begin.
const MEANING: usize = 28;

/// Every key, grouped by the table that it stands in, with its meaning; no line is wider than the terminal.
pub fn list() -> String {
    let mut text = String::from(
        "more about a key: runner config explain training.epochs\n\n\
         at the top of the file\n",
    );
    let width = terminal_width();
    write_keys(&mut text, "", LANGUAGE.0, width);
    text
}

/// The keys of a table, and then the tables inside it.
fn write_keys(text: &mut String, path: &str, keys: &[KeyInfo], width: Option<usize>) {
    let (tables, values): (Vec<&KeyInfo>, Vec<&KeyInfo>) =
        keys.iter().partition(|key| is_table(key, path));
    for key in values {
        write_line(text, &format!("  {}", key.name), key.meaning, width);
    }
    for table in tables {
        let path = match path {
            "" => table.name.to_owned(),
            path => format!("{path}.{}", table.name),
        };
        text.push('\n');
        write_line(text, &path, table.meaning, width);
        write_keys(text, &path, table.keys(), width);
    }
}

/// Whether a key has others inside. Layers inside of layers are those of the network again.
fn is_table(key: &KeyInfo, path: &str) -> bool {
    let is_again = matches!(key.kind, Kind::Layers(_)) && path.contains('.');
    !key.keys().is_empty() && !is_again
}

fn write_line(text: &mut String, name: &str, meaning: &str, width: Option<usize>) {
    let line = format!("{name:<MEANING$}  {meaning}");
    let _ = match width {
        Some(width) if line.chars().count() > width => {
            let beginning: String = line.chars().take(width.max(MEANING) - 1).collect();
            writeln!(text, "{}…", beginning.trim_end())
        }
        _ => writeln!(text, "{line}"),
    };
}
