//! The images and classes of all shards of a split.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::shard::{self, Contents, Label};
use crate::config::Columns;
use crate::data::sources::labelled::{ImageData, ImageFiles, ImagePlace, LabelledImages};
use crate::data::sources::labels::Labels;
use crate::data::sources::place::Container;
use crate::data::sources::shards;
use crate::data::sources::source::digest_file;
use crate::data::{Error, Role};

/// Numbers of classes go no further.
const HIGHEST: i64 = 1 << 20;

/// The splits of shards whose rows say in which they are; `None` if a shard has no such column.
pub fn splits(paths: &[PathBuf], columns: &Columns) -> Option<Vec<Role>> {
    let mut all = BTreeSet::new();
    for path in paths {
        all.extend(shard::splits(path, columns)?);
    }
    Some(all.into_iter().collect())
}

/// Lists the images of one split of all shards; where no column says which, all of them are.
///
/// # Errors
///
/// If one cannot be read, or has rows without a class, or classes that the first does not have.
pub fn list(paths: &[PathBuf], role: Role, columns: &Columns) -> Result<LabelledImages, Error> {
    let read = |path: &PathBuf| {
        Contents::read(path, columns).map_err(|what| Error::Mismatch {
            path: path.clone(),
            what,
            remedy: "it needs a column of images, struct{bytes, path} or bytes, and one of labels; if the columns have \
                     other names, set data.columns = { path = \"img\", label = \"fine_label\" }; if there is one of \
                     splits, each is train, val or test"
                .to_owned(),
        })
    };
    let shards: Vec<Contents> = paths.iter().map(read).collect::<Result<_, _>>()?;
    let split = split_of(&shards, paths, role)?;
    let mut names: Option<Vec<String>> = None;
    let (mut places, mut labels, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (mut contents, path)) in shards.into_iter().zip(paths).enumerate() {
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
        let rows = contents.select(split);
        labels.extend(
            labels_of(&contents, &rows, numbers.as_deref()).map_err(|what| {
                refused(
                    what,
                    "use a split that has labels, or another column: data.columns.label",
                )
            })?,
        );
        add_places(contents, &rows, path, &mut places).map_err(|what| {
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
            wanted: match split {
                Some(split) => format!("row of the split {}", split.name()),
                None => "rows".to_owned(),
            },
            remedy: match split {
                Some(_) => "name a file that has some in the config, or split some off: data.validation = 0.1",
                None => "name a file that contains images",
            }
            .to_owned(),
        });
    }
    let title = shards::title(paths);
    Ok(LabelledImages {
        labels: numbered(labels, names, &paths[0])?,
        images: ImageData::Files(ImageFiles {
            root: shards::root(paths),
            title: match split {
                Some(split) => format!("{title} ({})", split.name()),
                None => title,
            },
            places,
        }),
        files,
        warnings: Vec::new(),
    })
}

/// The split whose rows `role` takes; `None` where no column says of a row which split it is in.
fn split_of(shards: &[Contents], paths: &[PathBuf], role: Role) -> Result<Option<Role>, Error> {
    let split = shards.iter().position(|it| it.splits.is_some());
    let unsplit = shards.iter().position(|it| it.splits.is_none());
    match (split, unsplit) {
        (None, _) => Ok(None),
        (Some(split), Some(unsplit)) => Err(Error::Mismatch {
            path: paths[unsplit].clone(),
            what: format!(
                "no column says the split of each row, as one of {} does",
                paths[split].display()
            ),
            remedy: "use shards of one set".to_owned(),
        }),
        (Some(_), None) => {
            let there: Vec<Role> = shards
                .iter()
                .flat_map(|it| it.splits.iter().flatten())
                .copied()
                .collect();
            Ok(Some(role.of_those(&there)))
        }
    }
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

/// The classes of some rows, by their numbers in the first shard where they have numbers.
fn labels_of(
    contents: &Contents,
    rows: &[usize],
    numbers: Option<&[i64]>,
) -> Result<Vec<Label>, String> {
    let is_unlabelled = |row: &&usize| {
        let label = &contents.labels[**row];
        !matches!(label, Some(Label::Name(_)) | Some(Label::Number(0..)))
    };
    if let Some(&row) = rows.iter().find(is_unlabelled) {
        let count = rows.iter().filter(is_unlabelled).count();
        let what = match &contents.labels[row] {
            Some(Label::Number(number)) => number.to_string(),
            _ => "null".to_owned(),
        };
        return Err(format!(
            "{count} of its rows have no class, the first of them row {row}: its label is {what}"
        ));
    }
    let classes = contents.names.as_ref().map(|names| names.len() as i64);
    let number = |&row: &usize| match &contents.labels[row] {
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
    rows.iter().map(number).collect()
}

/// Where the images of some rows are: in the shard, or in files that their paths name.
fn add_places(
    contents: Contents,
    rows: &[usize],
    file: &Path,
    places: &mut Vec<ImagePlace>,
) -> Result<(), String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let shard = Arc::new(contents.shard);
    for &index in rows {
        let path = contents.paths[index].as_deref();
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
