//! Errors of TOML's syntax, each with what was most likely meant.

use std::ops::Range;

use crate::text::diagnostic::{Concern, Diagnostic};
use crate::text::source::Origin;

/// What kind of error the TOML parser found.
enum SyntaxError {
    /// A key that its table has already.
    DuplicateKey,
    /// A bracket, brace or string without its end.
    Unclosed,
    /// Any other.
    Other,
}

impl SyntaxError {
    /// The parser distinguishes its errors by their texts alone; nothing else here looks at them.
    fn of(error: &toml::de::Error) -> Self {
        match error.message() {
            "duplicate key" => Self::DuplicateKey,
            message if message.starts_with("unclosed") => Self::Unclosed,
            _ => Self::Other,
        }
    }
}

/// Describes an error of the parser in `text`, which starts at byte `offset` of its source.
pub(super) fn syntax_error(
    error: &toml::de::Error,
    text: &str,
    source: usize,
    offset: usize,
) -> Diagnostic {
    let span = error.span().unwrap_or(0..text.len());
    let origin = |span: Range<usize>| Origin {
        source,
        span: offset + span.start..offset + span.end,
    };
    let kind = SyntaxError::of(error);
    let (message, help) = match kind {
        SyntaxError::DuplicateKey => {
            let message = format!("duplicate key `{}`", &text[span.clone()]);
            (message, "remove one of the two".to_owned())
        }
        _ => likely_slip(text, &span).unwrap_or_else(|| {
            let message = error.message().trim_end_matches(", expected nothing");
            let help = "a line is key = value, a [section], or a # comment; strings are in quotes";
            (message.to_owned(), help.to_owned())
        }),
    };
    let message = format!("not valid TOML: {message}");
    // A slip that explains the error stands for it, and what follows is worth reading.
    let is_unclosed = matches!(kind, SyntaxError::Unclosed) && likely_slip(text, &span).is_none();
    if !is_unclosed {
        return Diagnostic::new(message, origin(span), "").help(help);
    }
    let diagnostic = match unclosed(&text[..span.start]) {
        Some(start) => {
            Diagnostic::new(message, origin(start..start + 1), "opened here").help("close it")
        }
        None => Diagnostic::new(message, origin(span), "").help(help),
    };
    diagnostic.concern(Concern::Unclosed)
}

/// A slip of those who know other languages: the message and the help.
fn likely_slip(text: &str, span: &Range<usize>) -> Option<(String, String)> {
    let before = text[..span.start].trim_end();
    let rest = &text[span.start..];
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
    if rest.starts_with('.') && before.ends_with(['=', '[', ',']) {
        let message = "a number needs a digit before the decimal point";
        return Some((message.to_owned(), "write 0.1".to_owned()));
    }
    if matches!(word.as_str(), "True" | "False") {
        let word = word.to_lowercase();
        return Some((
            format!("TOML spells this `{word}`"),
            format!("write {word}"),
        ));
    }
    if matches!(word.as_str(), "None" | "null" | "nil" | "Null") {
        let message = "TOML has no null value";
        return Some((message.to_owned(), "leave the key out".to_owned()));
    }
    if span.is_empty() && before.ends_with('=') {
        let message = "there is no value after `=`";
        return Some((message.to_owned(), "write key = value".to_owned()));
    }
    None
}

/// The last bracket or brace that opens a value and is not closed; strings on one line and comments
/// are passed over.
fn unclosed(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    let (mut quote, mut is_comment, mut is_escaped) = (None, false, false);
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (_, '\n') => (quote, is_comment) = (None, false),
            _ if is_comment => {}
            (Some('"'), _) if is_escaped => is_escaped = false,
            (Some('"'), '\\') => is_escaped = true,
            (Some(q), _) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => is_comment = true,
            (None, '[' | '{') => open.push(index),
            (None, ']' | '}') => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}
