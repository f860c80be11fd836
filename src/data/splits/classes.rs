//! One numbering of the classes for all splits of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use crate::data::sources::labelled::LabelledImages;
use crate::data::sources::labels::Labels;
use crate::data::{Error, Role};

/// Renumbers the labels of all splits to the classes of the first, which is the training split; gives the
/// names of the classes. Labels that are numbers begin at `first_label`.
///
/// # Errors
///
/// If a label or class has no output of the network, or a split has a class that the training images lack; with the
/// split that it is of.
pub fn unify(
    parts: &mut [(Role, LabelledImages)],
    classes: usize,
    first_label: usize,
) -> Result<Vec<String>, (Role, Error)> {
    let mut known: Option<Vec<String>> = None;
    for (role, labelled) in parts {
        renumber(*role, labelled, &mut known, classes, first_label)
            .map_err(|error| (*role, error))?;
    }
    Ok(known.unwrap_or_default())
}

/// Brings the labels of one split to the classes that are known, or makes its classes the known ones.
fn renumber(
    role: Role,
    labelled: &mut LabelledImages,
    known: &mut Option<Vec<String>>,
    classes: usize,
    first_label: usize,
) -> Result<(), Error> {
    let source = PathBuf::from(labelled.name());
    match (&mut labelled.labels, &known) {
        (Labels::Numbers(labels), _) => {
            check_range(labels, classes, first_label, &source)?;
            for label in labels {
                *label -= first_label as u32;
            }
            let numbers = first_label..first_label + classes;
            let names = || numbers.clone().map(|class| class.to_string()).collect();
            let known = known.get_or_insert_with(names);
            check_are_numbers(known, first_label, &source)
        }
        (Labels::Names { classes: names, .. }, None) => {
            check_count(names, classes, &source)?;
            *known = Some(names.clone());
            Ok(())
        }
        (
            Labels::Names {
                classes: own,
                labels,
            },
            Some(known),
        ) => {
            let numbers = numbers_of(own, known, role, &source)?;
            for label in labels {
                *label = numbers[*label as usize];
            }
            Ok(())
        }
    }
}

fn mismatch(source: &Path, what: String, remedy: String) -> Error {
    Error::Mismatch {
        path: source.to_owned(),
        what,
        remedy,
    }
}

/// Where a network of layers has the number of its classes.
const LAST_LAYER: &str = "give the last layer out_features";

/// Every number must be one of the network's classes.
fn check_range(
    labels: &[u32],
    classes: usize,
    first_label: usize,
    source: &Path,
) -> Result<(), Error> {
    let range = first_label..first_label + classes;
    let beyond = labels
        .iter()
        .position(|label| !range.contains(&(*label as usize)));
    let Some(index) = beyond else {
        return Ok(());
    };
    let lowest = labels.iter().min().map_or(0, |label| *label as usize);
    let highest = labels.iter().max().map_or(0, |label| *label as usize);
    if lowest < first_label {
        return Err(mismatch(
            source,
            format!("it has the label {lowest}, but data.first_label is {first_label}"),
            format!("set data.first_label = {lowest}"),
        ));
    }
    // As many numbers as classes, but from 1 on, as the letters of EMNIST.
    if lowest > first_label && highest - lowest < classes {
        return Err(mismatch(
            source,
            format!(
                "its labels are numbers from {lowest} to {highest}, but the {classes} outputs of the \
                 network stand for {first_label} to {}",
                range.end - 1
            ),
            format!("if {lowest} is the first class, set data.first_label = {lowest}"),
        ));
    }
    let needed = highest + 1 - first_label;
    Err(Error::Classes {
        path: source.to_owned(),
        what: format!(
            "the network has {classes} outputs, and image {index} has the label {}",
            labels[index]
        ),
        setting: LAST_LAYER,
        needed: format!("{needed} or more, or use other data"),
    })
}

/// Labels that are numbers only go with classes that are called by their numbers.
fn check_are_numbers(known: &[String], first_label: usize, source: &Path) -> Result<(), Error> {
    let mut numbered = (first_label..).zip(known);
    if numbered.all(|(class, name): (usize, _)| *name == class.to_string()) {
        return Ok(());
    }
    let what = format!(
        "its classes are numbers, but those of the training images are names such as {}",
        known[0]
    );
    let remedy = "use data with the same class names".to_owned();
    Err(mismatch(source, what, remedy))
}

/// The network must have an output for each class.
fn check_count(names: &[String], classes: usize, source: &Path) -> Result<(), Error> {
    let count = names.len();
    if count == classes {
        return Ok(());
    }
    let plural = |count: usize, one: &'static str, more: &'static str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {more}"),
    };
    Err(Error::Classes {
        path: source.to_owned(),
        what: format!(
            "the network has {}, the data {} ({})",
            plural(classes, "output", "outputs"),
            plural(count, "class", "classes"),
            some_of(names)
        ),
        setting: LAST_LAYER,
        needed: count.to_string(),
    })
}

/// The number of each class of a split among those of the training images.
fn numbers_of(
    own: &[String],
    known: &[String],
    role: Role,
    source: &Path,
) -> Result<Vec<u32>, Error> {
    let number_of = |name: &String| known.iter().position(|known| known == name);
    let unknown = own.iter().filter(|name| number_of(name).is_none());
    let unknown: Vec<String> = unknown.cloned().collect();
    if !unknown.is_empty() {
        let what = format!(
            "the {} images have classes that the training images do not have: {}",
            role.title(),
            some_of(&unknown)
        );
        let all: Vec<String> = known.iter().chain(&unknown).cloned().collect();
        let remedy = twins(&all)
            .unwrap_or_else(|| format!("those of the training images are {}", some_of(known)));
        return Err(mismatch(source, what, remedy));
    }
    let numbers = own.iter().filter_map(number_of);
    Ok(numbers.map(|number| number as u32).collect())
}

/// Says that two classes have names that look the same, in different forms of Unicode.
pub fn twins(names: &[String]) -> Option<String> {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    let same = names.iter().find_map(|name| {
        let before = seen.insert(name.nfc().collect(), name)?;
        (before != name).then_some((before, name))
    });
    let (first, second) = same?;
    Some(format!(
        "the names {first} and {second} look the same and count as two classes, since their accents are written in \
         different forms of Unicode ({} and {}), as macOS and Linux do: rename one",
        form(first),
        form(second)
    ))
}

/// The form in which a name is written.
fn form(name: &str) -> &'static str {
    match (
        unicode_normalization::is_nfc(name),
        unicode_normalization::is_nfd(name),
    ) {
        (true, _) => "NFC",
        (false, true) => "NFD",
        (false, false) => "neither NFC nor NFD",
    }
}

/// The first names of a list.
pub fn some_of(names: &[String]) -> String {
    const MOST: usize = 10;
    match names.len() {
        0..=MOST => names.join(", "),
        count => format!("{} and {} more", names[..MOST].join(", "), count - MOST),
    }
}
