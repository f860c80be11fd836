//! What a user should know of the splits before a run: empty classes, contradictory labels, leaked images.

use std::collections::BTreeMap;

use super::classes::some_of;
use super::dataset::Dataset;
use crate::data::Role;

/// Says which classes a split has no images of.
pub fn empty_classes(splits: &[(Role, &Dataset)], class_names: &[String]) -> Vec<String> {
    let of_split = |(role, dataset): &(Role, &Dataset)| {
        let counts = dataset.class_counts(class_names.len());
        let names = class_names.iter().zip(counts);
        let names: Vec<String> = names
            .filter(|(_, count)| *count == 0)
            .map(|(name, _)| name.clone())
            .collect();
        let is_told = !names.is_empty();
        is_told.then(|| format!("no {} images of {}", role.title(), some_of(&names)))
    };
    splits.iter().filter_map(of_split).collect()
}

/// Says which training images are there with more than one class.
pub fn contradictions(train: &Dataset, class_names: &[String]) -> Option<String> {
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    let mut pairs = Vec::new();
    for place in 0..train.len() {
        let first = *seen.entry(train.stats(place).key).or_insert(place);
        if train.labels[first] != train.labels[place] {
            pairs.push((first, place));
        }
    }
    let (first, second) = *pairs.first()?;
    let class = |place: usize| &class_names[train.labels[place] as usize];
    Some(format!(
        "identical pixels under two training classes ({}): {} is {}, {} is {}",
        match pairs.len() {
            1 => "1 image".to_owned(),
            count => format!("{count} images"),
        },
        train.place_name(first),
        class(first),
        train.place_name(second),
        class(second)
    ))
}

/// Says which images are in more than one split.
pub fn duplicates(splits: &[(Role, &Dataset)]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (second, (role, dataset)) in splits.iter().enumerate().skip(1) {
        for (first_role, first) in &splits[..second] {
            let mut places: BTreeMap<u64, usize> = BTreeMap::new();
            for place in (0..first.len()).rev() {
                places.insert(first.stats(place).key, place);
            }
            let pairs: Vec<(usize, usize)> = (0..dataset.len())
                .filter_map(|place| Some((place, *places.get(&dataset.stats(place).key)?)))
                .collect();
            let Some((place, same)) = pairs.first() else {
                continue;
            };
            let count = match pairs.len() {
                1 => format!("1 {} image is", role.title()),
                count => format!("{count} {} images are", role.title()),
            };
            warnings.push(format!(
                "{count} also among the {} images (identical pixels): {} equals {}",
                first_role.title(),
                dataset.place_name(*place),
                first.place_name(*same)
            ));
        }
    }
    warnings
}
