//! The images and classes of all shards of a split.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::shard::{Contents, Label};
use crate::config::Columns;
use crate::data::Error;
use crate::data::sources::labelled::{ImageData, ImageFiles, ImagePlace, LabelledImages};
use crate::data::sources::labels::Labels;
use crate::data::sources::place::Container;
use crate::data::sources::shards;
use crate::data::sources::source::digest_file;

/// Numbers of classes go no further.
const HIGHEST: i64 = 1 << 20;

/// Lists the images of all shards.
///
/// # Errors
///
/// If one cannot be read, or has rows without a class, or classes that the first does not have.
pub fn list(paths: &[PathBuf], columns: &Columns) -> Result<LabelledImages, Error> {
    let mut names: Option<Vec<String>> = None;
    let (mut places, mut labels, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for (index, path) in paths.iter().enumerate() {
        let contents = Contents::read(path, columns).map_err(|what| Error::Mismatch {
            path: path.clone(),
            what,
            remedy: "it needs a column of images, struct{bytes, path} or bytes, and one of labels; if the columns have other names, set data.columns = { path = \"img\", label = \"fine_label\" }"
                .to_owned(),
        })?;
        let refused = |what: String, remedy: &str| Error::Mismatch {
            path: path.clone(),
            what,
            remedy: remedy.to_owned(),
        };
        if index == 0 {
            names.clone_from(&contents.names);
        }
        let numbers = renumbered(contents.names.as_deref(), names.as_deref()).map_err(|what| {
            refused(
                what,
                "use shards of one set, whose classes have the same names",
            )
        })?;
        labels.extend(labels_of(&contents, numbers.as_deref()).map_err(|what| {
            refused(
                what,
                "use a split that has labels, or another column: data.columns.label",
            )
        })?);
        add_places(contents, path, &mut places).map_err(|what| {
            refused(
                what,
                "check the disk that has the folder of temporary files, TMPDIR",
            )
        })?;
        files.push(digest_file(path)?);
    }
    if places.is_empty() {
        return Err(Error::Missing {
            path: paths.first().cloned().unwrap_or_default(),
            wanted: "rows".to_owned(),
            remedy: "name a file that contains images".to_owned(),
        });
    }
    Ok(LabelledImages {
        labels: numbered(labels, names, &paths[0])?,
        images: ImageData::Files(ImageFiles {
            root: shards::root(paths),
            title: shards::title(paths),
            places,
        }),
        files,
        warnings: Vec::new(),
    })
}

/// The number in the first shard of each class of another; `None` where both call them alike, or have no names.
fn renumbered(
    own: Option<&[String]>,
    first: Option<&[String]>,
) -> Result<Option<Vec<i64>>, String> {
    let (own, first) = match (own, first) {
        (own, first) if own == first => return Ok(None),
        (Some(own), Some(first)) => (own, first),
        _ => {
            return Err(
                "either only its classes or only those of the first shard have names".to_owned(),
            );
        }
    };
    let number = |name: &String| {
        let place = first.iter().position(|known| known == name);
        place.map(|place| place as i64).ok_or_else(|| {
            format!(
                "the first shard has no class {name}: its classes are {}",
                first.join(", ")
            )
        })
    };
    own.iter().map(number).collect::<Result<_, _>>().map(Some)
}

/// The class of each row, by its number in the first shard where it has one.
fn labels_of(contents: &Contents, numbers: Option<&[i64]>) -> Result<Vec<Label>, String> {
    let unlabelled =
        |label: &Option<Label>| !matches!(label, Some(Label::Name(_)) | Some(Label::Number(0..)));
    if let Some(row) = contents.labels.iter().position(unlabelled) {
        let count = contents
            .labels
            .iter()
            .filter(|label| unlabelled(label))
            .count();
        let what = match &contents.labels[row] {
            Some(Label::Number(number)) => number.to_string(),
            _ => "null".to_owned(),
        };
        return Err(format!(
            "{count} of its rows have no class, the first of them row {row}: its label is {what}"
        ));
    }
    let classes = contents.names.as_ref().map(|names| names.len() as i64);
    let number = |(row, label): (usize, &Option<Label>)| match label {
        Some(Label::Number(number)) if *number >= classes.unwrap_or(HIGHEST) => Err(format!(
            "the label {number} of row {row} is not one of its {} classes",
            classes.unwrap_or(HIGHEST)
        )),
        Some(Label::Number(number)) => {
            let number = numbers.map_or(*number, |numbers| numbers[*number as usize]);
            Ok(Label::Number(number))
        }
        Some(label) => Ok(label.clone()),
        None => unreachable!("rows without a class were refused"),
    };
    contents.labels.iter().enumerate().map(number).collect()
}

/// Where the image of each row is: in the shard, or in a file that its path names.
fn add_places(contents: Contents, file: &Path, places: &mut Vec<ImagePlace>) -> Result<(), String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let shard = Arc::new(contents.shard);
    for (index, path) in contents.paths.into_iter().enumerate() {
        let is_elsewhere = contents.has_paths_only && !shard.has_bytes(index)?;
        places.push(match path.filter(|path| is_elsewhere && !path.is_empty()) {
            Some(path) => ImagePlace::File(folder.join(path)),
            None => {
                let container: Arc<dyn Container> = Arc::clone(&shard) as Arc<dyn Container>;
                ImagePlace::Member { container, index }
            }
        });
    }
    Ok(())
}

/// All labels, with the names of the classes where there are any.
fn numbered(labels: Vec<Label>, names: Option<Vec<String>>, path: &Path) -> Result<Labels, Error> {
    let numbers: Option<Vec<u32>> = labels
        .iter()
        .map(|label| match label {
            Label::Number(number) => u32::try_from(*number).ok(),
            Label::Name(_) => None,
        })
        .collect();
    match (numbers, names) {
        (Some(labels), Some(classes)) => Ok(Labels::Names { classes, labels }),
        (Some(labels), None) => Ok(Labels::Numbers(labels)),
        (None, _) => {
            let texts: Option<Vec<String>> = labels
                .into_iter()
                .map(|label| match label {
                    Label::Name(name) => Some(name),
                    Label::Number(_) => None,
                })
                .collect();
            let texts = texts.ok_or_else(|| Error::Mismatch {
                path: path.to_owned(),
                what: "some shards beside it have numbers for classes, others names".to_owned(),
                remedy: "use shards of one set".to_owned(),
            })?;
            Ok(Labels::of_texts(&texts))
        }
    }
}
