//! Keys of the language: each one is a constant next to the section that reads it.
//!
//! A [`Key<T>`] gives a `T` when it is read; the reader takes the type from the key, so that the two
//! cannot disagree. Everything else about it is in its [`KeyInfo`].

use std::marker::PhantomData;
use std::ops::Deref;

use super::info::{Fallback, KeyInfo, Kind, OnResume};
use super::values::Values;

/// A key whose value is read as a `T`; an `Option` where the key may be absent without a default.
#[derive(Debug, Clone, Copy)]
pub struct Key<T> {
    /// All of it but the type.
    pub info: KeyInfo,
    value: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// A key that must be there.
    pub const fn required(name: &'static str, values: Values<T>, meaning: &'static str) -> Self {
        Self::new(name, values.kind, Fallback::Required, meaning)
    }

    /// A key with a default, as TOML text.
    pub const fn with_default(
        name: &'static str,
        values: Values<T>,
        default: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self::new(name, values.kind, Fallback::Value(default), meaning)
    }

    const fn new(name: &'static str, kind: Kind, default: Fallback, meaning: &'static str) -> Self {
        Self {
            info: KeyInfo::new(name, kind, default, meaning),
            value: PhantomData,
        }
    }

    /// The same key with what its numbers count.
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.info.unit = unit;
        self
    }

    /// The same key with what a resume may do to it.
    pub const fn on_resume(mut self, on_resume: OnResume) -> Self {
        self.info.on_resume = on_resume;
        self
    }
}

impl<T> Key<Option<T>> {
    /// A key that may be absent: what it is about is then left out.
    pub const fn optional(name: &'static str, values: Values<T>, meaning: &'static str) -> Self {
        Self::new(name, values.kind, Fallback::Nothing, meaning)
    }

    /// A key that may be absent: its value then follows from others, in these words.
    pub const fn derived(
        name: &'static str,
        values: Values<T>,
        from: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self::new(name, values.kind, Fallback::derived(from), meaning)
    }

    /// A key that may be absent: it then has the value of another key of its table, in these words.
    pub const fn follows(
        name: &'static str,
        values: Values<T>,
        key: &'static str,
        words: &'static str,
        meaning: &'static str,
    ) -> Self {
        let key = Some(key);
        let default = Fallback::Derived { words, key };
        Self::new(name, values.kind, default, meaning)
    }
}

impl<T> Deref for Key<T> {
    type Target = KeyInfo;

    fn deref(&self) -> &KeyInfo {
        &self.info
    }
}

/// A key whose value is a table with keys of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableKey {
    /// All of it.
    pub info: KeyInfo,
}

impl TableKey {
    /// A table that must be there.
    pub(crate) const fn required(
        name: &'static str,
        keys: &'static [KeyInfo],
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Kind::Table(keys), Fallback::Required, meaning)
    }

    /// A table whose keys have their defaults where it is absent.
    pub(crate) const fn with_defaults(
        name: &'static str,
        keys: &'static [KeyInfo],
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Kind::Table(keys), Fallback::Value("{}"), meaning)
    }

    /// A table that may be absent: what it is about is then left out.
    pub(crate) const fn optional(
        name: &'static str,
        keys: &'static [KeyInfo],
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Kind::Table(keys), Fallback::Nothing, meaning)
    }

    /// Any key that has tables or lists inside which its section reads by itself.
    pub(crate) const fn new(
        name: &'static str,
        kind: Kind,
        default: Fallback,
        meaning: &'static str,
    ) -> Self {
        Self {
            info: KeyInfo::new(name, kind, default, meaning),
        }
    }
}

impl Deref for TableKey {
    type Target = KeyInfo;

    fn deref(&self) -> &KeyInfo {
        &self.info
    }
}
