//! The images that one of two runs gets right and the other wrong.

use super::images::SameImages;
use crate::table::{Cell, Column, Table};

/// A row an image, those that only the first run gets right before those that only the second does.
pub fn flips(images: &SameImages) -> Table {
    let columns = vec![
        Column::new("path"),
        Column::new("index"),
        Column::new("label"),
        Column::headed("prediction", "first\nsays"),
        Column::headed("probability", "\nprob."),
        Column::headed("other_prediction", "second\nsays"),
        Column::headed("other_probability", "\nprob."),
        Column::new("right"),
    ];
    let mut rows = Vec::new();
    for (is_first, right) in [(true, "first"), (false, "second")] {
        for (first, second) in images.first.iter().zip(&images.second) {
            let [one, other] = [first, second].map(|said| said.prediction == said.label);
            if one == other || one != is_first {
                continue;
            }
            rows.push(vec![
                Cell::Text(first.path.clone()),
                Cell::Count(first.index.into()),
                Cell::Text(first.label.clone()),
                Cell::Text(first.prediction.clone()),
                Cell::Number(f64::from(first.probability)),
                Cell::Text(second.prediction.clone()),
                Cell::Number(f64::from(second.probability)),
                Cell::Text(right.to_owned()),
            ]);
        }
    }
    Table { rows, columns }
}
