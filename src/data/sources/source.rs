//! Where the images of a split are, recognised from what is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::listed::Listed;
use super::{cifar, idx, image_folder, manifest};
use crate::config::{self, Format};
use crate::data::{Error, Role};

/// What the images of one split are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    ImageFolder(PathBuf),
    Idx { images: PathBuf, labels: PathBuf },
    Cifar(cifar::Kind, Vec<PathBuf>),
    Manifest(PathBuf, Role),
}

/// The names that folders and files of a split have.
const TRAIN: &[&str] = &["train", "training"];
const VAL: &[&str] = &["val", "valid", "validation", "eval"];
const TEST: &[&str] = &["test", "testing"];

/// What data that a config names are in. `None`: there is no such split, and there need not be.
pub fn find(data: &config::Data, role: Role) -> Result<Option<Source>, Error> {
    let apart = match role {
        Role::Train => &data.train,
        Role::Eval if data.is_split() => return Ok(None),
        Role::Eval => &data.eval,
        Role::Test => &data.test,
    };
    let path = data.path.as_deref();
    if let Some(place) = apart {
        let is_both = role == Role::Eval && data.train.as_ref() == Some(place);
        if is_both && Path::new(place).is_file() && manifest::splits(Path::new(place)).is_none() {
            return Err(both_in_one_file(place));
        }
        return recognise(Path::new(place), role, data.format, true).map(Some);
    }
    let Some(path) = path else {
        return Ok(None);
    };
    match role {
        Role::Train => {
            // The whole of it may be split.
            let is_whole = data.is_split() || data.eval.is_some();
            recognise(Path::new(path), role, data.format, is_whole).map(Some)
        }
        Role::Eval => {
            if Path::new(path).is_file() && manifest::splits(Path::new(path)).is_none() {
                return Err(both_in_one_file(path));
            }
            recognise(Path::new(path), role, data.format, false).map(Some)
        }
        Role::Test => Ok(left_for_test(Path::new(path), data)),
    }
}

fn both_in_one_file(path: &str) -> Error {
    Error::Mismatch {
        path: PathBuf::from(path),
        what: "a file, and nothing says which of its images are for evaluation".to_owned(),
        remedy: "split some off with data.validation = 0.1; or name both with data.train and \
                 data.eval, or a folder that holds both with data.path"
            .to_owned(),
    }
}

/// Everything that is at a place, each with what it is for.
pub fn all(place: &Path, format: Format) -> Result<Vec<(Role, Source)>, Error> {
    if place.is_file() {
        let splits = match format {
            Format::Auto | Format::Csv => manifest::splits(place),
            Format::ImageFolder | Format::Idx | Format::Cifar10 | Format::Cifar100 => None,
        };
        let splits = splits.unwrap_or_else(|| vec![Role::Train]);
        let sources = splits
            .into_iter()
            .map(|role| Ok((role, file(place, role, format)?)));
        return sources.collect();
    }
    let train = recognise(place, Role::Train, format, true);
    let mut found = Vec::new();
    for (role, source) in [
        (Role::Eval, recognise(place, Role::Eval, format, false).ok()),
        (
            Role::Test,
            subfolder(place, VAL)
                .and_then(|_| subfolder(place, TEST))
                .map(Source::ImageFolder),
        ),
    ] {
        found.extend(source.map(|source| (role, source)));
    }
    match train {
        Ok(train) => found.insert(0, (Role::Train, train)),
        Err(error) if found.is_empty() => return Err(error),
        Err(_) => {}
    }
    Ok(found)
}

/// The test split of what has an evaluation split besides.
fn left_for_test(path: &Path, data: &config::Data) -> Option<Source> {
    let has_own_eval = data.is_split() || data.eval.is_some();
    if path.is_file() {
        let splits = manifest::splits(path)?;
        let is_left =
            splits.contains(&Role::Test) && (has_own_eval || splits.contains(&Role::Eval));
        return is_left.then(|| Source::Manifest(path.to_owned(), Role::Test));
    }
    if let Some(test) = subfolder(path, TEST) {
        let is_left = has_own_eval || subfolder(path, VAL).is_some();
        return is_left.then_some(Source::ImageFolder(test));
    }
    // Where evaluation images are split off, those of the source are for the test.
    has_own_eval
        .then(|| recognise(path, Role::Eval, data.format, false).ok())
        .flatten()
}

/// What is at a place. `is_whole`: all that is there may be the split.
pub fn recognise(
    place: &Path,
    role: Role,
    format: Format,
    is_whole: bool,
) -> Result<Source, Error> {
    let metadata = fs::metadata(place).map_err(|source| Error::Unreadable {
        path: place.to_owned(),
        source,
    })?;
    let wants = |one: Format| format == Format::Auto || format == one;
    if metadata.is_file() {
        return file(place, role, format);
    }
    let is_training = role == Role::Train;
    let mut found = Vec::new();
    if wants(Format::Idx) {
        found.extend(idx_in(place, is_training)?.map(|source| (Format::Idx, source)));
    }
    for (name, kind) in [
        (Format::Cifar10, cifar::Kind::Cifar10),
        (Format::Cifar100, cifar::Kind::Cifar100),
    ] {
        let inside = ["", "cifar-10-batches-bin", "cifar-100-binary"];
        let batches = inside
            .iter()
            .find_map(|folder| cifar::find(&place.join(folder), is_training));
        if let Some((found_kind, batches)) = batches
            && found_kind == kind
            && wants(name)
        {
            found.push((name, Source::Cifar(kind, batches)));
        }
    }
    if wants(Format::ImageFolder) {
        let own = match role {
            Role::Train => subfolder(place, TRAIN),
            Role::Eval => subfolder(place, VAL).or_else(|| subfolder(place, TEST)),
            Role::Test => subfolder(place, TEST),
        };
        let has_splits = [TRAIN, VAL, TEST]
            .iter()
            .any(|names| subfolder(place, names).is_some());
        let whole = || {
            let is_it = is_whole && !has_splits && has_class_folders(place);
            is_it.then(|| place.to_owned())
        };
        if let Some(folder) = own.or_else(whole) {
            found.push((Format::ImageFolder, Source::ImageFolder(folder)));
        }
    }
    match found.len() {
        1 => Ok(found.remove(0).1),
        0 => Err(nothing_in(place, role, format, is_whole)),
        _ => {
            let names: Vec<&'static str> = found.iter().map(|(format, _)| format.into()).collect();
            Err(Error::Mismatch {
                path: place.to_owned(),
                what: format!("it could be read as {}", names.join(" and as ")),
                remedy: format!("say which: data.format = \"{}\"", names[0]),
            })
        }
    }
}

/// A single file, which its name tells.
fn file(path: &Path, role: Role, format: Format) -> Result<Source, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_csv = format == Format::Csv || name.to_lowercase().ends_with(".csv");
    if format == Format::Csv || format == Format::Auto && is_csv {
        return Ok(Source::Manifest(path.to_owned(), role));
    }
    let kind = match format {
        Format::Cifar10 => Some(cifar::Kind::Cifar10),
        Format::Cifar100 => Some(cifar::Kind::Cifar100),
        Format::Auto => cifar::kind_of(path),
        Format::ImageFolder | Format::Idx | Format::Csv => None,
    };
    if let Some(kind) = kind {
        return Ok(Source::Cifar(kind, vec![path.to_owned()]));
    }
    let labels = idx::labels_beside(path)?;
    Ok(Source::Idx {
        images: path.to_owned(),
        labels,
    })
}

/// IDX files under MNIST's names, or with a name of the set before them as EMNIST's have it.
fn idx_in(folder: &Path, is_training: bool) -> Result<Option<Source>, Error> {
    let ends: &[&str] = match is_training {
        true => &["train"],
        false => &["t10k", "test"],
    };
    for end in ends {
        let [images, labels] = [idx::IMAGES, idx::LABELS]
            .map(|kind| idx::find_ending(folder, &format!("{end}-{kind}")));
        match (images?, labels?) {
            (Some(images), Some(labels)) => return Ok(Some(Source::Idx { images, labels })),
            (Some(images), None) => {
                return Err(missing(
                    folder,
                    &format!("{end}-{} or {end}-{}.gz", idx::LABELS, idx::LABELS),
                    format!(
                        "put the labels of {} there; {}",
                        images.display(),
                        idx::FOLDER
                    ),
                ));
            }
            (None, Some(_)) => {
                return Err(missing(
                    folder,
                    &format!("{end}-{} or {end}-{}.gz", idx::IMAGES, idx::IMAGES),
                    idx::FOLDER.to_owned(),
                ));
            }
            (None, None) => {}
        }
    }
    Ok(None)
}

fn missing(folder: &Path, wanted: &str, remedy: String) -> Error {
    Error::Missing {
        // The folder of a bare file name is empty.
        path: if folder.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            folder.to_owned()
        },
        wanted: wanted.to_owned(),
        remedy,
    }
}

fn nothing_in(place: &Path, role: Role, format: Format, is_whole: bool) -> Error {
    if role != Role::Train && recognise(place, Role::Train, format, true).is_ok() {
        let is_of_classes = subfolder(place, TRAIN).is_none() && has_class_folders(place);
        return Error::Missing {
            path: place.to_owned(),
            wanted: format!("{} images", role.title()),
            remedy: format!(
                "{}let some be split off with data.validation = 0.1, or name others with data.{} = \
                 \"...\"",
                match is_of_classes {
                    true => "its folders are classes, not splits; ",
                    false => "",
                },
                role.name()
            ),
        };
    }
    // What a folder that should hold two splits looks like with one of them in it.
    let is_unsplit =
        role == Role::Train && !is_whole && recognise(place, role, format, true).is_ok();
    if is_unsplit {
        return Error::Missing {
            path: place.to_owned(),
            wanted: "train folder".to_owned(),
            remedy:
                "its folders are classes, not splits: let some images be split off for evaluation \
                     with data.validation = 0.1, or name others with data.eval = \"...\""
                    .to_owned(),
        };
    }
    missing(
        place,
        &match format {
            Format::Auto => format!("{} images", role.title()),
            format => format!(
                "{} images of the format {}",
                role.title(),
                <&'static str>::from(format)
            ),
        },
        format!(
            "a folder of images has train/ and test/ or val/, each with a folder a class; {}; one of \
             CIFAR batches has data_batch_1.bin and so on, or train.bin and test.bin",
            idx::FOLDER
        ),
    )
}

fn subfolder(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let there: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let is_there = |name: &&str| there.iter().find(|it| it.eq_ignore_ascii_case(name));
    let found = names.iter().filter_map(is_there);
    let mut folders = found.map(|name| folder.join(name));
    folders.find(|path| path.is_dir())
}

fn has_class_folders(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .any(|entry| entry.path().is_dir() && image_folder::has_images(&entry.path()))
}

impl Source {
    /// What is there, no image file opened.
    pub fn list(&self) -> Result<Listed, Error> {
        match self {
            Source::ImageFolder(folder) => image_folder::list(folder),
            Source::Idx { images, labels } => idx::list(images, labels),
            Source::Cifar(kind, batches) => cifar::read(*kind, batches),
            Source::Manifest(path, role) => manifest::list(path, *role),
        }
    }

    /// Whether it has evaluation images that are not its test images.
    pub fn has_val(&self) -> bool {
        let is_val = |folder: &Path| {
            let name = folder.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| VAL.contains(&name))
        };
        match self {
            Source::ImageFolder(folder) => is_val(folder),
            Source::Manifest(_, role) => *role == Role::Eval,
            Source::Idx { .. } | Source::Cifar(..) => false,
        }
    }

    /// What it is called in a config.
    pub fn format(&self) -> &'static str {
        match self {
            Source::ImageFolder(_) => "image_folder",
            Source::Idx { .. } => "idx",
            Source::Cifar(cifar::Kind::Cifar10, _) => "cifar10",
            Source::Cifar(cifar::Kind::Cifar100, _) => "cifar100",
            Source::Manifest(..) => "csv",
        }
    }
}
