//! Writes out what stands for layers: presets, `sequential` and `repeat`.
//!
//! This happens on the tree, before anything is read, so that a path in the resolved experiment is a
//! path in the tree, and errors point at what was typed. Anything malformed is left alone: the reader
//! reports it.

use crate::language::info::KeyInfo;
use crate::language::values::{FromNode, each_of};
use crate::language::word::Word;
use crate::model::keys::{CLASSES, INPUT, LAYERS, MODEL, PRESET, WIDTH};
use crate::model::layer::{INNER_LAYERS, REPEAT_TIMES, RESIDUAL_SHORTCUT, Reader, find};
use crate::model::preset::{self, Preset};
use crate::text::source::Source;
use crate::text::tree::{Entry, Node, Table, Value, parse_value};

/// No network has more layers.
pub(crate) const MAX_LAYERS: usize = 4096;

/// Writes out what the model of a document declares. A preset becomes a source of its own.
pub(crate) fn expand(root: &mut Node, sources: &mut Vec<Source>) {
    let Value::Table(document) = &mut root.value else {
        return;
    };
    let Some(Value::Table(model)) = document.get_mut(MODEL.name).map(|it| &mut it.node.value)
    else {
        return;
    };
    if model.get(LAYERS.name).is_none()
        && let Some(layers) = of_preset(model, sources)
    {
        model.insert(layers);
    }
    if let Some(layers) = model.get_mut(LAYERS.name) {
        let mut room = MAX_LAYERS;
        expand_list(&mut layers.node, &mut room);
    }
}

/// The layers of the preset that a model names.
fn of_preset(model: &Table, sources: &mut Vec<Source>) -> Option<Entry> {
    let typed = model.get(PRESET.name)?;
    let Value::String(name) = &typed.node.value else {
        return None;
    };
    let preset = Preset::from_word(name)?;
    let Value::Array(input) = &model.get(INPUT.name)?.node.value else {
        return None;
    };
    let input: Vec<usize> = input.iter().filter_map(|it| count(it, &INPUT)).collect();
    let width = match model.get(WIDTH.name) {
        Some(entry) => Some(count(&entry.node, &WIDTH)?),
        None => None,
    };
    let classes = count(&model.get(CLASSES.name)?.node, &CLASSES)?;
    let text = preset::layers(preset, input.try_into().ok()?, width, classes);
    let node = parse_value(&text, sources.len(), 0).expect("presets are valid TOML");
    sources.push(Source::preset(name, text, typed.node.origin.clone()));
    Some(Entry {
        key: LAYERS.name.to_owned(),
        key_origin: typed.key_origin.clone(),
        node,
    })
}

/// A whole number that a key, or an element of its array, may be.
fn count(node: &Node, key: &KeyInfo) -> Option<usize> {
    usize::from_node(node, each_of(key.kind)).ok()
}

/// Writes out a list of layers in place; `room` is how many more layers there may be.
fn expand_list(list: &mut Node, room: &mut usize) {
    let Value::Array(items) = &mut list.value else {
        return;
    };
    let mut expanded = Vec::new();
    for mut item in std::mem::take(items) {
        for name in [INNER_LAYERS.name, RESIDUAL_SHORTCUT.name] {
            if let Some(inside) = list_in(&mut item, name) {
                expand_list(inside, room);
            }
        }
        match copies(&item) {
            Some((times, inside)) if times.saturating_mul(size(inside)) <= *room => {
                *room -= times * size(inside);
                for _ in 0..times {
                    expanded.extend_from_slice(inside);
                }
            }
            _ => {
                *room = room.saturating_sub(1);
                expanded.push(item);
            }
        }
    }
    *items = expanded;
}

/// The number of layers of a list, those inside of others included.
fn size(list: &[Node]) -> usize {
    let inside = |node: &Node| -> usize {
        let Value::Table(table) = &node.value else {
            return 0;
        };
        let options = table.entries().filter_map(|entry| match &entry.node.value {
            Value::Table(options) => Some(options),
            _ => None,
        });
        let lists = options.flat_map(Table::entries);
        let sizes = lists.map(|entry| match &entry.node.value {
            Value::Array(list) => size(list),
            _ => 0,
        });
        sizes.sum()
    };
    list.iter().map(|node| 1 + inside(node)).sum()
}

/// The list of layers of this name in a layer that has one.
fn list_in<'a>(layer: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    let Value::Table(table) = &mut layer.value else {
        return None;
    };
    let options = &mut table.entries_mut().next()?.node;
    match &mut options.value {
        Value::Table(options) => options.get_mut(name).map(|entry| &mut entry.node),
        _ => None,
    }
}

/// How often a `sequential` or `repeat` has which layers, if it is well formed.
fn copies(layer: &Node) -> Option<(usize, &[Node])> {
    let Value::Table(table) = &layer.value else {
        return None;
    };
    let entry = table.entries().next().filter(|_| table.len() == 1)?;
    let Value::Table(options) = &entry.node.value else {
        return None;
    };
    let Value::Array(inside) = &options.get(INNER_LAYERS.name)?.node.value else {
        return None;
    };
    let times = match find(&entry.key)?.read {
        Reader::Sequential if options.len() == 1 => 1,
        Reader::Repeat if options.len() == 2 => {
            count(&options.get(REPEAT_TIMES.name)?.node, &REPEAT_TIMES)?
        }
        _ => return None,
    };
    (!inside.is_empty()).then_some((times, inside))
}
