//! Typed reading of one table, which collects every problem instead of stopping at the first.

use std::cell::RefCell;

use super::diagnostic::{Concern, Diagnostic, Severity};
use super::familiar;
use super::key::{Fallback, Key, Kind, SINGLE};
use super::language::Language;
use super::remedy;
use super::source::Origin;
use super::tree::{Node, Table, Value, parse_value};

/// Problems found so far; shared by all sections of one document.
#[derive(Debug)]
pub struct Diagnostics {
    /// Knows where a name belongs.
    language: Language,
    found: RefCell<Vec<Diagnostic>>,
}

impl Diagnostics {
    pub fn new(language: Language) -> Self {
        Self {
            language,
            found: RefCell::default(),
        }
    }

    /// Also a warning, which refuses nothing.
    pub fn push(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// How many there are so far that refuse the experiment.
    pub fn errors(&self) -> usize {
        let found = self.found.borrow();
        let errors = found.iter().filter(|it| it.severity == Severity::Error);
        errors.count()
    }

    /// All of them, but for keys that are missing because their names are wrong: those are told once.
    pub fn into_inner(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.found.into_inner();
        let misnamed: Vec<String> = diagnostics
            .iter()
            .filter_map(|it| match it.concern.as_deref() {
                Some(Concern::Misnamed(path)) => Some(path.clone()),
                _ => None,
            })
            .collect();
        diagnostics.retain(|it| match it.concern.as_deref() {
            Some(Concern::Missing(path)) => !misnamed.contains(path),
            _ => true,
        });
        // What is repeated is typed once, and told once: its copies differ in their numbers alone.
        let mut told: Vec<(Origin, String)> = Vec::new();
        diagnostics.retain(|it| {
            let this = (it.origin.clone(), without_indices(&it.message));
            let is_new = !told.contains(&this);
            if is_new {
                told.push(this);
            }
            is_new
        });
        diagnostics
    }
}

/// A table of the configuration and the keys it may have.
///
/// A read of a key that is absent gives its default; a read that fails leaves a diagnostic and
/// gives a placeholder, which no one sees because the document is then refused.
pub struct Section<'a> {
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
    pub fn new(
        path: &str,
        node: &'a Node,
        origin: Origin,
        keys: &[Key],
        foreign: familiar::Table,
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

    /// A table that has nothing in it.
    pub fn empty(path: String, origin: Origin, keys: &[Key], diagnostics: &'a Diagnostics) -> Self {
        let section = Self {
            path,
            table: None,
            origin,
            diagnostics,
        };
        section.report_missing_keys(keys);
        section
    }

    /// The table under `key` of this one.
    pub fn table(&self, key: &Key) -> Section<'a> {
        let (path, keys) = (self.path_of(key.name), key.keys());
        if let Some(entry) = self.table.and_then(|table| table.get(key.name)) {
            let origin = entry.key_origin.clone();
            let foreign = familiar::KEYS;
            return Section::new(&path, &entry.node, origin, keys, foreign, self.diagnostics);
        }
        // Of a required one it has been said that it is missing as a whole.
        let keys = if key.is_required() { &[] } else { keys };
        Section::empty(path, self.origin.clone(), keys, self.diagnostics)
    }

    pub fn diagnostics(&self) -> &'a Diagnostics {
        self.diagnostics
    }

    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value under `key` as typed, if it is there.
    pub fn node(&self, key: &Key) -> Option<&'a Node> {
        let entry = self.table?.get(key.name)?;
        Some(&entry.node)
    }

    /// Where a key stands that is there.
    pub fn place(&self, key: &Key) -> Option<&'a Origin> {
        let entry = self.table?.get(key.name)?;
        Some(&entry.key_origin)
    }

    pub fn text(&self, key: &Key) -> String {
        self.read(key, |node| match (&node.value, key.kind) {
            (Value::String(text), Kind::Word(words)) if !words.contains(&text.as_str()) => {
                Err(node)
            }
            (Value::String(text), _) => Ok(text.clone()),
            _ => Err(node),
        })
        .unwrap_or_default()
    }

    pub fn optional_text(&self, key: &Key) -> Option<String> {
        self.node(key)?;
        Some(self.text(key))
    }

    /// Whether a string stands under `key`.
    pub fn has_text(&self, key: &Key) -> bool {
        matches!(self.node(key), Some(node) if matches!(node.value, Value::String(_)))
    }

    pub fn boolean(&self, key: &Key) -> bool {
        self.read(key, |node| match node.value {
            Value::Boolean(value) => Ok(value),
            _ => Err(node),
        })
        .unwrap_or_default()
    }

    pub fn integer(&self, key: &Key) -> u64 {
        self.read(key, |node| integer_in(node, key.kind))
            .unwrap_or(1)
    }

    pub fn size(&self, key: &Key) -> usize {
        self.integer(key) as usize
    }

    pub fn float(&self, key: &Key) -> f64 {
        self.read(key, |node| float_in(node, key.kind))
            .unwrap_or(1.0)
    }

    pub fn optional_float(&self, key: &Key) -> Option<f64> {
        self.node(key)?;
        Some(self.float(key))
    }

    /// Height and width.
    pub fn pair(&self, key: &Key) -> [usize; 2] {
        self.read(key, |node| pair_in(node, key.kind))
            .unwrap_or([1, 1])
    }

    /// Height and width; `None` for the word that may stand there.
    pub fn pair_or_word(&self, key: &Key) -> Option<[usize; 2]> {
        self.read(key, |node| unless_word(node, key.kind, pair_in))
            .unwrap_or(Some([1, 1]))
    }

    /// An array of numbers; `None` for the word that may stand there.
    pub fn floats_or_word(&self, key: &Key) -> Option<Vec<f64>> {
        self.read(key, |node| unless_word(node, key.kind, floats_in))
            .unwrap_or_default()
    }

    /// An array of words.
    pub fn words(&self, key: &Key) -> Vec<String> {
        self.read(key, |node| match (&node.value, each_of(key.kind)) {
            (Value::Array(items), Kind::Word(words)) => items
                .iter()
                .map(|item| match &item.value {
                    Value::String(text) if words.contains(&text.as_str()) => Ok(text.clone()),
                    _ => Err(item),
                })
                .collect(),
            _ => Err(node),
        })
        .unwrap_or_default()
    }

    /// Which of its choices a key names, and the table with that one's keys.
    pub fn choice(&self, key: &Key) -> Option<(&'static Key, Section<'a>)> {
        let choices = key.keys();
        let named = |name: &str| choices.iter().find(|choice| choice.name == name);
        let path = |choice: &Key| format!("{}.{}", self.path_of(key.name), choice.name);
        let fallback = || {
            let Fallback::Value(default) = key.default else {
                return None;
            };
            named(default.trim_matches('"'))
        };
        let Some(entry) = self.table.and_then(|table| table.get(key.name)) else {
            let choice = fallback()?;
            let origin = self.origin.clone();
            let section = Section::empty(path(choice), origin, &[], self.diagnostics);
            return Some((choice, section));
        };
        let origin = &entry.node.origin;
        if let Value::String(name) = &entry.node.value {
            let choice = named(name);
            if choice.is_none() {
                let message = format!("`{}` cannot be \"{name}\"", self.path_of(key.name));
                let help = remedy::for_choice(key, name, self.diagnostics.language);
                let diagnostic = Diagnostic::new(message, origin.clone(), "").help(help);
                self.diagnostics.push(diagnostic);
            }
            let choice = choice?;
            let (path, keys) = (path(choice), choice.keys());
            let section = Section::empty(path, origin.clone(), keys, self.diagnostics);
            return Some((choice, section));
        }
        let section = self.table(key);
        let typed: Vec<&Key> = choices
            .iter()
            .filter(|choice| section.node(choice).is_some())
            .collect();
        if let [first, second, ..] = typed[..] {
            section.report_two(first, second, &format!("`{}` is one choice", key.name));
        }
        let choice = typed.first().copied();
        // An empty table, or one whose only name is wrong.
        let choice = choice.or_else(fallback)?;
        Some((choice, section.table(choice)))
    }

    /// The elements of an array of choices: what each names, the table with its keys, and where it is.
    pub fn choices(&self, key: &Key) -> Vec<(&'static Key, Section<'a>, &'a Node)> {
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
            let (choice, section) = self.element(key, &path, item)?;
            Some((choice, section, item))
        });
        elements.collect()
    }

    /// One element of an array of choices.
    fn element(
        &self,
        key: &Key,
        path: &str,
        item: &'a Node,
    ) -> Option<(&'static Key, Section<'a>)> {
        let (name, options, origin) = match &item.value {
            Value::String(name) => (name, None, &item.origin),
            Value::Table(table) if table.len() == 1 => {
                let entry = table.entries().next()?;
                (&entry.key, Some(&entry.node), &entry.key_origin)
            }
            other => {
                let message = format!("`{path}` must be one of its choices");
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
        let Some(choice) = key.keys().iter().find(|choice| choice.name == name) else {
            let message = format!("`{path}` cannot be \"{name}\"");
            let help = remedy::for_choice(key, name, self.diagnostics.language);
            let diagnostic = Diagnostic::new(message, origin.clone(), "");
            self.diagnostics.push(diagnostic.help(help));
            return None;
        };
        let path = format!("{path}.{}", choice.name);
        let (origin, keys) = (origin.clone(), choice.keys());
        let section = match options {
            Some(options) => {
                let foreign = familiar::OPTIONS;
                Section::new(&path, options, origin, keys, foreign, self.diagnostics)
            }
            None => Section::empty(path, origin, keys, self.diagnostics),
        };
        Some((choice, section))
    }

    /// Stands for a choice that could not be read, which has been reported.
    pub fn nothing(&self, choice: &'static Key) -> (&'static Key, Section<'a>) {
        let section = Section::empty(String::new(), self.origin.clone(), &[], self.diagnostics);
        (choice, section)
    }

    /// An array of `N` whole numbers.
    pub fn sizes<const N: usize>(&self, key: &Key) -> Option<[usize; N]> {
        self.read(key, |node| sizes_in(node, each_of(key.kind)))
    }

    /// An array of numbers, as many as the key says.
    pub fn floats(&self, key: &Key) -> Option<Vec<f64>> {
        self.read(key, |node| floats_in(node, key.kind))
    }

    /// Points at the value of `key`, or at the section where it would stand. That a whole section is
    /// missing, or is no table, has been reported already; more need not be said of it.
    pub fn report(&self, key: &Key, message: String, label: &str, help: &str) {
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

    /// Reports that something of this table is missing that `key` stands for.
    pub fn report_needed(&self, key: &Key, message: &str, help: &str) {
        if self.table.is_some() {
            let diagnostic = Diagnostic::new(message, self.origin.clone(), "");
            let diagnostic = diagnostic.concern(Concern::Missing(self.path_of(key.name)));
            self.diagnostics.push(diagnostic.help(help));
        }
    }

    /// Says that a value is hardly what was meant, perhaps because of a second one.
    pub fn warn(&self, node: &Node, message: String, related: Option<(&Node, String)>, help: &str) {
        self.diagnostics
            .push(of_two(node, message, related, help).warning());
    }

    /// Reports that a value cannot be, perhaps because of a second one.
    pub fn report_at(
        &self,
        node: &Node,
        message: String,
        related: Option<(&Node, String)>,
        help: &str,
    ) {
        self.diagnostics.push(of_two(node, message, related, help));
    }

    /// Two keys of which only one can be there.
    pub fn report_two(&self, first: &Key, second: &Key, message: &str) {
        let entry = |key: &Key| self.table.and_then(|table| table.get(key.name));
        if let (Some(first), Some(second)) = (entry(first), entry(second)) {
            self.diagnostics.push(
                Diagnostic::new(
                    message,
                    second.key_origin.clone(),
                    format!("`{}` is a second one", second.key),
                )
                .related(
                    first.key_origin.clone(),
                    format!("`{}` is the first", first.key),
                )
                .help(
                    "take one out; one that another file has, with `KEY = { unset = true }`, or on the \
                     command line by a value for the whole table",
                ),
            );
        }
    }

    /// A conversion that fails gives the node that is wrong: the value, or an element of it.
    fn read<T>(&self, key: &Key, convert: impl Fn(&Node) -> Result<T, &Node>) -> Option<T> {
        let Some(node) = self.node(key) else {
            let Fallback::Value(default) = key.default else {
                return None;
            };
            let default = parse_value(default, 0, 0).expect("defaults are valid TOML");
            return convert(&default).ok();
        };
        let wrong = match convert(node) {
            Ok(value) => return Some(value),
            Err(wrong) => wrong,
        };
        let is_element = !std::ptr::eq(wrong, node);
        let help = remedy::for_value(key, wrong, is_element)
            .unwrap_or_else(|| format!("`{}` is {}", key.name, key.meaning));
        let expected = match key.kind {
            Kind::Word(words) if words.len() > FEW => format!("one of {} words", words.len()),
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
        None
    }

    fn report_missing_keys(&self, keys: &[Key]) {
        let is_there = |key: &Key| {
            self.table
                .is_some_and(|table| table.get(key.name).is_some())
        };
        for key in keys.iter().filter(|key| key.is_required()) {
            if !is_there(key) {
                self.report_missing(key);
            }
        }
    }

    fn report_missing(&self, key: &Key) {
        let path = self.path_of(key.name);
        let message = format!("missing key `{path}`");
        let removed = self.table.and_then(|table| table.removed(key.name));
        let diagnostic = match removed {
            Some(removed) => Diagnostic::new(message, removed.origin.clone(), "taken away here")
                .related(removed.node.origin.clone(), "this was its value"),
            None if self.path.is_empty() => Diagnostic::new(message, self.origin.clone(), ""),
            None => {
                let label = format!("`{}` is needed here", key.name);
                Diagnostic::new(message, self.origin.clone(), label)
            }
        };
        let help = match key.kind {
            Kind::Table(_) => format!("add [{path}]: {}", key.meaning),
            kind => format!("`{}` is {}: {kind}", key.name, key.meaning),
        };
        self.diagnostics
            .push(diagnostic.concern(Concern::Missing(path)).help(help));
    }

    fn report_unknown_keys(&self, keys: &[Key], foreign: familiar::Table) {
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
                        help += " (it is set already)";
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

/// A message without the numbers in brackets.
fn without_indices(message: &str) -> String {
    let parts = message.split('[');
    let stripped = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
    stripped.collect::<Vec<&str>>().join("[")
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

/// So many words fit into one line.
const FEW: usize = 5;

/// What each element of an array has to be.
pub fn each_of(kind: Kind) -> Kind {
    match kind {
        Kind::Array { each, .. } => *each,
        kind => kind,
    }
}

pub fn integer_in(node: &Node, kind: Kind) -> Result<u64, &Node> {
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

fn pair_in(node: &Node, kind: Kind) -> Result<[usize; 2], &Node> {
    match &node.value {
        Value::Array(_) => sizes_in(node, kind),
        _ => integer_in(node, kind).map(|size| [size as usize; 2]),
    }
}

fn floats_in(node: &Node, kind: Kind) -> Result<Vec<f64>, &Node> {
    let Value::Array(items) = &node.value else {
        return Err(node);
    };
    match kind {
        Kind::Array {
            length: Some(length),
            ..
        } if items.len() != length => Err(node),
        kind => items
            .iter()
            .map(|item| float_in(item, each_of(kind)))
            .collect(),
    }
}

/// What `convert` makes of a node of the first of two kinds; `None` for one of the words of the second.
fn unless_word<'a, T>(
    node: &'a Node,
    kind: Kind,
    convert: impl Fn(&'a Node, Kind) -> Result<T, &'a Node>,
) -> Result<Option<T>, &'a Node> {
    let Kind::Either(&[first, Kind::Word(words)]) = kind else {
        return Err(node);
    };
    match &node.value {
        Value::String(text) if words.contains(&text.as_str()) => Ok(None),
        _ => convert(node, first).map(Some),
    }
}

fn sizes_in<const N: usize>(node: &Node, each: Kind) -> Result<[usize; N], &Node> {
    let Value::Array(items) = &node.value else {
        return Err(node);
    };
    let sizes: Vec<usize> = items
        .iter()
        .map(|item| integer_in(item, each).map(|size| size as usize))
        .collect::<Result<_, _>>()?;
    sizes.try_into().map_err(|_| node)
}

fn float_in(node: &Node, kind: Kind) -> Result<f64, &Node> {
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
