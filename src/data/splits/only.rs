//! The images of some classes: `data.classes`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::data::Error;
use crate::data::sources::labelled::{ImageData, LabelledImages};
use crate::data::sources::labels::Labels;

/// The images of the classes that are named, which get numbers in the order of the names.
///
/// # Errors
///
/// If there is no image of one of them.
pub fn only(labelled: LabelledImages, names: &[String]) -> Result<LabelledImages, Error> {
    let source = labelled.name();
    let numbers = labelled.labels.numbers();
    let name_of = |label: u32| match &labelled.labels {
        Labels::Numbers(_) => label.to_string(),
        Labels::Names { classes, .. } => classes[label as usize].clone(),
    };
    let mut chosen: BTreeMap<u32, Option<u32>> = BTreeMap::new();
    for label in numbers {
        chosen.entry(*label).or_insert_with(|| {
            let name = name_of(*label);
            let place = names.iter().position(|it| *it == name);
            place.map(|place| place as u32)
        });
    }
    let is_there = |place: usize| chosen.values().any(|it| *it == Some(place as u32));
    if let Some(missing) = (0..names.len()).find(|place| !is_there(*place)) {
        let there: Vec<String> = chosen.keys().map(|label| name_of(*label)).collect();
        return Err(Error::Mismatch {
            path: PathBuf::from(source),
            what: format!("there are no images of the class `{}`", names[missing]),
            remedy: format!("name some of these in data.classes: {}", there.join(", ")),
        });
    }
    let kept: Vec<Option<u32>> = numbers.iter().map(|label| chosen[label]).collect();
    let images = match labelled.images {
        ImageData::Pixels {
            shape,
            bytes,
            source,
        } => {
            let images = bytes.chunks_exact(shape.iter().product()).zip(&kept);
            let images = images.filter(|(_, place)| place.is_some());
            ImageData::Pixels {
                shape,
                bytes: images.flat_map(|(image, _)| image).copied().collect(),
                source,
            }
        }
        ImageData::Files(mut files) => {
            let mut is_kept = kept.iter().map(Option::is_some);
            files.places.retain(|_| is_kept.next() == Some(true));
            ImageData::Files(files)
        }
    };
    Ok(LabelledImages {
        labels: Labels::Names {
            classes: names.to_vec(),
            labels: kept.into_iter().flatten().collect(),
        },
        images,
        ..labelled
    })
}
