//! What a user should know of the splits before a run: empty classes, contradictory labels, leaked images, lost bits.

use std::collections::BTreeMap;

use super::classes::some_of;
use super::dataset::Dataset;
use crate::config::{self, BitDepth};
use crate::data::Role;
use crate::data::pixels::depth::bits_of;

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

/// The largest sample of 16 bits in the training images.
fn peak(train: &Dataset) -> Option<u16> {
    let of_place = |place| train.stats(place).traits.peak;
    (0..train.len()).filter_map(of_place).max()
}

/// Says that samples of 16 bits lose what they have, or are cut off, with so many bits in use.
pub fn depth(train: &Dataset, bits: u32) -> Option<String> {
    of_peak(peak(train)?, bits)
}

/// The same of the largest sample.
pub fn of_peak(peak: u16, bits: u32) -> Option<String> {
    /// A sample that uses all bits but two is no sign of a sensor with fewer.
    const DARK: u32 = 14;
    let needed = bits_of(peak);
    if needed > bits {
        return Some(format!(
            "the largest sample of the 16-bit images is {peak}, more than {bits} bits hold, so the brightest parts are \
             white: set data.bit_depth = {needed}, or \"auto\""
        ));
    }
    (bits == u16::BITS && needed <= DARK).then(|| {
        format!(
            "the 16-bit images are dark: the largest sample is {peak} of 65535, and only the upper 8 bits are kept, \
             which leaves {} grey levels; if a sensor with fewer bits made them, set data.bit_depth = {needed}, or \
             \"auto\"",
            u32::from(peak >> 8) + 1
        )
    })
}

/// Says how many bits the training images need, where the config leaves that to them.
pub fn found_depth(train: &Dataset, data: &config::Data, bits: u32) -> Option<String> {
    let peak = peak(train).filter(|_| data.bit_depth == BitDepth::Auto)?;
    Some(format!(
        "data.bit_depth = \"auto\" is {bits}, as the largest sample of the training images is {peak}"
    ))
}

/// Says how many images EXIF turns, and what becomes of that.
pub fn turned(splits: &[(Role, &Dataset)], is_applied: bool) -> Option<String> {
    let of_split = |(_, dataset): &(Role, &Dataset)| {
        let is_turned = |place: &usize| dataset.stats(*place).traits.is_turned;
        (0..dataset.len()).filter(is_turned).count()
    };
    of_turned(splits.iter().map(of_split).sum(), is_applied)
}

/// The same of so many images.
pub fn of_turned(count: usize, is_applied: bool) -> Option<String> {
    let images = match count {
        0 => return None,
        1 => "1 image has".to_owned(),
        count => format!("{count} images have"),
    };
    Some(match is_applied {
        true => format!("{images} an orientation in EXIF, by which they are turned"),
        false => format!(
            "{images} an orientation in EXIF, which is ignored, as by torchvision; data.exif = \"apply\" turns them"
        ),
    })
}
