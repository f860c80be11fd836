//! Where every value comes from: file, line and column, environment, command line or default.

use super::Error;
use super::diagnostic::{Diagnostic, Problems};
use super::document::Document;
use super::experiment::Experiment;
use super::familiar;
use super::key::{Fallback, Key};
use super::language;
use super::path::{KeyPath, Step};
use super::remedy;
use super::source::{Origin, Source, SourceKind};
use super::tree::Node;

/// All there is to say of one key.
#[derive(Debug)]
pub struct Explanation {
    pub path: String,
    pub key: &'static Key,
    /// The values at the path and below it, as TOML text, each with its path and where it comes
    /// from; none where the experiment has no such value.
    pub values: Vec<Explained>,
    /// Where the key was taken away with `{ unset = true }`.
    pub removed: Option<String>,
}

#[derive(Debug)]
pub struct Explained {
    pub path: String,
    pub value: String,
    pub origin: Whence,
    /// What other sources say, whose word does not count; the one that would comes first.
    pub instead_of: Vec<(String, String)>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Whence {
    /// A place in a text, `configs/baseline.toml:12:10`, and the places at which the files on the
    /// way to it are extended.
    Place(String, Vec<String>),
    /// The default.
    Default,
    /// It follows from others, in these words; where that is one value, from this place.
    Derived(&'static str, Option<String>),
}

impl Whence {
    /// Without the way to it.
    pub fn place(&self) -> String {
        match self {
            Whence::Place(place, _) => place.clone(),
            other => other.to_string(),
        }
    }
}

impl std::fmt::Display for Whence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Whence::Place(place, way) => {
                f.write_str(place)?;
                way.iter()
                    .try_for_each(|by| write!(f, ", extended by {by}"))
            }
            Whence::Default => f.write_str("default"),
            Whence::Derived(words, None) => f.write_str(words),
            Whence::Derived(words, Some(place)) => write!(f, "{words}, {place}"),
        }
    }
}

/// The key that a path names, whether or not an experiment has it.
pub fn find_key(path: &str) -> Result<&'static Key, Error> {
    KeyPath::parse(path)
        .and_then(|path| language::find(&path))
        .ok_or_else(|| unknown(path))
}

impl Document {
    /// Every value of the experiment, which is this document's, with where it comes from.
    pub fn origins(&self, experiment: &Experiment) -> Vec<Explained> {
        let values = experiment.flatten().into_iter();
        values
            .map(|(path, value)| self.trace(path, value))
            .collect()
    }

    /// The resolved experiment with a comment at each value that says where it comes from; reads back
    /// to the same experiment.
    pub fn annotated(&self, experiment: &Experiment) -> String {
        let mut text = String::new();
        let (mut table, mut layer) = (String::new(), 0);
        for line in experiment.to_toml().lines() {
            text += line;
            let path = if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']'))
            {
                table = format!("{name}.");
                None
            } else if line.starts_with("  ") {
                layer += 1;
                Some(format!("model.layers[{}]", layer - 1))
            } else {
                let key = line.split(" = ").next().filter(|key| *key != "layers");
                key.map(|key| format!("{table}{key}"))
                    .filter(|_| line.contains(" = "))
            };
            if let Some(path) = path {
                let origin = self.trace(path, String::new()).origin;
                text += &format!(" # {}", origin.place());
            }
            text.push('\n');
        }
        text
    }

    /// What there is to say of the key at a path.
    pub fn explain(&self, path: &str, experiment: &Experiment) -> Result<Explanation, Error> {
        let key = find_key(path)?;
        let inside = |candidate: &str| {
            let rest = candidate.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let mut values = self.origins(experiment);
        values.retain(|value| inside(&value.path));
        let order: Vec<String> = language::walk().into_iter().map(|(path, _)| path).collect();
        values.sort_by_key(|value| order.iter().position(|path| *path == value.path));
        let removed = self.removed.iter().rev();
        let removed = removed
            .filter(|removed| values.is_empty() && removed.path.to_string() == path)
            .map(|removed| self.tell(&removed.origin))
            .next();
        Ok(Explanation {
            path: path.to_owned(),
            key,
            values,
            removed,
        })
    }

    fn trace(&self, path: String, value: String) -> Explained {
        let steps = KeyPath::parse(&path).unwrap_or_default();
        let mut told = self.root.history(&steps.0).into_iter();
        let origin = match told.next() {
            Some(node) => self.whence(&node.origin),
            None => self.fallback(&steps),
        };
        let instead_of = told
            .map(|node| (self.whence(&node.origin).to_string(), self.typed(node)))
            .collect();
        Explained {
            path,
            value,
            origin,
            instead_of,
        }
    }

    /// Where a value comes from that nobody typed.
    fn fallback(&self, path: &KeyPath) -> Whence {
        let Some(Fallback::Derived(words)) = language::find(path).map(|key| key.default) else {
            return Whence::Default;
        };
        // It may follow from the value of a key beside it.
        let sibling = words
            .strip_prefix('`')
            .and_then(|words| words.strip_suffix('`'));
        let place = sibling.and_then(|key| {
            let (_, table) = path.0.split_last()?;
            let node = self.root.get(&KeyPath(table.to_vec()).join(key).0)?;
            Some(self.whence(&node.origin).place())
        });
        Whence::Derived(words, place)
    }

    fn whence(&self, origin: &Origin) -> Whence {
        let mut source: &Source = &self.sources()[origin.source];
        if source.kind != SourceKind::File {
            return Whence::Place(format!("{}: {}", source.name, source.text), Vec::new());
        }
        let mut way = Vec::new();
        while let Some(place) = &source.extended_at {
            way.push(self.tell(place));
            source = &self.sources()[place.source];
        }
        Whence::Place(self.tell(origin), way)
    }

    /// A value as it was typed.
    fn typed(&self, node: &Node) -> String {
        let Origin { source, span } = &node.origin;
        let text = &self.sources()[*source].text[span.clone()];
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What is said of a path that names no key of the language.
fn unknown(path: &str) -> Error {
    let whole = Origin {
        source: 0,
        span: 0..path.len(),
    };
    let help = match KeyPath::parse(path) {
        None => "a path looks like training.epochs or model.layers[0].conv2d.stride".to_owned(),
        Some(parsed) => help_for(&parsed),
    };
    let source = Source::command_line(path.to_owned());
    let diagnostic = Diagnostic::new(format!("unknown key `{path}`"), whole, "").help(help);
    Problems::new(vec![source], vec![diagnostic]).into()
}

/// What the first unknown step of a path should have been.
fn help_for(path: &KeyPath) -> String {
    let mut known = KeyPath::default();
    for step in &path.0 {
        let mut next = known.clone();
        next.push(step.clone());
        if let Step::Key(name) = step
            && language::find(&next).is_none()
        {
            let keys = language::keys_at(&known).unwrap_or_default();
            let is_of_layer = known.0.iter().any(|step| matches!(step, Step::Index(_)));
            let foreign = if is_of_layer {
                familiar::OPTIONS
            } else {
                familiar::KEYS
            };
            return remedy::for_key(name, &known.to_string(), keys, foreign);
        }
        known = next;
    }
    String::new()
}
