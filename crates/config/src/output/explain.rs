//! Where every value comes from: file, line and column, environment, command line or default.

use crate::document::Document;
use crate::error::Error;
use crate::experiment::{DATA, Experiment, LANGUAGE};
use crate::language::familiar;
use crate::language::info::{Fallback, KeyInfo, Kind, LayerKeys};
use crate::language::remedy;
use crate::model::keys::{LAYERS, MODEL};
use crate::model::layer::{LAYER_KEYS, Layer, RESIDUAL};
use crate::sections::augment::AUGMENT;
use crate::text::diagnostic::{Diagnostic, Problems};
use crate::text::path::{KeyPath, PathStep};
use crate::text::source::{Origin, Source, SourceKind, escape_controls, inclusion_chain, place};
use crate::text::tree::{self, Node, Value};

/// Everything there is to say about one key.
#[derive(Debug)]
pub struct Explanation {
    /// The path that was asked for.
    pub path: String,
    /// The key at the path.
    pub key: &'static KeyInfo,
    /// The values at the path and below it, as TOML text, each with its path and where it comes
    /// from; none where the experiment has no such value.
    pub values: Vec<Explained>,
    /// Where the key was taken away with `{ unset = true }`, and the value it had.
    pub removed: Option<(String, String)>,
}

/// One value of an experiment and where it comes from.
#[derive(Debug)]
pub struct Explained {
    /// The path of the value.
    pub path: String,
    /// The value as TOML text, in one line.
    pub value: String,
    /// Where it comes from.
    pub origin: Provenance,
    /// The values of the sources that this one overrides, the next in precedence first: the text and
    /// the place of each.
    pub instead_of: Vec<(String, String)>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Provenance {
    /// It is written in a text.
    Written {
        /// A place in a text: `configs/baseline.toml:12:10`.
        place: String,
        /// The places at which the texts on the way to it are extended or named.
        via: Vec<String>,
        /// The places of parts of the value that come from elsewhere.
        parts: Vec<String>,
    },
    /// It is the default of its key.
    Default,
    /// It follows from others, in these words; where that is one value, from this place.
    Derived(&'static str, Option<String>),
}

impl Provenance {
    /// The place alone, without the places that bring in its text.
    pub fn place(&self) -> String {
        match self {
            Provenance::Written { place, parts, .. } => {
                let parts = parts.iter().map(|part| format!(" and {part}"));
                place.clone() + &parts.collect::<String>()
            }
            Provenance::Default => "default".to_owned(),
            Provenance::Derived(words, None) => (*words).to_owned(),
            Provenance::Derived(words, Some(place)) => format!("{words}, {place}"),
        }
    }
}

impl std::fmt::Display for Provenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())?;
        if let Provenance::Written { via, .. } = self {
            via.iter().try_for_each(|by| write!(f, ", {by}"))?;
        }
        Ok(())
    }
}

/// The key that a path names, whether or not an experiment has it. A layer and a step of augmentation have the
/// path of their list before their name, `model.layers.conv2d.stride`, or nothing, `conv2d.stride`.
///
/// # Errors
/// The path names no key; the error says what was probably meant.
pub fn find_key(path: &str) -> Result<&'static KeyInfo, Error> {
    let found = whole_path(path).and_then(|path| LANGUAGE.find(&path));
    found.ok_or_else(|| unknown(path))
}

/// The whole path of a key that is named by its path, or by its name alone if no other key has it: `adamw` is
/// `optimizer.adamw`. What names no key stays as it is.
pub fn key_path(typed: &str) -> String {
    let of_name = || match LANGUAGE.paths_of(typed).as_slice() {
        [path] => Some(path.clone()),
        _ => None,
    };
    match whole_path(typed) {
        Some(_) => typed.to_owned(),
        None => of_name().unwrap_or_else(|| typed.to_owned()),
    }
}

/// The path of a key from the top of the document; `None` where there is no such key.
fn whole_path(path: &str) -> Option<KeyPath> {
    let parsed = KeyPath::parse(path)?;
    let in_list = |list: &str| {
        let list = KeyPath::parse(list).expect("lists have paths");
        KeyPath([list.0, parsed.0.clone()].concat())
    };
    let lists = [[MODEL.name, LAYERS.name], [DATA.name, AUGMENT.name]];
    let in_lists = lists.map(|list| in_list(&list.join(".")));
    let candidates = [vec![parsed.clone()], in_lists.to_vec()].concat();
    candidates
        .into_iter()
        .find(|path| LANGUAGE.find(path).is_some())
}

impl Document {
    /// The resolved experiment with a comment at each value that says where it comes from; reads back
    /// to the same experiment.
    pub fn annotated(&self, experiment: &Experiment) -> String {
        let document = self.expanded();
        let text = experiment.to_toml();
        let root = tree::parse_document(&text, 0).expect("what is resolved is valid TOML");
        let mut places = Vec::new();
        find_values(&root, KeyPath::default(), &mut places);
        places.sort_by_key(|(end, _)| *end);
        let (mut annotated, mut done) = (String::new(), 0);
        for (end, path) in places {
            let end = text[end..]
                .find('\n')
                .map_or(text.len(), |length| end + length);
            let origin = document.origin_of(&path).place();
            annotated += &format!("{} # {origin}", &text[done..end]);
            done = end;
        }
        annotated + &text[done..]
    }

    /// Everything there is to say about the key at a path.
    ///
    /// # Errors
    /// The path names no key, or a layer that the experiment does not have.
    pub fn explain(&self, path: &str, experiment: &Experiment) -> Result<Explanation, Error> {
        self.expanded().explain_written_out(path, experiment)
    }

    /// Explains a key of a document in which everything is written out.
    fn explain_written_out(
        &self,
        path: &str,
        experiment: &Experiment,
    ) -> Result<Explanation, Error> {
        let steps = whole_path(path).unwrap_or_default();
        let key = key_of(path, &steps, experiment)?;
        if let Some((PathStep::Key(name), parents)) = steps.0.split_last()
            && let Some(PathStep::Index(_)) = parents.last()
            && let Some(layer) = layer_at(experiment, parents)
            && layer.name() == name
            && layer_has_no_options(layer)
        {
            // It is typed as its name.
            let path = KeyPath(parents.to_vec()).to_string();
            return self.explain_written_out(&path, experiment);
        }
        let mut values: Vec<Explained> = values_below(&steps, experiment)
            .into_iter()
            .map(|(steps, path, value)| self.trace(&steps, path, escape_controls(&value)))
            .collect();
        // What is only in the document, as `data.path`, or an element of an array.
        if values.is_empty()
            && let Some(node) = self.root.get(&steps.0)
        {
            values.push(self.trace(&steps, path.to_owned(), self.typed(node)));
        }
        let removed = self.root.removed(&steps.0);
        let removed = removed.map(|(by, node)| (self.provenance_at(by).place(), self.typed(node)));
        Ok(Explanation {
            path: path.to_owned(),
            key,
            values,
            removed,
        })
    }

    fn trace(&self, steps: &KeyPath, path: String, value: String) -> Explained {
        // A default replaced nothing.
        let instead_of = match self.root.get(&steps.0) {
            Some(_) => self.root.history(&steps.0),
            None => Vec::new(),
        };
        let tell = |node: &Node| {
            (
                self.typed(node),
                self.provenance_at(&node.origin).to_string(),
            )
        };
        Explained {
            path,
            value,
            origin: self.origin_of(steps),
            instead_of: instead_of.into_iter().map(tell).collect(),
        }
    }

    fn origin_of(&self, steps: &KeyPath) -> Provenance {
        match self.root.get(&steps.0) {
            Some(node) => self.provenance_of(node),
            None => self.fallback(steps),
        }
    }

    /// The provenance of a value that nobody typed.
    fn fallback(&self, path: &KeyPath) -> Provenance {
        let Some(Fallback::Derived { words, key }) = LANGUAGE.find(path).map(|key| key.default)
        else {
            return Provenance::Default;
        };
        let place = key.and_then(|key| {
            let (_, table) = path.0.split_last()?;
            let node = self.root.get(&KeyPath(table.to_vec()).join(key).0)?;
            Some(self.provenance_at(&node.origin).place())
        });
        Provenance::Derived(words, place)
    }

    fn provenance_of(&self, node: &Node) -> Provenance {
        let mut provenance = self.provenance_at(&node.origin);
        if let Provenance::Written { parts, .. } = &mut provenance {
            let foreign = node.foreign_origins().into_iter();
            parts.extend(foreign.map(|origin| self.provenance_at(origin).place()));
            parts.dedup();
        }
        provenance
    }

    fn provenance_at(&self, origin: &Origin) -> Provenance {
        let source = &self.sources()[origin.source];
        Provenance::Written {
            place: match source.kind {
                SourceKind::File | SourceKind::Preset => place(self.sources(), origin),
                _ => format!("{}: {}", source.name, escape_controls(&source.text)),
            },
            via: inclusion_chain(self.sources(), origin),
            parts: Vec::new(),
        }
    }

    /// A value as it was typed, in one line.
    fn typed(&self, node: &Node) -> String {
        let Origin { source, span } = &node.origin;
        let text = &self.sources()[*source].text[span.clone()];
        escape_controls(&text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// The key that a path names; of a single layer, the key of its kind.
fn key_of(path: &str, steps: &KeyPath, experiment: &Experiment) -> Result<&'static KeyInfo, Error> {
    let key = find_key(path)?;
    let (Kind::Layers(LayerKeys(keys)), Some((PathStep::Index(_), list))) =
        (key.kind, steps.0.split_last())
    else {
        return Ok(key);
    };
    let Some(layer) = layer_at(experiment, &steps.0) else {
        let count = list_at(experiment, list).map_or(0, <[Layer]>::len);
        let list = KeyPath(list.to_vec());
        let help = format!("`{list}` has {count} layers, numbered from 0");
        return Err(refuse(path, format!("there is no `{path}`"), help));
    };
    let named = keys().iter().find(|key| key.name == layer.name());
    Ok(named.unwrap_or(key))
}

/// The resolved values at a path and below it, each with its path, in the order of the language.
fn values_below(steps: &KeyPath, experiment: &Experiment) -> Vec<(KeyPath, String, String)> {
    let of_all = named_in_list(steps);
    let is_below = |candidate: &KeyPath, value: &str| match of_all {
        Some((list, inside)) => is_of_all(list, inside, candidate, value),
        None => candidate.0.starts_with(&steps.0),
    };
    let mut found: Vec<(KeyPath, String, String)> = experiment
        .flatten()
        .into_iter()
        .map(|(path, value)| (KeyPath::parse(&path).unwrap_or_default(), path, value))
        .filter(|(steps, _, value)| is_below(steps, value))
        .collect();
    found.sort_by_cached_key(|(steps, ..)| LANGUAGE.rank(steps));
    found
}

/// The list, and the rest, of a path that names a kind of element in place of a single one,
/// `model.layers.conv2d.stride`.
fn named_in_list(steps: &KeyPath) -> Option<(&[PathStep], &[PathStep])> {
    let is_list = |end: &usize| {
        let key = LANGUAGE.find(&KeyPath(steps.0[..*end].to_vec()));
        let is_list = key.is_some_and(|key| matches!(key.kind, Kind::Choices(_) | Kind::Layers(_)));
        let ends = [&steps.0[end - 1], &steps.0[*end]];
        is_list
            && ends
                .into_iter()
                .all(|step| matches!(step, PathStep::Key(_)))
    };
    let end = (1..steps.0.len()).find(is_list)?;
    Some(steps.0.split_at(end))
}

/// Whether a value is of an element of this kind, anywhere in the list.
fn is_of_all(list: &[PathStep], inside: &[PathStep], candidate: &KeyPath, value: &str) -> bool {
    let Some(rest) = candidate.0.strip_prefix(list) else {
        return false;
    };
    let [PathStep::Key(name), options @ ..] = inside else {
        return false;
    };
    let mut ends = (0..rest.len()).filter(|end| matches!(rest[*end], PathStep::Index(_)));
    ends.any(|end| match &rest[end + 1..] {
        // One without options is its name.
        [] => options.is_empty() && value.trim_matches('"') == name,
        element => element.starts_with(inside),
    })
}

/// The list of layers at a path, `model.layers`.
fn list_at<'a>(experiment: &'a Experiment, steps: &[PathStep]) -> Option<&'a [Layer]> {
    let (PathStep::Key(name), parents) = steps.split_last()? else {
        return None;
    };
    match parents {
        [PathStep::Key(model)] if model == MODEL.name && name == LAYERS.name => {
            Some(&experiment.model.layers)
        }
        [parents @ .., PathStep::Key(_)] => {
            let branches = layer_at(experiment, parents)?.branches();
            let branch = branches.into_iter().find(|(branch, _)| branch == name);
            branch.map(|(_, layers)| layers)
        }
        _ => None,
    }
}

/// The layer at a path, `model.layers[3].residual.layers[0]`.
fn layer_at<'a>(experiment: &'a Experiment, steps: &[PathStep]) -> Option<&'a Layer> {
    let (PathStep::Index(index), list) = steps.split_last()? else {
        return None;
    };
    list_at(experiment, list)?.get(*index)
}

fn layer_has_no_options(layer: &Layer) -> bool {
    let key = LAYER_KEYS.iter().find(|key| key.name == layer.name());
    key.is_some_and(|key| key.keys().is_empty())
}

/// The values of a resolved experiment, a layer as one, each with the byte after it.
fn find_values(node: &Node, path: KeyPath, found: &mut Vec<(usize, KeyPath)>) {
    match &node.value {
        Value::Table(table) => {
            for entry in table.entries() {
                find_values(&entry.node, path.join(&entry.key), found);
            }
        }
        Value::Array(layers)
            if LANGUAGE
                .find(&path)
                .is_some_and(|key| matches!(key.kind, Kind::Layers(_))) =>
        {
            for (index, layer) in layers.iter().enumerate() {
                let mut path = path.clone();
                path.push(PathStep::Index(index));
                match &layer.value {
                    // It is on lines of its own.
                    Value::Table(table) if table.get(RESIDUAL).is_some() => {
                        find_values(layer, path, found);
                    }
                    _ => found.push((layer.origin.span.end, path)),
                }
            }
        }
        _ => found.push((node.origin.span.end, path)),
    }
}

/// The error for a path that names no key of the language.
fn unknown(path: &str) -> Error {
    let help = match KeyPath::parse(path) {
        None => "a path looks like training.epochs or model.layers[0].conv2d.stride".to_owned(),
        Some(parsed) => value_of(path).unwrap_or_else(|| help_for(&parsed)),
    };
    refuse(path, format!("unknown key `{path}`"), help)
}

/// Which keys a word is a value of, if it is one.
fn value_of(word: &str) -> Option<String> {
    let keys = LANGUAGE.walk().into_iter();
    let keys =
        keys.filter(|(_, key)| matches!(key.kind, Kind::Word(words) if words.contains(&word)));
    let keys: Vec<String> = keys.map(|(path, _)| format!("`{path}`")).collect();
    (!keys.is_empty()).then(|| format!("it is a value of {}", keys.join(" and of ")))
}

fn refuse(path: &str, message: String, help: String) -> Error {
    let whole = Origin {
        source: 0,
        span: 0..path.len(),
    };
    let source = Source::command_line(path.to_owned());
    let diagnostic = Diagnostic::new(message, whole, "").help(help);
    Problems::new(vec![source], vec![diagnostic]).into()
}

/// What the first unknown step of a path should have been.
fn help_for(path: &KeyPath) -> String {
    let mut known = KeyPath::default();
    for step in &path.0 {
        let mut next = known.clone();
        next.push(step.clone());
        if let PathStep::Key(name) = step
            && LANGUAGE.find(&next).is_none()
        {
            let key = LANGUAGE.find(&known);
            let keys = LANGUAGE.keys_at(&known).unwrap_or_default();
            return match key.map(|key| key.kind) {
                Some(Kind::Layers(LayerKeys(keys))) => remedy::for_layer(name, keys()).0,
                Some(kind) if keys.is_empty() => format!("`{known}` has no keys; it is {kind}"),
                _ => {
                    let is_of_layer = known
                        .0
                        .iter()
                        .any(|step| matches!(step, PathStep::Index(_)));
                    let foreign = if is_of_layer {
                        familiar::OPTIONS
                    } else {
                        familiar::KEYS
                    };
                    remedy::for_key(name, &known.to_string(), keys, foreign, LANGUAGE).help
                }
            };
        }
        known = next;
    }
    String::new()
}
