//! What reaches the user: results on stdout, everything else on stderr.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;

use crate::cli;
use crate::config::{self, Problems, RenderOptions};
use crate::table::Style;

/// A result cannot be written to stdout.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout: {0}")]
pub struct StdoutError(pub io::Error);

/// Several errors, each told on its own; the exit code is that of the first.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|it| it.to_string()).collect::<Vec<_>>().join("\n\n"))]
pub struct Several(pub Vec<anyhow::Error>);

/// Writes a command's whole result to stdout. A closed pipe is no error: its reader has seen enough.
pub fn print_result(text: &str) -> Result<(), StdoutError> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(StdoutError),
    }
}

/// Prints for a training. Errors of the terminal or the pipe are ignored, so that the training goes on.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Only what scripts need is printed.
    pub quiet: bool,
}

impl Output {
    /// A line of results.
    pub fn result(&self, line: &str) {
        if !self.quiet {
            let _ = writeln!(io::stdout(), "{line}");
        }
    }

    /// The one line of results that is printed even when quiet.
    pub fn only_when_quiet(&self, line: &str) {
        if self.quiet {
            let _ = writeln!(io::stdout(), "{line}");
        }
    }

    /// A line about what goes on.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            note(line);
        }
    }
}

/// The table style that the options select; for reading, no wider than the terminal, if there is one.
pub fn style(format: &cli::Format) -> Style {
    match format {
        cli::Format { csv: true, .. } => Style::Csv,
        cli::Format { json: true, .. } => Style::Json,
        cli::Format { markdown: true, .. } => Style::Markdown,
        _ => reading(),
    }
}

/// The table style for reading; no wider than the terminal, if there is one.
pub fn reading() -> Style {
    Style::Reading {
        width: terminal_width().and_then(|width| width.try_into().ok()),
    }
}

/// Columns of the terminal that stdout is, if it is one.
pub fn terminal_width() -> Option<usize> {
    let size = console::Term::stdout().size_checked();
    size.map(|(_, columns)| columns.into())
}

/// A line on stderr that no option silences; a terminal gets it in lines that fit, broken between words.
pub fn note(line: &str) {
    let text = match look().width {
        Some(width) => wrapped(line, width),
        None => line.to_owned(),
    };
    let _ = writeln!(io::stderr(), "{text}");
}

/// Wraps a text at `width` columns; only a single word may be longer. Each line keeps its indent.
fn wrapped(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| {
        let indent = &line[..line.len() - line.trim_start().len()];
        let options = textwrap::Options::new(width.max(40))
            .subsequent_indent(indent)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(line, options)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether stderr shows colours: a terminal, and NO_COLOR not set (<https://no-color.org>).
pub fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How diagnostics are rendered on stderr.
pub fn look() -> RenderOptions {
    RenderOptions {
        colour: colour(),
        width: io::stderr()
            .is_terminal()
            .then(|| console::Term::stderr().size_checked())
            .flatten()
            .map(|(_, columns)| columns.into()),
    }
}

/// Prints an error with its causes on stderr.
pub fn print_error(error: &anyhow::Error) {
    if let Some(Several(errors)) = error.downcast_ref::<Several>() {
        for (place, error) in errors.iter().enumerate() {
            if place > 0 {
                note("");
            }
            print_error(error);
        }
        return;
    }
    match error.downcast_ref::<config::Error>() {
        Some(config::Error::Invalid(problems)) => print_problems(problems),
        // The program's own messages include their causes.
        _ => note(&format!("error: {error}")),
    }
}

/// Prints problems of a config on stderr, which come in lines that fit.
pub fn print_problems(problems: &Problems) {
    let _ = writeln!(io::stderr(), "{}", problems.render(look()));
}

/// A folder as one types it: relative to the current one, if it is below that.
pub fn shown(folder: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    folder
        .strip_prefix(&here)
        .unwrap_or(folder)
        .display()
        .to_string()
}
