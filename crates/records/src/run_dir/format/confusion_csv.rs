//! confusion_matrix.csv and test_confusion_matrix.csv: rows are the truth, columns the prediction.

use super::rows;
use crate::metrics::ConfusionMatrix;

/// The text of the file: a header of `label` and the classes, then a row for each class with its name first.
pub fn text(matrix: &ConfusionMatrix, class_names: &[String]) -> String {
    let mut header = vec!["label".to_owned()];
    header.extend(class_names.iter().cloned());
    let mut text = rows::line(&header);
    for (truth, name) in class_names.iter().enumerate() {
        let mut row = vec![name.clone()];
        row.extend((0..matrix.classes()).map(|class| matrix.count(truth, class).to_string()));
        text.push_str(&rows::line(&row));
    }
    text
}
