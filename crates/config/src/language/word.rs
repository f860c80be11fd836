//! Words: the values of a key that takes one of a few strings.

use std::str::FromStr;

use serde::Serialize;
use strum::VariantNames;

/// A set of words as an enum, one variant a word.
///
/// An implementation derives `strum::VariantNames`, `strum::EnumString` and `serde::Serialize`, all
/// three in `snake_case`: the language, its schema, the resolved file and the command line then agree
/// on the words.
pub trait Word: VariantNames + FromStr + Serialize + Copy + 'static {
    /// The words in the order in which messages list them.
    const WORDS: &'static [&'static str] = Self::VARIANTS;

    /// The value of a word; `None` for a string that is none of them.
    fn from_word(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}
