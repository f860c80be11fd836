//! Typed reading of one table, which collects every problem instead of stopping at the first.

use super::choice::{ChoiceKey, ListKey, Variant};
use super::diagnostics::Diagnostics;
use super::familiar;
use super::info::{Fallback, KeyInfo, Kind};
use super::key::{Key, TableKey};
use super::remedy;
use super::values::FromNode;
use crate::text::diagnostic::{Concern, Diagnostic};
use crate::text::source::Origin;
use crate::text::tree::{Entry, Node, Table, Value, parse_value};

/// What makes a `T` of the table that a section opens.
pub(crate) type SectionReader<T> = fn(&Section<'_>) -> T;

/// A table of the configuration and the keys it may have.
///
/// A read of a key that is absent gives its default; a read that fails leaves a diagnostic and
/// gives a placeholder, which no one sees because the document is then refused.
pub(crate) struct Section<'a> {
    /// Dotted path of the table, empty for the document itself.
    path: String,
    table: Option<&'a Table>,
    /// Where to point when a required key is missing.
    origin: Origin,
    diagnostics: &'a Diagnostics,
}

impl<'a> Section<'a> {
    /// Opens the table at `node`; unknown keys in it and missing ones are reported at once. `foreign`
    /// are the names that other tools have for its keys.
    pub(crate) fn new(
        path: &str,
        node: &'a Node,
        origin: Origin,
        keys: &[KeyInfo],
        foreign: familiar::Equivalents,
        diagnostics: &'a Diagnostics,
    ) -> Self {
        let table = match &node.value {
            Value::Table(table) => Some(table),
            other => {
                diagnostics.push(
                    Diagnostic::new(
                        format!("`{path}` must be a table"),
                        node.origin.clone(),
                        remedy::describe(other),
                    )
                    .help(remedy::for_table(path, other, keys)),
                );
                None
            }
        };
        let section = Self {
            path: path.to_owned(),
            table,
            origin,
            diagnostics,
        };
        section.report_unknown_keys(keys, foreign);
        if table.is_some() {
            section.report_missing_keys(keys);
        }
        section
    }

    /// Opens a table that is absent or named without options; missing keys are reported.
    pub(crate) fn empty(
        path: String,
        origin: Origin,
        keys: &[KeyInfo],
        diagnostics: &'a Diagnostics,
    ) -> Self {
        let section = Self {
            path,
            table: None,
            origin,
            diagnostics,
        };
        section.report_missing_keys(keys);
        section
    }

    /// The table under `key`.
    pub(crate) fn table(&self, key: &TableKey) -> Section<'a> {
        self.table_of(key)
    }

    /// The table under `key`, if it is there.
    pub(crate) fn optional_table(&self, key: &TableKey) -> Option<Section<'a>> {
        self.node(key).map(|_| self.table_of(key))
    }

    /// The table under `key`, whatever keys it has: its reader reports those that it does not know.
    pub(crate) fn open(&self, key: &TableKey) -> Section<'a> {
        let node = self.node(key);
        Section {
            path: self.path_of(key.name),
            table: node.and_then(|node| match &node.value {
                Value::Table(table) => Some(table),
                _ => None,
            }),
            origin: self.place(key).unwrap_or(&self.origin).clone(),
            diagnostics: self.diagnostics,
        }
    }

    fn table_of(&self, key: &KeyInfo) -> Section<'a> {
        let (path, keys) = (self.path_of(key.name), key.keys());
        if let Some(entry) = self.table.and_then(|table| table.get(key.name)) {
            let origin = entry.key_origin.clone();
            let foreign = familiar::KEYS;
            return Section::new(&path, &entry.node, origin, keys, foreign, self.diagnostics);
        }
        // A missing table that is required has been reported as a whole.
        let keys = if key.is_required() { &[] } else { keys };
        Section::empty(path, self.origin.clone(), keys, self.diagnostics)
    }

    pub(crate) fn diagnostics(&self) -> &'a Diagnostics {
        self.diagnostics
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value under `key` as typed, if it is there.
    pub(crate) fn node(&self, key: &KeyInfo) -> Option<&'a Node> {
        let entry = self.table?.get(key.name)?;
        Some(&entry.node)
    }

    /// Where a key stands, if it is there.
    pub(crate) fn place(&self, key: &KeyInfo) -> Option<&'a Origin> {
        let entry = self.table?.get(key.name)?;
        Some(&entry.key_origin)
    }

    /// Whether a string stands under `key`.
    pub(crate) fn has_text(&self, key: &KeyInfo) -> bool {
        matches!(self.node(key), Some(node) if matches!(node.value, Value::String(_)))
    }

    /// The value of a key, its default where it is absent, a placeholder where it is wrong.
    pub(crate) fn read<T: FromNode>(&self, key: &Key<T>) -> T {
        self.try_read(key).unwrap_or_else(T::placeholder)
    }

    /// Which of its variants a key names, and the table with that one's keys.
    pub(crate) fn choice<R>(
        &self,
        key: &ChoiceKey<R>,
    ) -> Option<(&'static Variant<R>, Section<'a>)> {
        let named = |name: &str| key.variants.iter().find(|it| it.info.name == name);
        let path = |name: &str| format!("{}.{name}", self.path_of(key.name));
        let fallback = || {
            let Fallback::Value(default) = key.default else {
                return None;
            };
            named(default.trim_matches('"'))
        };
        let Some(entry) = self.table.and_then(|table| table.get(key.name)) else {
            let variant = fallback()?;
            let origin = self.origin.clone();
            let path = path(variant.info.name);
            return Some((variant, Section::empty(path, origin, &[], self.diagnostics)));
        };
        let origin = &entry.node.origin;
        if let Value::String(name) = &entry.node.value {
            let variant = named(name);
            if variant.is_none() {
                let message = format!("`{}` cannot be \"{name}\"", self.path_of(key.name));
                let help = remedy::for_choice(key, name, self.diagnostics.language);
                let diagnostic = Diagnostic::new(message, origin.clone(), "").help(help);
                self.diagnostics.push(diagnostic);
            }
            let variant = variant?;
            let (path, keys) = (path(variant.info.name), variant.info.keys());
            let section = Section::empty(path, origin.clone(), keys, self.diagnostics);
            return Some((variant, section));
        }
        let section = self.table_of(key);
        let is_typed = |it: &&Variant<R>| section.node(&it.info).is_some();
        let typed: Vec<&Variant<R>> = key.variants.iter().filter(is_typed).collect();
        if let [first, second, ..] = typed[..] {
            section.report_two(&first.info, &second.info, "");
        }
        let variant = typed.first().copied();
        // An empty table, or one whose only name is wrong.
        let variant = variant.or_else(fallback)?;
        Some((variant, section.variant(variant)))
    }

    /// The table of a variant that stands under its own name in this one.
    pub(crate) fn variant<R>(&self, variant: &Variant<R>) -> Section<'a> {
        self.table_of(&variant.info)
    }

    /// The elements of an array of choices: what each names, the table with its keys, and where it is.
    pub(crate) fn list<R>(
        &self,
        key: &ListKey<R>,
    ) -> Vec<(&'static Variant<R>, Section<'a>, &'a Node)> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let Value::Array(items) = &node.value else {
            let message = format!("`{}` must be an array", self.path_of(key.name));
            let help = remedy::for_choices(key, &node.value);
            let label = remedy::describe(&node.value);
            let diagnostic = Diagnostic::new(message, node.origin.clone(), label);
            self.diagnostics.push(diagnostic.help(help));
            return Vec::new();
        };
        let elements = items.iter().enumerate().filter_map(|(index, item)| {
            let path = format!("{}[{index}]", self.path_of(key.name));
            let (variant, section) = self.element(key, &path, item)?;
            Some((variant, section, item))
        });
        elements.collect()
    }

    /// The tables of an array of tables.
    pub(crate) fn tables(&self, key: &TableKey) -> Vec<Section<'a>> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let path = self.path_of(key.name);
        let Value::Array(items) = &node.value else {
            let message = format!("`{path}` must be an array of tables");
            let label = remedy::describe(&node.value);
            let diagnostic = Diagnostic::new(message, node.origin.clone(), label);
            let help = format!("write [[{path}]] above the keys of each");
            self.diagnostics.push(diagnostic.help(help));
            return Vec::new();
        };
        let (keys, foreign) = (key.keys(), familiar::KEYS);
        let sections = items.iter().enumerate().map(|(index, item)| {
            let (path, origin) = (format!("{path}[{index}]"), item.origin.clone());
            Section::new(&path, item, origin, keys, foreign, self.diagnostics)
        });
        sections.collect()
    }

    /// One element of an array of choices.
    fn element<R>(
        &self,
        key: &ListKey<R>,
        path: &str,
        item: &'a Node,
    ) -> Option<(&'static Variant<R>, Section<'a>)> {
        let (name, options, origin) = match &item.value {
            Value::String(name) => (name, None, &item.origin),
            Value::Table(table) if table.len() == 1 => {
                let entry = table.entries().next()?;
                (&entry.key, Some(&entry.node), &entry.key_origin)
            }
            other => {
                let message = format!("`{path}` must be a name, or a table with a single name");
                let label = match other {
                    Value::Table(table) => format!("a table with {} keys", table.len()),
                    other => remedy::describe(other),
                };
                let help = remedy::for_choices(key, other);
                let diagnostic = Diagnostic::new(message, item.origin.clone(), label);
                self.diagnostics.push(diagnostic.help(help));
                return None;
            }
        };
        let Some(variant) = key.variants.iter().find(|it| it.info.name == name) else {
            let message = format!("`{path}` cannot be \"{name}\"");
            let help = remedy::for_choice(key, name, self.diagnostics.language);
            let diagnostic = Diagnostic::new(message, origin.clone(), "");
            self.diagnostics.push(diagnostic.help(help));
            return None;
        };
        let path = format!("{path}.{}", variant.info.name);
        let (origin, keys) = (origin.clone(), variant.info.keys());
        let section = match options {
            Some(options) => {
                let foreign = familiar::OPTIONS;
                Section::new(&path, options, origin, keys, foreign, self.diagnostics)
            }
            None => Section::empty(path, origin, keys, self.diagnostics),
        };
        Some((variant, section))
    }

    /// An empty table in place of a choice that could not be read, which has been reported.
    pub(crate) fn nothing(&self) -> Section<'a> {
        Section::empty(String::new(), self.origin.clone(), &[], self.diagnostics)
    }

    /// Reports an error at the value of `key`, or at the section if the key is absent. Ignored for a
    /// section that is missing or is no table, which has been reported already.
    pub(crate) fn report(&self, key: &KeyInfo, message: String, label: &str, help: &str) {
        let Some(table) = self.table else {
            return;
        };
        let origin = match table.get(key.name) {
            Some(entry) => entry.node.origin.clone(),
            None => self.origin.clone(),
        };
        self.diagnostics
            .push(Diagnostic::new(message, origin, label).help(help));
    }

    /// Reports that this table lacks something that `key`, or others in its place, could give.
    pub(crate) fn report_needed(&self, key: &KeyInfo, message: &str, help: &str) {
        if self.table.is_some() {
            let diagnostic = Diagnostic::new(message, self.origin.clone(), "");
            let diagnostic = diagnostic.concern(Concern::Missing(self.path_of(key.name)));
            self.diagnostics.push(diagnostic.help(help));
        }
    }

    /// Warns that a value is probably not what was meant, perhaps because of a second one.
    pub(crate) fn warn(
        &self,
        node: &Node,
        message: String,
        related: Option<(&Node, String)>,
        help: &str,
    ) {
        self.diagnostics
            .push(of_two(node, message, related, help).warning());
    }

    /// Reports an invalid value, perhaps because of a second one.
    pub(crate) fn report_at(
        &self,
        node: &Node,
        message: String,
        related: Option<(&Node, String)>,
        help: &str,
    ) {
        self.diagnostics.push(of_two(node, message, related, help));
    }

    /// Reports two keys of which only one may be there; `why` says what they both are, if their names do not.
    pub(crate) fn report_two(&self, one: &KeyInfo, other: &KeyInfo, why: &str) {
        let entry = |key: &KeyInfo| self.table.and_then(|table| table.get(key.name));
        let (Some(one), Some(other)) = (entry(one), entry(other)) else {
            return;
        };
        let place = |entry: &Entry| {
            let Origin { source, span } = &entry.key_origin;
            (*source, span.start)
        };
        let (first, second) = match place(one) <= place(other) {
            true => (one, other),
            false => (other, one),
        };
        let paths = [first, second].map(|entry| self.path_of(&entry.key));
        let message = format!(
            "both `{}` and `{}` are set; keep one",
            first.key, second.key
        );
        let help = match first.key_origin.source == second.key_origin.source {
            true => "remove one of the two".to_owned(),
            false => format!(
                "to remove the other one: `{} = {{ unset = true }}`",
                paths[0]
            ),
        };
        self.diagnostics.push(
            Diagnostic::new(message, second.key_origin.clone(), why)
                .related(first.key_origin.clone(), "")
                .concern(Concern::Conflict(paths))
                .help(help),
        );
    }

    /// The value of a key, its default where it is absent; `None` where it is wrong, which is reported,
    /// and where it is absent without a default.
    pub(crate) fn try_read<T: FromNode>(&self, key: &Key<T>) -> Option<T> {
        let Some(node) = self.node(key) else {
            let Fallback::Value(default) = key.default else {
                return None;
            };
            let default = parse_value(default, 0, 0).expect("defaults are valid TOML");
            return T::from_node(&default, key.kind).ok();
        };
        let wrong = match T::from_node(node, key.kind) {
            Ok(value) => return Some(value),
            Err(wrong) => wrong,
        };
        self.report_wrong(key, node, wrong);
        None
    }

    /// Reports that a value, or an element of it, is not of the key's kind.
    pub(crate) fn report_wrong(&self, key: &KeyInfo, node: &Node, wrong: &Node) {
        let is_element = !std::ptr::eq(wrong, node);
        let help = remedy::for_value(key, wrong, is_element)
            .unwrap_or_else(|| format!("`{}`: {}", key.name, key.meaning));
        let expected = match key.kind {
            Kind::Word(words) if words.len() > FEW => format!("one of {} values", words.len()),
            kind => kind.to_string(),
        };
        self.diagnostics.push(
            Diagnostic::new(
                format!("`{}` must be {expected}", self.path_of(key.name)),
                wrong.origin.clone(),
                remedy::describe(&wrong.value),
            )
            .help(help),
        );
    }

    fn report_missing_keys(&self, keys: &[KeyInfo]) {
        let is_there = |key: &KeyInfo| {
            self.table
                .is_some_and(|table| table.get(key.name).is_some())
        };
        for key in keys.iter().filter(|key| key.is_required()) {
            if !is_there(key) {
                self.report_missing(key);
            }
        }
    }

    fn report_missing(&self, key: &KeyInfo) {
        let path = self.path_of(key.name);
        let message = format!("missing key `{path}`");
        let removed = self.table.and_then(|table| table.removed(key.name));
        let diagnostic = match removed {
            Some(removed) => Diagnostic::new(message, removed.origin.clone(), "removed here")
                .related(removed.node.origin.clone(), "this was its value"),
            None if self.path.is_empty() => Diagnostic::new(message, self.origin.clone(), ""),
            None => {
                let label = format!("`{}` is required here", key.name);
                Diagnostic::new(message, self.origin.clone(), label)
            }
        };
        let help = match key.kind {
            Kind::Table(_) => format!("add [{path}]: {}", key.meaning),
            kind => format!("`{}`: {} ({kind})", key.name, key.meaning),
        };
        self.diagnostics
            .push(diagnostic.concern(Concern::Missing(path)).help(help));
    }

    fn report_unknown_keys(&self, keys: &[KeyInfo], foreign: familiar::Equivalents) {
        for entry in self.table.iter().flat_map(|table| table.entries()) {
            if !keys.iter().any(|key| key.name == entry.key) {
                let message = format!("unknown key `{}`", self.path_of(&entry.key));
                let remedy = remedy::for_key(
                    &entry.key,
                    &self.path,
                    keys,
                    foreign,
                    self.diagnostics.language,
                );
                let mut help = remedy.help;
                let mut diagnostic = Diagnostic::new(message, entry.key_origin.clone(), "");
                if let Some(path) = remedy.key {
                    if self.has(&path) {
                        help += " (which is already set)";
                    }
                    diagnostic = diagnostic.concern(Concern::Misnamed(path));
                }
                self.diagnostics.push(diagnostic.help(help));
            }
        }
    }

    /// Whether a key with this path is in this very table.
    fn has(&self, path: &str) -> bool {
        let name = match self.path.as_str() {
            "" => Some(path),
            table => path
                .strip_prefix(table)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        name.is_some_and(|name| self.table.is_some_and(|table| table.get(name).is_some()))
    }
}

fn of_two(
    node: &Node,
    message: String,
    related: Option<(&Node, String)>,
    help: &str,
) -> Diagnostic {
    let diagnostic = Diagnostic::new(message, node.origin.clone(), "").help(help);
    match related {
        Some((related, label)) => diagnostic.related(related.origin.clone(), label),
        None => diagnostic,
    }
}

/// The number of words that fit into one line of a message.
const FEW: usize = 5;
