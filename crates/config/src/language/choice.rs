//! Keys whose value names one of several things, each with keys of its own: an optimizer, a layer.

use std::ops::Deref;

use super::info::{Fallback, KeyInfo, Kind};

/// One of the things that a choice can name, and how it is read. `R` is the type of the function that
/// reads its table, so that nothing can be named which is not read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variant<R> {
    /// Its name, the keys in its table and its meaning.
    pub info: KeyInfo,
    /// Reads its table.
    pub read: R,
}

impl<R> Variant<R> {
    /// A thing of this name, with these keys in its table.
    pub(crate) const fn new(
        name: &'static str,
        keys: &'static [KeyInfo],
        meaning: &'static str,
        read: R,
    ) -> Self {
        Self::of(KeyInfo::choice(name, keys, meaning), read)
    }

    /// A thing that is described elsewhere, with its reader.
    pub(crate) const fn of(info: KeyInfo, read: R) -> Self {
        Self { info, read }
    }
}

/// The variants without their readers.
pub(crate) const fn infos<R, const N: usize>(variants: &[Variant<R>; N]) -> [KeyInfo; N] {
    let mut infos = [KeyInfo::new("", Kind::Boolean, Fallback::Nothing, ""); N];
    let mut index = 0;
    while index < N {
        infos[index] = variants[index].info;
        index += 1;
    }
    infos
}

/// The keys of several lists one after the other; `N` is how many there are in all.
pub(crate) const fn concatenated<const N: usize>(lists: &[&[KeyInfo]]) -> [KeyInfo; N] {
    let mut keys = [KeyInfo::new("", Kind::Boolean, Fallback::Nothing, ""); N];
    let (mut list, mut count) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            keys[count] = lists[list][index];
            count += 1;
            index += 1;
        }
        list += 1;
    }
    assert!(count == N);
    keys
}

/// A key that names one of its variants: `"name"`, or a table with one of the names.
#[derive(Debug)]
pub(crate) struct ChoiceKey<R: 'static> {
    /// All of it but the readers.
    pub info: KeyInfo,
    /// What can be named.
    pub variants: &'static [Variant<R>],
}

impl<R> ChoiceKey<R> {
    /// `infos` are those of the variants.
    pub(crate) const fn new(
        name: &'static str,
        variants: &'static [Variant<R>],
        infos: &'static [KeyInfo],
        default: Fallback,
        meaning: &'static str,
    ) -> Self {
        Self {
            info: KeyInfo::new(name, Kind::Choice(infos), default, meaning),
            variants,
        }
    }
}

impl<R> Deref for ChoiceKey<R> {
    type Target = KeyInfo;

    fn deref(&self) -> &KeyInfo {
        &self.info
    }
}

/// A key whose value is an array, each element naming one of the variants.
#[derive(Debug)]
pub(crate) struct ListKey<R: 'static> {
    /// All of it but the readers.
    pub info: KeyInfo,
    /// What an element can name.
    pub variants: &'static [Variant<R>],
}

impl<R> ListKey<R> {
    /// `infos` are those of the variants; the list is empty where the key is absent.
    pub(crate) const fn new(
        name: &'static str,
        variants: &'static [Variant<R>],
        infos: &'static [KeyInfo],
        meaning: &'static str,
    ) -> Self {
        Self {
            info: KeyInfo::new(name, Kind::Choices(infos), Fallback::Value("[]"), meaning),
            variants,
        }
    }
}

impl<R> Deref for ListKey<R> {
    type Target = KeyInfo;

    fn deref(&self) -> &KeyInfo {
        &self.info
    }
}
