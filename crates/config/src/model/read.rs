//! Reading the list of layers, each by its name, with all that can be wrong with one.

use crate::language::choice::Variant;
use crate::language::diagnostics::Diagnostics;
use crate::language::familiar;
use crate::language::info::KeyInfo;
use crate::language::remedy;
use crate::language::section::Section;
use crate::model::expand::MAX_LAYERS;
use crate::model::initializer::Initializer;
use crate::model::keys::{CLASSES, INPUT, LAYERS, Model, PRESET, UNREAD, WEIGHTS, WIDTH};
use crate::model::layer::{
    INNER_LAYERS, INPUT_SIZE_KEYS, LAYER_KEYS, Layer, REPEAT_TIMES, RESIDUAL_LAYERS,
    RESIDUAL_SHORTCUT, Reader, Residual, find,
};
use crate::text::diagnostic::Diagnostic;
use crate::text::source::Origin;
use crate::text::tree::{Entry, Node, Table, Value};

/// The model as it was typed, after presets, `sequential` and `repeat` were written out.
pub(crate) struct ParsedModel {
    pub model: Model,
    /// How many leading layers of the network were read without error.
    pub valid: usize,
    /// Where the name of every layer stands, those inside of others after them; by these numbers
    /// others refer to layers.
    pub places: Vec<Origin>,
    pub input_sizes: Vec<StatedInputSize>,
}

/// An input size that a config states, although it follows from the layer before.
pub(crate) struct StatedInputSize {
    /// Number of the layer.
    pub layer: usize,
    pub key: KeyInfo,
    pub value: usize,
    pub origin: Origin,
}

impl ParsedModel {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let mut parsed = Self {
            model: Model {
                input: section.try_read(&INPUT).unwrap_or(UNREAD),
                init: Initializer::of_network(section),
                weights: section.read(&WEIGHTS),
                layers: Vec::new(),
            },
            valid: 0,
            places: Vec::new(),
            input_sizes: Vec::new(),
        };
        let [channels, _, width] = parsed.model.input;
        if let Some(node) = section.node(&INPUT)
            && channels > 4
            && matches!(width, 1 | 3)
        {
            let message = format!("images with {channels} channels and a width of {width}");
            let help = "channels come first: [channels, height, width]";
            section.warn(node, message, None, help);
        }
        check_preset(section);
        let before = section.diagnostics().errors();
        let Some(items) = items(section, &LAYERS) else {
            return parsed;
        };
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", section.path_of(LAYERS.name));
            let layer = parsed.read_layer(&path, item, section.diagnostics());
            parsed.model.layers.extend(layer);
            if section.diagnostics().errors() == before {
                parsed.valid = index + 1;
            }
        }
        parsed
    }

    /// The layers of a list inside of a layer.
    fn read_list(&mut self, section: &Section<'_>, key: &KeyInfo) -> Vec<Layer> {
        let items = items(section, key).unwrap_or_default().iter();
        let layers = items.enumerate().filter_map(|(index, item)| {
            let path = format!("{}[{index}]", section.path_of(key.name));
            self.read_layer(&path, item, section.diagnostics())
        });
        layers.collect()
    }

    fn read_layer(&mut self, path: &str, item: &Node, diagnostics: &Diagnostics) -> Option<Layer> {
        let before = diagnostics.errors();
        let (variant, origin, section) = open_layer(path, item, diagnostics)?;
        if matches!(variant.read, Reader::Sequential | Reader::Repeat) {
            report_unexpanded(&section, origin, before);
            return None;
        }
        let number = self.places.len();
        self.places.push(origin);
        self.note_input_sizes(number, variant.info.keys(), &section);
        Some(match variant.read {
            Reader::Convolution(read) => Layer::Convolution(read(&section)),
            Reader::Normalization(read) => Layer::Normalization(read(&section)),
            Reader::Activation(read) => Layer::Activation(read(&section)),
            Reader::Pooling(read) => Layer::Pooling(read(&section)),
            Reader::Single(read) => read(&section),
            Reader::Residual => Layer::Residual(Residual {
                layers: self.read_list(&section, &RESIDUAL_LAYERS),
                shortcut: self.read_list(&section, &RESIDUAL_SHORTCUT),
            }),
            Reader::Sequential | Reader::Repeat => return None,
        })
    }

    /// Notes the input sizes that a layer states.
    fn note_input_sizes(&mut self, layer: usize, keys: &[KeyInfo], section: &Section<'_>) {
        for key in INPUT_SIZE_KEYS
            .iter()
            .filter(|key| keys.contains(&key.info))
        {
            // A value that cannot be read has been reported.
            if let (Some(node), Some(value)) = (section.node(key), section.read(key)) {
                self.input_sizes.push(StatedInputSize {
                    layer,
                    key: key.info,
                    value,
                    origin: node.origin.clone(),
                });
            }
        }
    }
}

/// The elements of a list of layers; `None` where there is none or it has been reported.
fn items<'a>(section: &Section<'a>, key: &KeyInfo) -> Option<&'a [Node]> {
    match &section.node(key)?.value {
        Value::Array(items) if !items.is_empty() || !key.is_required() && *key != LAYERS.info => {
            Some(items)
        }
        _ => {
            report_no_layers(section, key);
            None
        }
    }
}

/// What a preset goes with, and what it cannot go without.
fn check_preset(section: &Section<'_>) {
    if section.node(&PRESET).is_none() {
        for key in [&WIDTH.info, &CLASSES.info] {
            if section.node(key).is_some() {
                let message = format!("`{}` only applies to a preset", section.path_of(key.name));
                section.report(key, message, "", "remove it, or set a `preset`");
            }
        }
        if section.node(&LAYERS).is_none() {
            section.report_needed(
                &LAYERS,
                "missing key `model.layers`",
                "list the network's `layers`, or name a predefined network: preset = \"resnet8\"",
            );
        }
        return;
    }
    section.read(&PRESET);
    if section.node(&CLASSES).is_none() {
        section.report(
            &PRESET,
            "a preset needs the number of classes".to_owned(),
            "",
            "add classes = 10, or however many there are",
        );
    } else {
        section.read(&CLASSES);
    }
    section.read(&WIDTH);
    // What was written out stands where the preset is named.
    if section.node(&LAYERS).is_some() && section.place(&LAYERS) != section.place(&PRESET) {
        section.report_two(
            &PRESET,
            &LAYERS,
            "both `model.preset` and `model.layers` are set",
        );
    }
}

/// Reports why a `sequential` or `repeat` was not written out; `before` is the number of errors before it
/// was opened.
fn report_unexpanded(section: &Section<'_>, origin: Origin, before: usize) {
    let diagnostics = section.diagnostics();
    if section.node(&REPEAT_TIMES).is_some() {
        section.read(&REPEAT_TIMES);
    }
    if section.node(&INNER_LAYERS).is_some() {
        items(section, &INNER_LAYERS);
    }
    if diagnostics.errors() == before {
        let message = format!("the network has more than {MAX_LAYERS} layers");
        diagnostics.push(Diagnostic::new(message, origin, "").help("use fewer repetitions"));
    }
}

fn report_no_layers(section: &Section<'_>, key: &KeyInfo) {
    section.report(
        key,
        format!("`{}` must be {}", section.path_of(key.name), key.kind),
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
) -> Option<(Variant<Reader>, Origin, Section<'a>)> {
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
                .help("write \"relu\" or { conv2d = { out_channels = 16, kernel_size = 5 } }"),
            );
            return None;
        }
    };
    let variant = find(name).or_else(|| {
        let message = format!("unknown layer `{name}`");
        let (help, meant) = remedy::for_layer(name, &LAYER_KEYS);
        diagnostics.push(Diagnostic::new(message, origin.clone(), "").help(help));
        find(meant?.name)
    })?;
    let path = format!("{path}.{}", variant.info.name);
    let (origin, keys) = (origin.clone(), variant.info.keys());
    let section = match options {
        Some(options) => {
            let foreign = familiar::OPTIONS;
            Section::new(&path, options, origin.clone(), keys, foreign, diagnostics)
        }
        None => Section::empty(path, origin.clone(), keys, diagnostics),
    };
    Some((variant, origin, section))
}

/// The error for a layer that is a table with more than one key.
fn several_keys(path: &str, table: &Table) -> Diagnostic {
    let mut entries: Vec<&Entry> = table.entries().collect();
    entries.sort_by_key(|e| (e.key_origin.source, e.key_origin.span.start));
    let [first, second] = [entries[0], entries[1]];
    let named_by = |key: &str| match table.get(key).map(|entry| &entry.node.value) {
        Some(Value::String(name)) => LAYER_KEYS.iter().find(|layer| layer.name == name),
        _ => None,
    };
    let by_type = ["type", "name", "class", "_target_"]
        .iter()
        .find_map(|key| named_by(key));
    let layer = LAYER_KEYS.iter().find(|layer| layer.name == first.key);
    let is_option = |layer: &&KeyInfo| layer.keys().iter().any(|key| key.name == second.key);
    let help = match (by_type, layer.filter(is_option)) {
        (Some(layer), _) => format!(
            "write {{ {} = {{ ... }} }} with the options inside",
            layer.name
        ),
        (None, Some(layer)) => format!(
            "it is an option of `{0}`: {{ {0} = {{ {1} = ... }} }}, or {path}.{0}.{1}",
            layer.name, second.key
        ),
        (None, None) => "each layer is a separate element of the array, numbered from 0".to_owned(),
    };
    Diagnostic::new(
        format!("`{path}` must be one layer"),
        second.key_origin.clone(),
        format!("`{}` is set here", second.key),
    )
    .related(
        first.key_origin.clone(),
        format!("`{}` is set here", first.key),
    )
    .help(help)
}
