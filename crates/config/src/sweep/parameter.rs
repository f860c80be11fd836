//! `[parameters]`: the keys of the experiment that vary, and their values.

use super::range::Range;
use crate::document::merge::is_unset;
use crate::document::overrides::Override;
use crate::experiment::LANGUAGE as EXPERIMENT;
use crate::language::diagnostics::Diagnostics;
use crate::language::info::{Fallback, KeyInfo, Kind};
use crate::language::remedy::{closest, describe};
use crate::text::diagnostic::Diagnostic;
use crate::text::path::{KeyPath, PathStep};
use crate::text::source::Origin;
use crate::text::tree::{Entry, Node, Table, Value, parse_value};

/// One key that varies, or several that vary together.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its keys as paths of the experiment, `training.learning_rate`; several if they move together.
    pub keys: Vec<String>,
    /// The values that it can have.
    pub domain: Domain,
    paths: Vec<KeyPath>,
    /// Where the keys are typed.
    origin: Origin,
}

/// The values of a parameter.
#[derive(Debug, Clone)]
pub enum Domain {
    /// These, in the order of the file.
    Values(Vec<Assignment>),
    /// The numbers of a range.
    Range(Range),
}

/// One value of a parameter: a value for each of its keys.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The values as TOML text, in the order of the keys; `{ unset = true }` for a key that is left out.
    pub texts: Vec<String>,
    nodes: Vec<Node>,
}

const VALUES: KeyInfo = domain(
    "values",
    "a list of values; for several keys, `\"a, b\" = { values = [[1, 2], [3, 4]] }`",
);
const UNIFORM: KeyInfo = domain("uniform", "`[low, high]`: numbers, uniformly distributed");
const LOG_UNIFORM: KeyInfo = domain(
    "log_uniform",
    "`[low, high]`: numbers whose logarithm is uniformly distributed: for learning rates and penalties",
);
const INT_UNIFORM: KeyInfo = domain(
    "int_uniform",
    "`[low, high]`: whole numbers, both ends included, uniformly distributed",
);
const LOG_INT: KeyInfo = domain(
    "log_int",
    "`[low, high]`: whole numbers, both ends included, whose logarithm is uniformly distributed",
);

/// What can stand in the table of a parameter; one of them.
pub const DOMAINS: [KeyInfo; 5] = [VALUES, UNIFORM, LOG_UNIFORM, INT_UNIFORM, LOG_INT];

const fn domain(name: &'static str, meaning: &'static str) -> KeyInfo {
    const ANY: Kind = Kind::Array {
        each: &Kind::NUMBER,
        length: None,
        words: "an array",
    };
    KeyInfo::new(name, ANY, Fallback::Nothing, meaning)
}

impl Assignment {
    fn new(nodes: Vec<Node>) -> Self {
        let texts = nodes.iter().map(Node::toml).collect();
        Self { texts, nodes }
    }

    /// The value as a number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self.nodes.as_slice() {
            [node] => match node.value {
                Value::Integer(value) => Some(value as f64),
                Value::Float(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Parameter {
    /// Where its keys are typed.
    pub(super) fn origin(&self) -> Origin {
        self.origin.clone()
    }

    /// Whether its values replace whatever stands at a path.
    pub(super) fn covers(&self, path: &KeyPath) -> bool {
        self.paths.iter().any(|own| path.0.starts_with(&own.0))
    }

    /// How many values there are, if they can be counted.
    pub fn count(&self) -> Option<u64> {
        match &self.domain {
            Domain::Values(values) => Some(values.len() as u64),
            Domain::Range(range) => range.count(),
        }
    }

    /// The value at a place of `0..1`.
    pub fn at(&self, unit: f64) -> Assignment {
        match &self.domain {
            Domain::Values(values) => {
                let index = (unit * values.len() as f64) as usize;
                values[index.min(values.len() - 1)].clone()
            }
            Domain::Range(range) => {
                let number = range.at(unit);
                let value = match range.is_whole {
                    true => Value::Integer(number as i64),
                    false => Value::Float(number),
                };
                Assignment::new(vec![Node::new(value, self.origin.clone())])
            }
        }
    }

    /// The value whose parts have these texts; `None` if the parameter has no such value.
    pub fn value(&self, texts: &[String]) -> Option<Assignment> {
        match &self.domain {
            Domain::Values(values) => values.iter().find(|it| it.texts == texts).cloned(),
            Domain::Range(range) => {
                let [text] = texts else { return None };
                let node = parse_value(text, self.origin.source, 0).ok()?;
                let value = Assignment::new(vec![Node::new(node.value, self.origin.clone())]);
                let number = value.number()?;
                (range.low..=range.high).contains(&number).then_some(value)
            }
        }
    }

    /// The overrides that give the parameter this value, their places in `source`, which is the sweep file's text.
    /// A key that is to be unset and is not set in `root` needs none.
    pub(super) fn overrides(
        &self,
        value: &Assignment,
        source: usize,
        root: &Node,
    ) -> Vec<Override> {
        let pairs = self.paths.iter().zip(&value.nodes);
        let pairs = pairs.filter(|(path, node)| !is_unset(node) || root.get(&path.0).is_some());
        let overrides = pairs.map(|(path, node)| {
            let mut origin = self.origin.clone();
            origin.source = source;
            Override::at(path.clone(), origin, node.moved_to(source))
        });
        overrides.collect()
    }

    /// Reads the parameters in the order of the file; what is wrong with them is reported. Of the keys in `own` the
    /// table's reader takes care.
    pub(super) fn read_all(node: &Node, own: &[&str], diagnostics: &Diagnostics) -> Vec<Self> {
        let Value::Table(table) = &node.value else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for entry in table.entries().filter(|it| !own.contains(&it.key.as_str())) {
            read_entry(entry, "", &mut found, diagnostics);
        }
        found.sort_by_key(|it| it.origin.span.start);
        refuse_overlaps(&found, diagnostics);
        found
    }
}

/// A key in quotes, or the beginning of one that is written as tables: `training.learning_rate = { ... }`.
fn read_entry(entry: &Entry, prefix: &str, found: &mut Vec<Parameter>, diagnostics: &Diagnostics) {
    let key = format!("{prefix}{}", entry.key);
    let origin = entry.key_origin.clone();
    let domains = DOMAINS.map(|it| it.name);
    let Value::Table(table) = &entry.node.value else {
        let help = match &entry.node.value {
            Value::Array(_) => format!("write \"{key}\" = {{ values = {} }}", entry.node.toml()),
            _ => format!(
                "write \"{key}\" = {{ values = [...] }}, or one of {}",
                domains[1..].join(", ")
            ),
        };
        let message = format!("`{key}` must be a table that says its values");
        let label = describe(&entry.node.value);
        let diagnostic = Diagnostic::new(message, entry.node.origin.clone(), label);
        return diagnostics.push(diagnostic.help(help));
    };
    if table.entries().any(|it| domains.contains(&it.key.as_str())) {
        let paths = read_paths(&key, &origin, diagnostics);
        let Some(paths) = paths else { return };
        if let Some(domain) = read_domain(&key, table, &origin, paths.len(), diagnostics) {
            found.push(Parameter {
                keys: paths.iter().map(KeyPath::to_string).collect(),
                domain,
                paths,
                origin,
            });
        }
        return;
    }
    let is_table = |path: &str| {
        let found = KeyPath::parse(path).and_then(|path| EXPERIMENT.find(&path));
        found.is_some_and(|key| !key.keys().is_empty())
    };
    if is_table(&key) && table.len() > 0 {
        for inner in table.entries() {
            read_entry(inner, &format!("{key}."), found, diagnostics);
        }
        return;
    }
    let typed = table.entries().next().map_or("", |entry| &entry.key);
    let help = match closest(typed, &domains) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("write one of {}", domains.join(", ")),
    };
    let diagnostic = Diagnostic::new(format!("`{key}` has no values"), origin, "");
    diagnostics.push(diagnostic.help(help));
}

/// The paths of a parameter's keys, which are separated by commas.
fn read_paths(keys: &str, origin: &Origin, diagnostics: &Diagnostics) -> Option<Vec<KeyPath>> {
    let mut paths = Vec::new();
    for key in keys.split(',').map(str::trim) {
        let refuse = |message: String, help: String| {
            diagnostics.push(Diagnostic::new(message, origin.clone(), "").help(help));
        };
        let Some(path) = KeyPath::parse(key) else {
            refuse(
                format!("`{key}` is not a key"),
                "write the path of a key, such as \"training.learning_rate\"".to_owned(),
            );
            return None;
        };
        match path.0.as_slice() {
            [PathStep::Key(name)] if name == "extends" => refuse(
                "`extends` cannot vary".to_owned(),
                "vary the keys in which the files differ".to_owned(),
            ),
            [PathStep::Key(name)] if name == "name" => refuse(
                "`name` cannot vary: a trial has the sweep's name and its own number".to_owned(),
                "write name = \"...\" at the top of this file".to_owned(),
            ),
            [PathStep::Key(name)] if name == "seed" => refuse(
                "`seed` is no parameter: every point is run with each seed".to_owned(),
                "write seeds = [1, 2, 3] in [parameters]".to_owned(),
            ),
            _ => {
                paths.push(path);
                continue;
            }
        }
        return None;
    }
    Some(paths)
}

fn read_domain(
    key: &str,
    table: &Table,
    origin: &Origin,
    keys: usize,
    diagnostics: &Diagnostics,
) -> Option<Domain> {
    let report = |origin: &Origin, message: String, label: &str, help: String| {
        diagnostics.push(Diagnostic::new(message, origin.clone(), label).help(help));
    };
    let mut entries: Vec<&Entry> = table.entries().collect();
    entries.sort_by_key(|it| it.key_origin.span.start);
    let [entry] = entries.as_slice() else {
        let names: Vec<String> = entries.iter().map(|it| format!("`{}`", it.key)).collect();
        let message = format!("`{key}` has {}; keep one", names.join(" and "));
        report(
            origin,
            message,
            "",
            "a parameter has one kind of values".to_owned(),
        );
        return None;
    };
    let node = &entry.node;
    if entry.key == VALUES.name {
        return read_values(key, node, keys, diagnostics).map(Domain::Values);
    }
    if keys > 1 {
        let message = format!("keys that move together take `values`, not `{}`", entry.key);
        let help =
            format!("write \"{key}\" = {{ values = [[...], [...]] }}, a list for each value");
        report(&entry.key_origin, message, "", help);
        return None;
    }
    let is_log = [LOG_UNIFORM.name, LOG_INT.name].contains(&entry.key.as_str());
    let is_whole = [INT_UNIFORM.name, LOG_INT.name].contains(&entry.key.as_str());
    let bounds = bounds(node, is_whole);
    let what = if is_whole {
        "two whole numbers"
    } else {
        "two numbers"
    };
    let Some([low, high]) = bounds else {
        let message = format!("`{}` must be {what}, [low, high]", entry.key);
        let help = format!("write {{ {} = [low, high] }}", entry.key);
        report(&node.origin, message, &describe(&node.value), help);
        return None;
    };
    if low >= high {
        let help = "write the smaller number first; for one value use `values`".to_owned();
        report(&node.origin, "the range is empty".to_owned(), "", help);
        return None;
    }
    if is_log && low <= 0.0 {
        let message = format!("`{}` needs bounds greater than 0", entry.key);
        let help = "a logarithm has no zero: write a small number, such as 1e-6".to_owned();
        report(&node.origin, message, "", help);
        return None;
    }
    Some(Domain::Range(Range {
        low,
        high,
        is_log,
        is_whole,
    }))
}

/// Two finite numbers that doubles hold exactly where they are whole.
fn bounds(node: &Node, is_whole: bool) -> Option<[f64; 2]> {
    let Value::Array(items) = &node.value else {
        return None;
    };
    let number = |node: &Node| match node.value {
        Value::Integer(value) if value.unsigned_abs() < 1 << 53 => Some(value as f64),
        Value::Float(value) if !is_whole && value.is_finite() => Some(value),
        _ => None,
    };
    match items.as_slice() {
        [low, high] => Some([number(low)?, number(high)?]),
        _ => None,
    }
}

fn read_values(
    key: &str,
    node: &Node,
    keys: usize,
    diagnostics: &Diagnostics,
) -> Option<Vec<Assignment>> {
    let report = |node: &Node, message: String, help: &str| {
        let diagnostic = Diagnostic::new(message, node.origin.clone(), describe(&node.value));
        diagnostics.push(diagnostic.help(help));
    };
    let items = match &node.value {
        Value::Array(items) if !items.is_empty() => items,
        _ => {
            let message = format!("the values of `{key}` must be an array that is not empty");
            report(node, message, "write { values = [1, 2, 3] }");
            return None;
        }
    };
    let mut values: Vec<Assignment> = Vec::new();
    let mut is_whole = true;
    for item in items {
        let nodes = match &item.value {
            _ if keys == 1 => vec![item.clone()],
            Value::Array(each) if each.len() == keys => each.clone(),
            _ => {
                let message = format!("a value of `{key}` must be an array of {keys} values");
                report(item, message, "write a value for each of the keys");
                is_whole = false;
                continue;
            }
        };
        let value = Assignment::new(nodes);
        if values.iter().any(|known| known.texts == value.texts) {
            let message = format!("`{key}` has this value twice");
            report(
                item,
                message,
                "remove one of the two: equal trials are run once",
            );
            is_whole = false;
        }
        values.push(value);
    }
    is_whole.then_some(values)
}

/// Refuses two parameters of which one sets what the other one sets.
fn refuse_overlaps(parameters: &[Parameter], diagnostics: &Diagnostics) {
    let paths = parameters
        .iter()
        .flat_map(|it| it.paths.iter().map(move |path| (it, path)));
    let paths: Vec<(&Parameter, &KeyPath)> = paths.collect();
    for (place, (later, path)) in paths.iter().enumerate() {
        let overlaps = |(_, other): &&(&Parameter, &KeyPath)| {
            path.0.starts_with(&other.0) || other.0.starts_with(&path.0)
        };
        if let Some((earlier, other)) = paths[..place].iter().find(overlaps) {
            let message = match path == other {
                true => format!("`{path}` varies twice"),
                false => format!("`{path}` and `{other}` set the same value"),
            };
            let diagnostic = Diagnostic::new(message, later.origin.clone(), "")
                .related(earlier.origin.clone(), "")
                .help("let one of the two vary, or both together: \"a, b\" = { values = [[...], [...]] }");
            diagnostics.push(diagnostic);
        }
    }
}
