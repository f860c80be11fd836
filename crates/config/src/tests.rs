//! What holds for the language as a whole.

use std::fmt::Debug;

use runner_metrics::Mode;
use serde::Serialize;
use serde_json::json;

use crate::experiment::LANGUAGE;
use crate::language::familiar::{self, Equivalent};
use crate::language::info::{Fallback, KeyInfo, Kind};
use crate::language::values::FromNode;
use crate::language::word::Word;
use crate::model::initializer::{FanMode, Nonlinearity};
use crate::model::layer::{Approximate, LAYER_KEYS, Padding};
use crate::model::preset::Preset;
use crate::sections::data::{BitDepth, Cache, Exif, Format, OnBadImage, Sampler};
use crate::sections::loss::ClassWeights;
use crate::sections::optimizer::{AdjustLrFn, NoDecay};
use crate::sections::schedule::{AnnealStrategy, Interval, ThresholdMode};
use crate::text::path::KeyPath;
use crate::text::tree::{Node, Value, parse_value};

/// Every name from another tool leads to something that is there, and none to itself.
#[test]
fn familiar_names_lead_somewhere() {
    let is_key =
        |path: &str| KeyPath::parse(path).is_some_and(|path| LANGUAGE.find(&path).is_some());
    let is_option = |path: &str| {
        let (layer, option) = path.split_once('.').unwrap_or_default();
        let layer = LAYER_KEYS.iter().find(|key| key.name == layer);
        layer.is_some_and(|layer| layer.keys().iter().any(|key| key.name == option))
    };
    let tables = [
        familiar::KEYS,
        familiar::LAYERS,
        familiar::OPTIONS,
        familiar::WORDS,
    ];
    for (names, equivalent) in tables.concat() {
        for name in names.split(' ') {
            assert_eq!(name, familiar::fold(name), "as names are looked up");
        }
        match equivalent {
            Equivalent::Key(path) => {
                assert!(is_key(path) || is_option(path), "{names} leads to {path}");
            }
            Equivalent::Layer(name) => assert!(LAYER_KEYS.iter().any(|key| key.name == name)),
            Equivalent::Word(_) | Equivalent::Note(_) => {}
        }
    }
}

/// The reader takes a word by strum, the resolved file writes it by serde.
#[test]
fn words_are_read_as_they_are_written() {
    fn check<W: Word + Debug>() {
        assert!(!W::WORDS.is_empty());
        for word in W::WORDS {
            let value = W::from_word(word).unwrap_or_else(|| panic!("{word} is not read"));
            assert_eq!(json!(value), json!(word));
        }
    }
    check::<AdjustLrFn>();
    check::<AnnealStrategy>();
    check::<Approximate>();
    check::<Cache>();
    check::<Exif>();
    check::<FanMode>();
    check::<Format>();
    check::<Interval>();
    check::<Mode>();
    check::<NoDecay>();
    check::<Nonlinearity>();
    check::<OnBadImage>();
    check::<Preset>();
    check::<Sampler>();
    check::<ThresholdMode>();
}

/// A key of the language with a default can be left out: its kind takes the default.
#[test]
fn every_default_is_a_value_of_its_key() {
    let mut keys: Vec<(String, &KeyInfo)> = LANGUAGE.walk();
    for layer in &LAYER_KEYS {
        let of_layer = layer.keys().iter();
        keys.extend(of_layer.map(|key| (format!("{}.{}", layer.name, key.name), key)));
    }
    let mut defaults = 0;
    for (path, key) in keys {
        if let Fallback::Value(default) = key.default {
            let node = parse_value(default, 0, 0).unwrap_or_else(|_| panic!("{path} = {default}"));
            assert!(
                takes(key.kind, &node),
                "{path} = {default} is not {}",
                key.kind
            );
            defaults += 1;
        }
    }
    assert!(defaults > 100, "there are only {defaults}");
}

/// Whether a value of this kind can be read, as the Rust type that the kind stands for.
fn takes(kind: Kind, node: &Node) -> bool {
    fn reads<T: FromNode>(kind: Kind, node: &Node) -> bool {
        T::from_node(node, kind).is_ok()
    }
    match kind {
        Kind::Text | Kind::Word(_) | Kind::Pattern { .. } => reads::<String>(kind, node),
        Kind::Texts => reads::<Vec<String>>(kind, node),
        Kind::Boolean => reads::<bool>(kind, node),
        Kind::Integer { .. } => reads::<u64>(kind, node),
        Kind::Float { .. } | Kind::Probability => reads::<f64>(kind, node),
        Kind::Pair { .. } => reads::<[usize; 2]>(kind, node),
        Kind::Array { each, length, .. } => match &node.value {
            Value::Array(items) => {
                length.is_none_or(|length| items.len() == length)
                    && items.iter().all(|item| takes(*each, item))
            }
            _ => false,
        },
        // A default of a table leaves all of its keys to their own.
        Kind::Table(_) => matches!(&node.value, Value::Table(table) if table.len() == 0),
        Kind::Choice(choices) => {
            let is_named = |name: &str| choices.iter().any(|choice| choice.name == name);
            matches!(&node.value, Value::String(name) if is_named(name))
        }
        Kind::Choices(_) | Kind::Tables(_) | Kind::Layers(_) => {
            matches!(&node.value, Value::Array(items) if items.is_empty())
        }
        Kind::Either(kinds) => kinds.iter().any(|kind| takes(*kind, node)),
    }
}

/// A type of its own for values of two kinds writes what it reads.
#[test]
fn values_of_two_kinds_are_written_as_they_are_read() {
    fn check<T: FromNode + Serialize>(kinds: &'static [Kind], values: &[&str]) {
        for value in values {
            let node = parse_value(value, 0, 0).unwrap();
            let read =
                T::from_node(&node, Kind::Either(kinds)).unwrap_or_else(|_| panic!("{value}"));
            let toml: toml::Table = toml::from_str(&format!("it = {value}")).unwrap();
            assert_eq!(json!(read), json!(toml["it"]), "{value}");
        }
    }
    const PAIR: Kind = Kind::Pair { min: 0, max: 9 };
    const NUMBERS: Kind = Kind::Array {
        each: &Kind::NOT_NEGATIVE,
        length: None,
        words: "",
    };
    check::<Padding>(&[PAIR, Kind::Word(&["same"])], &["[1, 2]", "\"same\""]);
    let values = ["[1.0, 0.5]", "\"balanced\""];
    const BITS: Kind = Kind::Integer { min: 8, max: 16 };
    check::<BitDepth>(&[BITS, Kind::Word(&["auto"])], &["12", "\"auto\""]);
    check::<ClassWeights>(&[NUMBERS, Kind::Word(&["balanced"])], &values);
}
