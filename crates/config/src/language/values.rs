//! The values that a key takes, together with the Rust type that they are read as.
//!
//! A [`Values<T>`] can only be made here, where the [`Kind`] that is said to people and programs stands
//! beside the type; [`FromNode`] then reads a typed value as that type.

use std::marker::PhantomData;

use super::info::{Kind, MAX_SIZE, SINGLE};
use super::word::Word;
use crate::text::tree::{Node, Value};

/// The values of a key, read as a `T`.
#[derive(Debug, Clone, Copy)]
pub struct Values<T> {
    pub(super) kind: Kind,
    value: PhantomData<fn() -> T>,
}

impl<T> Values<T> {
    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            value: PhantomData,
        }
    }
}

/// A string.
pub(crate) const TEXT: Values<String> = Values::new(Kind::Text);

/// A string, or an array of at least one.
pub(crate) const TEXTS: Values<Vec<String>> = Values::new(Kind::Texts);

/// `true` or `false`.
pub(crate) const BOOLEAN: Values<bool> = Values::new(Kind::Boolean);

/// Any finite number.
pub(crate) const NUMBER: Values<f64> = Values::new(Kind::NUMBER);

/// A finite number greater than zero.
pub(crate) const POSITIVE: Values<f64> = Values::new(Kind::POSITIVE);

/// A finite number of at least zero.
pub(crate) const NOT_NEGATIVE: Values<f64> = Values::new(Kind::NOT_NEGATIVE);

/// A part of a whole, less than all of it.
pub(crate) const SHARE: Values<f64> = Values::new(Kind::SHARE);

/// A part of a whole, more than nothing and less than all of it.
pub(crate) const PART: Values<f64> = Values::new(Kind::Float {
    min: 0.0,
    max: 1.0,
    open: true,
});

/// A number from 0 to 1, both included.
pub(crate) const PROBABILITY: Values<f64> = Values::new(Kind::Probability);

/// What keeps a denominator from zero.
pub(crate) const EPSILON: Values<f64> = Values::new(Kind::EPSILON);

/// Height and width, each at least one pixel.
pub(crate) const SIZE_IN_PIXELS: Values<[usize; 2]> = pair(1, MAX_SIZE);

/// Height and width, zero allowed.
pub(crate) const PIXELS: Values<[usize; 2]> = pair(0, MAX_SIZE);

/// A finite number in `min..max`.
pub(crate) const fn float(min: f64, max: f64) -> Values<f64> {
    Values::new(Kind::Float {
        min,
        max,
        open: false,
    })
}

/// A whole number in `min..=max`.
pub(crate) const fn integer<T: TryFrom<u64>>(min: u64, max: u64) -> Values<T> {
    Values::new(Kind::Integer { min, max })
}

/// A size or a count of at least one.
pub(crate) const fn count<T: TryFrom<u64>>() -> Values<T> {
    Values::new(Kind::COUNT)
}

/// One whole number in `min..=max` for height and width, or an array of both.
pub(crate) const fn pair(min: u64, max: u64) -> Values<[usize; 2]> {
    Values::new(Kind::Pair { min, max })
}

/// One of a few words.
pub(crate) const fn word<W: Word>() -> Values<W> {
    Values::new(Kind::Word(W::WORDS))
}

/// One of words that are not known by a type of their own.
pub(crate) const fn name(names: &'static [&'static str]) -> Values<String> {
    Values::new(Kind::Word(names))
}

/// A string that matches the regular expression, which says in these words. The section that reads it
/// checks it.
pub(crate) const fn pattern(regex: &'static str, words: &'static str) -> Values<String> {
    Values::new(Kind::Pattern { regex, words })
}

/// An array of any number of numbers; `words` say what of.
pub(crate) const fn numbers(each: &'static Kind, words: &'static str) -> Values<Vec<f64>> {
    Values::new(Kind::Array {
        each,
        length: None,
        words,
    })
}

/// An array of any number of whole numbers of at least zero; `words` say what of.
pub(crate) const fn integers(words: &'static str) -> Values<Vec<u64>> {
    Values::new(Kind::Array {
        each: &Kind::Integer {
            min: 0,
            max: i64::MAX as u64,
        },
        length: None,
        words,
    })
}

/// An array of two numbers; `words` say what of.
pub(crate) const fn two_numbers(each: &'static Kind, words: &'static str) -> Values<[f64; 2]> {
    Values::new(Kind::Array {
        each,
        length: Some(2),
        words,
    })
}

/// An array of three whole numbers of at least one; `words` say what of.
pub(crate) const fn three_counts(words: &'static str) -> Values<[usize; 3]> {
    Values::new(Kind::Array {
        each: &Kind::COUNT,
        length: Some(3),
        words,
    })
}

/// An array of words of the enum; `words` say which.
pub(crate) const fn list_of_words<W: Word>(words: &'static str) -> Values<Vec<W>> {
    Values::new(Kind::Array {
        each: const { &Kind::Word(W::WORDS) },
        length: None,
        words,
    })
}

/// What `kinds` take, read by the type itself.
pub(crate) const fn either<T: FromNode>(kinds: &'static [Kind]) -> Values<T> {
    Values::new(Kind::Either(kinds))
}

/// A type that values are read as.
pub(crate) trait FromNode: Sized {
    /// Reads a value that is to be of this kind.
    ///
    /// # Errors
    /// The node that is wrong: the value itself, or an element of it.
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node>;

    /// Stands for a value that could not be read; nobody sees it, since the document is then refused.
    fn placeholder() -> Self;
}

impl<T: FromNode> FromNode for Option<T> {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        T::from_node(node, kind).map(Some)
    }

    fn placeholder() -> Self {
        None
    }
}

impl<W: Word> FromNode for W {
    fn from_node(node: &Node, _kind: Kind) -> Result<Self, &Node> {
        match &node.value {
            Value::String(text) => W::from_word(text).ok_or(node),
            _ => Err(node),
        }
    }

    fn placeholder() -> Self {
        let first = W::WORDS.first().copied().and_then(W::from_word);
        first.expect("a set of words has at least one")
    }
}

impl FromNode for String {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        match (&node.value, kind) {
            (Value::String(text), Kind::Word(words)) if !words.contains(&text.as_str()) => {
                Err(node)
            }
            (Value::String(text), _) => Ok(text.clone()),
            _ => Err(node),
        }
    }

    fn placeholder() -> Self {
        Self::new()
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, _kind: Kind) -> Result<Self, &Node> {
        match node.value {
            Value::Boolean(value) => Ok(value),
            _ => Err(node),
        }
    }

    fn placeholder() -> Self {
        false
    }
}

impl FromNode for u64 {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        let (Kind::Integer { min, max } | Kind::Pair { min, max }) = kind else {
            return Err(node);
        };
        match node.value {
            Value::Integer(value) => u64::try_from(value)
                .ok()
                .filter(|value| (min..=max).contains(value))
                .ok_or(node),
            _ => Err(node),
        }
    }

    fn placeholder() -> Self {
        1
    }
}

impl FromNode for usize {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        u64::from_node(node, kind).map(|value| value as usize)
    }

    fn placeholder() -> Self {
        1
    }
}

impl FromNode for u8 {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        u64::from_node(node, kind).and_then(|value| Self::try_from(value).map_err(|_| node))
    }

    fn placeholder() -> Self {
        1
    }
}

impl FromNode for f64 {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        let value = match node.value {
            Value::Float(value) => value,
            Value::Integer(value) => value as f64,
            _ => return Err(node),
        };
        let (min, max, open) = match kind {
            Kind::Float { min, max, open } => (min, max, open),
            Kind::Probability => {
                let is_one = (0.0..=1.0).contains(&value);
                return is_one.then_some(value).ok_or(node);
            }
            _ => return Err(node),
        };
        let above = if open { value > min } else { value >= min };
        let is_held = value == 0.0 || SINGLE.contains(&value.abs());
        (above && value < max && is_held)
            .then_some(value)
            .ok_or(node)
    }

    fn placeholder() -> Self {
        1.0
    }
}

/// One number for both, or an array.
impl FromNode for [usize; 2] {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        match &node.value {
            Value::Array(_) => array(node, kind),
            _ => usize::from_node(node, kind).map(|size| [size; 2]),
        }
    }

    fn placeholder() -> Self {
        [1; 2]
    }
}

impl FromNode for [usize; 3] {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        array(node, kind)
    }

    fn placeholder() -> Self {
        [1; 3]
    }
}

impl FromNode for [f64; 2] {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        array(node, kind)
    }

    fn placeholder() -> Self {
        [1.0; 2]
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        let Value::Array(items) = &node.value else {
            return match kind {
                Kind::Texts => Ok(vec![T::from_node(node, Kind::Text)?]),
                _ => Err(node),
            };
        };
        let each = each_of(kind);
        items.iter().map(|item| T::from_node(item, each)).collect()
    }

    fn placeholder() -> Self {
        Self::new()
    }
}

/// An array of `N` values; an array of another length is wrong as a whole.
fn array<T: FromNode, const N: usize>(node: &Node, kind: Kind) -> Result<[T; N], &Node> {
    let Value::Array(items) = &node.value else {
        return Err(node);
    };
    if items.len() != N {
        return Err(node);
    }
    let values = Vec::from_node(node, kind)?;
    values.try_into().map_err(|_| node)
}

/// What each element of an array has to be.
pub(crate) fn each_of(kind: Kind) -> Kind {
    match kind {
        Kind::Array { each, .. } => *each,
        kind => kind,
    }
}
