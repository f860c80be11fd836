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
    if let Some(slip) = number_slip(before, rest).or_else(|| character_slip(rest)) {
        return Some(slip);
    }
    if before.ends_with('\\') && rest.starts_with(|c: char| c.is_ascii_graphic()) {
        let message = "in double quotes a backslash begins an escape such as \\n";
        let help = "write a path in single quotes, 'C:\\data', or with slashes, \"C:/data\"";
        return Some((message.to_owned(), help.to_owned()));
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

/// A number as other languages write it: without a digit before its point, or with a comma for it.
fn number_slip(before: &str, rest: &str) -> Option<(String, String)> {
    let digits = |text: &str| -> String {
        let digits = text.chars().take_while(|c| c.is_ascii_alphanumeric());
        digits.collect()
    };
    let sign = rest.find(|c| !['+', '-'].contains(&c)).unwrap_or(0);
    let (sign, unsigned) = rest.split_at(sign);
    if let Some(fraction) = unsigned.strip_prefix('.')
        && before.ends_with(['=', '[', ','])
    {
        let message = "a number needs a digit before the decimal point";
        return Some((
            message.to_owned(),
            format!("write {sign}0.{}", digits(fraction)),
        ));
    }
    let fraction = digits(rest.strip_prefix(',')?);
    let (_, typed) = before.lines().last()?.rsplit_once('=')?;
    let is_whole = typed.trim().parse::<i64>().is_ok();
    if !is_whole || !fraction.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let message = "a decimal number is written with a point, not with a comma";
    Some((
        message.to_owned(),
        format!("write {}.{fraction}", typed.trim()),
    ))
}

/// A character that looks like one of TOML's and is none; text that was copied from a page is full of them.
fn character_slip(rest: &str) -> Option<(String, String)> {
    let character = rest.chars().next()?;
    let (name, help) = match character {
        '\u{201c}'..='\u{201f}' | '\u{2018}'..='\u{201b}' => {
            ("a typographic quote", "write a plain quote, \" or '")
        }
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {
            ("an invisible character", "delete it")
        }
        '\u{2212}' | '\u{2012}'..='\u{2014}' => ("a typographic minus or dash", "write a plain -"),
        _ if !character.is_ascii() && character.is_whitespace() => (
            "not a plain space, though it looks like one",
            "replace it with a plain space",
        ),
        _ => return None,
    };
    let message = format!("U+{:04X} is {name}", u32::from(character));
    Some((message, help.to_owned()))
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
