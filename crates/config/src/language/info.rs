//! What is known of a key without the Rust type of its value: enough for messages, `explain`, the schema,
//! the template and the tables of the documentation.
//!
//! [`KeyInfo`] and [`Kind`] refer to each other, since the kind of a table is the list of its keys.

use std::fmt;
use std::ops::RangeInclusive;

/// A key without the Rust type of its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyInfo {
    /// Its name within its table.
    pub name: &'static str,
    /// The values it takes.
    pub kind: Kind,
    /// The value if it is absent.
    pub default: Fallback,
    /// One line for a reader who has never seen the key.
    pub meaning: &'static str,
    /// What its numbers count; empty for numbers without a unit and for everything else.
    pub unit: &'static str,
    /// Whether a resume may change it.
    pub on_resume: OnResume,
}

/// The value of a key that is absent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fallback {
    /// The key must be there.
    Required,
    /// This value, as TOML text.
    Value(&'static str),
    /// A value that follows from others.
    Derived {
        /// From what, in words.
        words: &'static str,
        /// Where it is the value of one key of the same table: that key's name.
        key: Option<&'static str>,
    },
    /// Nothing: what the key is about is left out.
    Nothing,
}

impl Fallback {
    /// A value that follows from others, in these words.
    pub const fn derived(words: &'static str) -> Self {
        Self::Derived { words, key: None }
    }
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
    /// Says where the data are: may change if the very same data are there.
    SameData,
}

impl KeyInfo {
    /// A key without unit that a resume may not change.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        default: Fallback,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default,
            meaning,
            unit: "",
            on_resume: OnResume::Fixed,
        }
    }

    /// One of the things that a choice or a list of layers can name, with the keys of its table.
    pub const fn choice(
        name: &'static str,
        keys: &'static [KeyInfo],
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Kind::Table(keys), Fallback::Nothing, meaning)
    }

    /// Whether it must be there.
    pub fn is_required(&self) -> bool {
        self.default == Fallback::Required
    }

    /// The keys inside, where the value is a table.
    pub fn keys(&self) -> &'static [KeyInfo] {
        match self.kind {
            Kind::Layers(layers) => layers.keys(),
            _ => self.plain_keys(),
        }
    }

    /// The keys inside, without the layers of a list of layers.
    pub fn plain_keys(&self) -> &'static [KeyInfo] {
        match self.kind {
            Kind::Table(keys)
            | Kind::Choice(keys)
            | Kind::Choices(keys)
            | Kind::Tables(keys)
            | Kind::Either(&[Kind::Table(keys), ..]) => keys,
            _ => &[],
        }
    }
}

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A string.
    Text,
    /// A string, or an array of at least one.
    Texts,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A string that matches the regular expression, which says in these words.
    Pattern {
        /// The regular expression, in the syntax of JSON Schema.
        regex: &'static str,
        /// The same in words, as messages say it.
        words: &'static str,
    },
    /// `true` or `false`.
    Boolean,
    /// A whole number in `min..=max`.
    Integer {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A finite number in `min..max`; `open` leaves `min` itself out.
    Float {
        /// The lower bound; `f64::MIN` for none.
        min: f64,
        /// The upper bound, itself excluded; infinite for none.
        max: f64,
        /// Whether `min` itself is excluded.
        open: bool,
    },
    /// A number from 0 to 1, both included.
    Probability,
    /// One whole number in `min..=max` for height and width, or an array of both.
    Pair {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// An array of numbers, `length` of them where that is fixed.
    Array {
        /// What each element has to be.
        each: &'static Kind,
        /// How many elements there are; any number if absent.
        length: Option<usize>,
        /// The kind in words, as messages say it.
        words: &'static str,
    },
    /// A table with these keys.
    Table(&'static [KeyInfo]),
    /// `"name"` of one of these keys, or a table with one of them; each of them is a table.
    Choice(&'static [KeyInfo]),
    /// An array, each element `"name"` of one of these keys, or a table with one of them; each of them
    /// is a table.
    Choices(&'static [KeyInfo]),
    /// An array of tables with these keys.
    Tables(&'static [KeyInfo]),
    /// An array of layers: `"name"`, or a table with one of these keys, each of them a table.
    Layers(LayerKeys),
    /// What one of these takes.
    Either(&'static [Kind]),
}

/// The layers of the language, some of which have lists of layers inside: a function, for there is no
/// end to a constant that has itself inside.
#[derive(Clone, Copy)]
pub struct LayerKeys(pub fn() -> &'static [KeyInfo]);

impl LayerKeys {
    /// Every layer of the language.
    pub fn keys(self) -> &'static [KeyInfo] {
        (self.0)()
    }
}

impl PartialEq for LayerKeys {
    /// There are no others.
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl fmt::Debug for LayerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LayerKeys")
    }
}

/// No size in a configuration is larger; keeps products of a few of them inside 64 bits.
pub(crate) const MAX_SIZE: u64 = 1 << 20;

/// What single precision can tell from zero and from infinity.
pub(crate) const SINGLE: RangeInclusive<f64> = 1e-37..=3e38;

impl Kind {
    /// A size or a count of at least one.
    pub const COUNT: Kind = Kind::Integer {
        min: 1,
        max: MAX_SIZE,
    };

    /// Any finite number.
    pub const NUMBER: Kind = Kind::Float {
        min: f64::MIN,
        max: f64::INFINITY,
        open: false,
    };

    /// A finite number greater than zero.
    pub const POSITIVE: Kind = Kind::Float {
        min: 0.0,
        max: f64::INFINITY,
        open: true,
    };

    /// A finite number of at least zero.
    pub const NOT_NEGATIVE: Kind = Kind::Float {
        min: 0.0,
        max: f64::INFINITY,
        open: false,
    };

    /// A part of a whole, less than all of it.
    pub const SHARE: Kind = Kind::Float {
        min: 0.0,
        max: 1.0,
        open: false,
    };

    /// What keeps a denominator from zero.
    pub const EPSILON: Kind = Kind::Float {
        min: *SINGLE.start(),
        max: f64::INFINITY,
        open: false,
    };
}

/// What an error message says was expected.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Text => f.write_str("a string"),
            Kind::Texts => f.write_str("a string or a non-empty array of strings"),
            Kind::Word([word]) => write!(f, "\"{word}\""),
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
            } => write!(f, "a finite number {} {}", bound(*open), short(*min)),
            Kind::Float { min, max, open } => write!(
                f,
                "a number {} {} and less than {}",
                bound(*open),
                short(*min),
                short(*max)
            ),
            Kind::Probability => f.write_str("a number from 0 to 1"),
            Kind::Pair { min, max } => write!(
                f,
                "an integer from {min} to {max}, or an array [height, width] of two"
            ),
            Kind::Pattern { words, .. } | Kind::Array { words, .. } => f.write_str(words),
            Kind::Table(_) => f.write_str("a table"),
            Kind::Tables(_) => f.write_str("an array of tables"),
            Kind::Choice(choices) => {
                let names: Vec<&str> = choices.iter().map(|key| key.name).collect();
                write!(
                    f,
                    "one of {}, as a string or as a table with that name",
                    names.join(", ")
                )
            }
            Kind::Choices(choices) => {
                let names: Vec<&str> = choices.iter().map(|key| key.name).collect();
                write!(
                    f,
                    "an array whose elements are each one of {}, as a string or as a table with \
                     that name",
                    names.join(", ")
                )
            }
            Kind::Either(kinds) => {
                let kinds: Vec<String> = kinds.iter().map(Kind::to_string).collect();
                f.write_str(&kinds.join(", or "))
            }
            Kind::Layers(_) => f.write_str("a non-empty array of layers, from input to output"),
        }
    }
}

fn bound(open: bool) -> &'static str {
    if open { "greater than" } else { "of at least" }
}

/// `0` and `1e-37`, for reading.
fn short(number: f64) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}
