//! The numbers of classes.

use std::cmp::Ordering;

/// Brings names of classes into the order of their numbers: as scikit-learn's `load_files` sorts, by
/// code point; names that are all whole numbers by their value, so that 10 comes after 2.
pub fn sort(names: &mut [String]) {
    match names.iter().all(|name| is_number(name)) {
        true => names.sort_by(|a, b| by_value(a, b)),
        false => names.sort(),
    }
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Compares texts of digits, however long they are.
fn by_value(a: &str, b: &str) -> Ordering {
    let digits = |text: &'_ str| text.trim_start_matches('0').len();
    let [short_a, short_b] = [a, b].map(|text| text.trim_start_matches('0'));
    digits(a)
        .cmp(&digits(b))
        .then_with(|| short_a.cmp(short_b))
        .then_with(|| a.cmp(b))
}

/// Labels as a source gives them, and what they are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// The classes are numbers, from 0 to one less than the network tells apart.
    Numbers(Vec<u32>),
    /// The classes have names.
    Names {
        /// In the order of their numbers.
        classes: Vec<String>,
        /// An index into `classes` for each image.
        labels: Vec<u32>,
    },
}

impl Labels {
    /// From the name of each image's class.
    pub fn of_names(names: &[String]) -> Self {
        let mut classes = names.to_vec();
        classes.sort_unstable();
        classes.dedup();
        sort(&mut classes);
        let mut places: Vec<(&str, u32)> =
            (0..).zip(&classes).map(|(i, n)| (n.as_str(), i)).collect();
        places.sort_unstable();
        let place = |name: &String| {
            let found = places.binary_search_by_key(&name.as_str(), |(known, _)| known);
            places[found.expect("every name is among the classes")].1
        };
        let labels = names.iter().map(place).collect();
        Self::Names { classes, labels }
    }

    /// From the text of each image's class: numbers where all of them are, else names.
    pub fn of_texts(texts: &[String]) -> Self {
        const HIGHEST: u32 = 1 << 20;
        let number = |text: &String| {
            let number = text.parse().ok().filter(|_| is_number(text));
            number.filter(|number| *number <= HIGHEST)
        };
        let numbers: Option<Vec<u32>> = texts.iter().map(number).collect();
        numbers.map_or_else(|| Self::of_names(texts), Self::Numbers)
    }

    /// The number of each image's class.
    pub fn numbers(&self) -> &[u32] {
        match self {
            Self::Numbers(labels) | Self::Names { labels, .. } => labels,
        }
    }
}
