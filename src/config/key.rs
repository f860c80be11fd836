//! What a configuration key is: its name, the values it takes, its default, its meaning, and whether a resume may change it.
//!
//! Every key of the language is one constant of this type, next to the section that reads it; the
//! reader, the error messages and the tables of the README follow from it.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// TOML text of the value taken when the key is absent; `None` makes the key required.
    pub default: Option<&'static str>,
    /// One line for a reader who has never seen the key.
    pub meaning: &'static str,
    pub on_resume: OnResume,
}

/// Whether a run may go on with another value than it began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnResume {
    /// The value is part of what the run is; another value is another run.
    Fixed,
    /// Results do not depend on it.
    Free,
    /// May grow: the run goes on for longer.
    Upward,
}

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    Boolean,
    /// A whole number in `min..=max`.
    Integer {
        min: u64,
        max: u64,
    },
    /// A finite number in `min..max`; `open` leaves `min` itself out.
    Float {
        min: f64,
        max: f64,
        open: bool,
    },
    /// One whole number in `min..=max` for height and width, or an array of both.
    Pair {
        min: u64,
        max: u64,
    },
    /// An array or a table with rules of its own, in these words.
    Other(&'static str),
}

/// No size in a configuration is larger; keeps products of a few of them inside 64 bits.
pub const MAX_SIZE: u64 = 1 << 20;

impl Key {
    pub const fn required(name: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self {
            name,
            kind,
            default: None,
            meaning,
            on_resume: OnResume::Fixed,
        }
    }

    pub const fn optional(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default: Some(default),
            meaning,
            on_resume: OnResume::Fixed,
        }
    }

    pub const fn on_resume(mut self, on_resume: OnResume) -> Self {
        self.on_resume = on_resume;
        self
    }
}

impl Kind {
    /// A size or a count of at least one.
    pub const COUNT: Kind = Kind::Integer {
        min: 1,
        max: MAX_SIZE,
    };
}

/// What an error message says was expected.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Text => f.write_str("a string"),
            Kind::Word(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                write!(f, "one of {}", quoted.join(", "))
            }
            Kind::Boolean => f.write_str("true or false"),
            Kind::Integer { min, max: u64::MAX } => write!(f, "an integer of at least {min}"),
            Kind::Integer { min, max } => write!(f, "an integer from {min} to {max}"),
            Kind::Float {
                min: f64::MIN,
                max: f64::INFINITY,
                ..
            } => f.write_str("a finite number"),
            Kind::Float {
                min,
                max: f64::INFINITY,
                open,
            } => {
                let bound = if *open { "greater than" } else { "of at least" };
                write!(f, "a finite number {bound} {min}")
            }
            Kind::Float { min, max, open } => {
                let bound = if *open { "greater than" } else { "of at least" };
                write!(f, "a number {bound} {min} and less than {max}")
            }
            Kind::Pair { min, max } => write!(
                f,
                "an integer from {min} to {max}, or [height, width] of such"
            ),
            Kind::Other(what) => f.write_str(what),
        }
    }
}
