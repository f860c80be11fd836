//! `[[training.groups]]`: parameters that are trained in another way than the rest, or not at all.

use serde::Serialize;

use crate::language::info::{Fallback, KeyInfo, Kind};
use crate::language::key::{Key, TableKey};
use crate::language::section::Section;
use crate::language::values::{BOOLEAN, NOT_NEGATIVE, POSITIVE, TEXT};

/// Parameters that are trained in another way than the rest, or not at all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Their names, in which `*` stands for any text.
    #[serde(rename = "match")]
    pub pattern: String,
    /// What the learning rate is multiplied with, greater than 0.
    pub learning_rate_scale: f64,
    /// Whether they stay as they are.
    pub frozen: bool,
    /// The weight decay in place of the optimizer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

const MATCH: Key<String> = Key::required(
    "match",
    TEXT,
    "names of parameters, in which `*` stands for any text; a parameter belongs to the first group that matches it",
);
const LEARNING_RATE_SCALE: Key<f64> = Key::with_default(
    "learning_rate_scale",
    POSITIVE,
    "1.0",
    "factor on the learning rate of the group's parameters",
);
const FROZEN: Key<bool> = Key::with_default(
    "frozen",
    BOOLEAN,
    "false",
    "whether the group's parameters stay as they are",
);
const WEIGHT_DECAY: Key<Option<f64>> = Key::follows(
    "weight_decay",
    NOT_NEGATIVE,
    "weight_decay",
    "the optimizer's",
    "weight decay of the group's parameters, whatever `no_decay` says",
);

const KEYS: &[KeyInfo] = &[
    MATCH.info,
    LEARNING_RATE_SCALE.info,
    FROZEN.info,
    WEIGHT_DECAY.info,
];

pub(crate) const GROUPS: TableKey = TableKey::new(
    "groups",
    Kind::Tables(KEYS),
    Fallback::Nothing,
    "parameters with a learning rate or a weight decay of their own, or frozen",
);

impl Group {
    pub(super) fn read_all(training: &Section<'_>) -> Vec<Self> {
        let groups = training.tables(&GROUPS).into_iter();
        groups.map(|section| Self::read(&section)).collect()
    }

    fn read(section: &Section<'_>) -> Self {
        let group = Self {
            pattern: section.read(&MATCH),
            learning_rate_scale: section.read(&LEARNING_RATE_SCALE),
            frozen: section.read(&FROZEN),
            weight_decay: section.read(&WEIGHT_DECAY),
        };
        let unused = "what is frozen has no use for it";
        if group.frozen && group.learning_rate_scale != 1.0 {
            section.report_two(&FROZEN, &LEARNING_RATE_SCALE, unused);
        }
        if group.frozen && group.weight_decay.is_some() {
            section.report_two(&FROZEN, &WEIGHT_DECAY, unused);
        }
        group
    }

    /// Whether a parameter's name matches, whatever other groups say.
    pub fn matches(&self, parameter: &str) -> bool {
        let mut parts = self.pattern.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = parameter.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            let Some(place) = rest.find(part) else {
                return false;
            };
            rest = &rest[place + part.len()..];
        }
        rest.ends_with(last)
    }
}

/// The group of a parameter, and its place among the groups: the first that matches.
pub fn group_of<'a>(groups: &'a [Group], parameter: &str) -> Option<(usize, &'a Group)> {
    let mut numbered = groups.iter().enumerate();
    numbered.find(|(_, group)| group.matches(parameter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let matches = |pattern: &str, name| {
            let group = Group {
                pattern: pattern.to_owned(),
                learning_rate_scale: 1.0,
                frozen: false,
                weight_decay: None,
            };
            group.matches(name)
        };
        for (pattern, name, expected) in [
            ("layers.0.weight", "layers.0.weight", true),
            ("layers.0.weight", "layers.0.weights", false),
            ("layers.1.*", "layers.1.bias", true),
            ("layers.1.*", "layers.10.bias", false),
            ("layers.1.*", "layers.1.layers.0.bias", true),
            ("*.bias", "layers.1.bias", true),
            ("*.bias", "layers.1.weight", false),
            ("*", "layers.1.weight", true),
            ("layers.*.layers.*.weight", "layers.4.layers.0.weight", true),
            (
                "layers.*.layers.*.weight",
                "layers.4.shortcut.0.weight",
                false,
            ),
            ("*a*a", "a", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("", "layers.1.bias", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
