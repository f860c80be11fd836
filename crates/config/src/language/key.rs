//! What a key of the language is: its name, the values it takes, its default, its meaning, and whether a
//! resume may change it.
//!
//! Every key is one constant, next to the section that reads it. A [`Key<T>`] gives a `T` when it is
//! read; the reader takes the type from the key, so that the two cannot disagree. What messages,
//! `explain`, the schema, the template and the tables of the documentation need is in its [`KeyInfo`],
//! which knows nothing of `T`.

use std::marker::PhantomData;
use std::ops::Deref;

use super::kind::Kind;
use super::values::Values;

/// A key without the Rust type of its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyInfo {
    /// Its name within its table.
    pub name: &'static str,
    /// The values it takes.
    pub kind: Kind,
    /// What is taken where it is absent.
    pub default: Fallback,
    /// One line for a reader who has never seen the key.
    pub meaning: &'static str,
    /// What its numbers count; empty for numbers without a unit and for everything else.
    pub unit: &'static str,
    /// Whether a resume may change it.
    pub on_resume: OnResume,
}

/// What is taken where a key is absent.
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
            | Kind::Either(&[Kind::Table(keys), ..]) => keys,
            _ => &[],
        }
    }
}

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
pub struct TableKey {
    /// All of it.
    pub info: KeyInfo,
}

impl TableKey {
    /// A table that must be there.
    pub const fn required(
        name: &'static str,
        keys: &'static [KeyInfo],
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Kind::Table(keys), Fallback::Required, meaning)
    }

    /// A table whose keys have their defaults where it is absent.
    pub const fn with_defaults(
        name: &'static str,
        keys: &'static [KeyInfo],
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Kind::Table(keys), Fallback::Value("{}"), meaning)
    }

    /// A table that may be absent: what it is about is then left out.
    pub const fn optional(
        name: &'static str,
        keys: &'static [KeyInfo],
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Kind::Table(keys), Fallback::Nothing, meaning)
    }

    /// Any key that has tables or lists inside which its section reads by itself.
    pub const fn new(
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
