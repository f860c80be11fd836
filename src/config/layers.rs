//! Reading the list of layers, each by its name, with all that can be wrong with one.

use super::diagnostic::Diagnostic;
use super::familiar;
use super::key::Key;
use super::model::{
    IN_CHANNELS, IN_FEATURES, INPUT, LAYER_KEYS, LAYERS, Layer, Model, NUM_FEATURES, UNREAD,
};
use super::remedy;
use super::section::{Diagnostics, Section};
use super::source::Origin;
use super::tree::{Entry, Node, Table, Value};

/// The model as it was typed.
pub struct Typed {
    pub model: Model,
    /// The leading layers that were read without error.
    pub good: usize,
    pub stated: Vec<Stated>,
}

/// What a config says that a layer takes, though it follows from the layer before.
pub struct Stated {
    /// Index of the layer.
    pub layer: usize,
    pub key: Key,
    pub value: usize,
    pub origin: Origin,
}

impl Typed {
    pub fn read(section: &Section<'_>) -> Self {
        let mut typed = Self {
            model: Model {
                input: section.sizes(&INPUT).unwrap_or(UNREAD),
                layers: Vec::new(),
            },
            good: 0,
            stated: Vec::new(),
        };
        let [channels, _, width] = typed.model.input;
        if let Some(node) = section.node(&INPUT)
            && channels > 4
            && matches!(width, 1 | 3)
        {
            let message = format!("images of {channels} channels and {width} columns");
            let help = "channels come first: [channels, height, width]";
            section.warn(node, message, None, help);
        }
        typed.read_layers(section);
        typed
    }

    fn read_layers(&mut self, section: &Section<'_>) {
        let Some(node) = section.node(&LAYERS) else {
            return;
        };
        let Value::Array(items) = &node.value else {
            return report_no_layers(section);
        };
        if items.is_empty() {
            return report_no_layers(section);
        }
        let diagnostics = section.diagnostics();
        let before = diagnostics.errors();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", section.path_of("layers"));
            let Some((key, section)) = open_layer(&path, item, diagnostics) else {
                continue;
            };
            for key in key.keys() {
                let told = diagnostics.errors();
                if [IN_CHANNELS, NUM_FEATURES, IN_FEATURES].contains(key)
                    && let Some(node) = section.node(key)
                {
                    let value = section.size(key);
                    // What cannot be read says nothing.
                    if diagnostics.errors() == told {
                        self.stated.push(Stated {
                            layer: index,
                            key: *key,
                            value,
                            origin: node.origin.clone(),
                        });
                    }
                }
            }
            self.model.layers.push(Layer::read(key.name, &section));
            if diagnostics.errors() == before {
                self.good = index + 1;
            }
        }
    }
}

fn report_no_layers(section: &Section<'_>) {
    section.report(
        &LAYERS,
        format!("`{}` must be {}", section.path_of("layers"), LAYERS.kind),
        "",
        "layers = [ { conv2d = { out_channels = 16, kernel_size = 5 } }, \"relu\", ... ]",
    );
}

/// A layer is `"name"` where it needs no options, else `{ name = { options } }`. One with a wrong name
/// is opened all the same where there is no doubt which is meant, so that its options are checked too.
fn open_layer<'a>(
    path: &str,
    node: &'a Node,
    diagnostics: &'a Diagnostics,
) -> Option<(&'static Key, Section<'a>)> {
    let (name, options, origin) = match &node.value {
        Value::String(name) => (name, None, &node.origin),
        Value::Table(table) if table.len() == 1 => {
            let entry = table.entries().next()?;
            (&entry.key, Some(&entry.node), &entry.key_origin)
        }
        Value::Table(table) if table.len() > 1 => {
            diagnostics.push(several_keys(path, table));
            return None;
        }
        other => {
            diagnostics.push(
                Diagnostic::new(
                    format!("`{path}` must be a layer"),
                    node.origin.clone(),
                    match other {
                        Value::Table(_) => "this table is empty".to_owned(),
                        other => format!("this is {}", other.type_name()),
                    },
                )
                .help("a layer is \"relu\" or { conv2d = { out_channels = 16, kernel_size = 5 } }"),
            );
            return None;
        }
    };
    let known = LAYER_KEYS.iter().find(|key| key.name == name);
    let key = known.or_else(|| {
        let message = format!("unknown layer `{name}`");
        let (help, meant) = remedy::for_layer(name, LAYER_KEYS);
        diagnostics.push(Diagnostic::new(message, origin.clone(), "").help(help));
        meant
    })?;
    let path = format!("{path}.{}", key.name);
    let (origin, keys) = (origin.clone(), key.keys());
    let section = match options {
        Some(options) => {
            let foreign = familiar::OPTIONS;
            Section::new(&path, options, origin, keys, foreign, diagnostics)
        }
        None => Section::empty(path, origin, keys, diagnostics),
    };
    Some((key, section))
}

/// What is said of a layer that is a table with more than one key.
fn several_keys(path: &str, table: &Table) -> Diagnostic {
    let mut entries: Vec<&Entry> = table.entries().collect();
    entries.sort_by_key(|e| (e.key_origin.source, e.key_origin.span.start));
    let [first, second] = [entries[0], entries[1]];
    let typed = |key: &str| match table.get(key).map(|entry| &entry.node.value) {
        Some(Value::String(name)) => LAYER_KEYS.iter().find(|layer| layer.name == name),
        _ => None,
    };
    let by_type = ["type", "name", "class", "_target_"]
        .iter()
        .find_map(|key| typed(key));
    let layer = LAYER_KEYS.iter().find(|layer| layer.name == first.key);
    let is_option = |layer: &&Key| layer.keys().iter().any(|key| key.name == second.key);
    let help = match (by_type, layer.filter(is_option)) {
        (Some(layer), _) => format!("write {{ {} = {{ ... }} }}, its options inside", layer.name),
        (None, Some(layer)) => format!(
            "it is an option of `{0}`: {{ {0} = {{ {1} = ... }} }}, or {path}.{0}.{1}",
            layer.name, second.key
        ),
        (None, None) => "layers are the elements of the array, numbered from 0".to_owned(),
    };
    Diagnostic::new(
        format!("`{path}` must be one layer"),
        second.key_origin.clone(),
        format!("`{}` is a second one", second.key),
    )
    .related(
        first.key_origin.clone(),
        format!("`{}` is the first", first.key),
    )
    .help(help)
}
