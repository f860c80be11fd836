//! What a new experiment file says of the images that it is for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::data::reading::reading_of;
use super::exit::Usage;
use super::output::note;
use super::progress::scan_bar;
use super::units::thousands;
use crate::cli;
use crate::config::{Format, Preset, Starter, nearest_path};
use crate::data::{Error, Report, Role, catalog, inspect};

/// The file for the images that are named, or else for the digits that come with the project.
///
/// `file` is how the new file is named in commands, `schema` the line that tells editors where the
/// schema is.
pub fn starter(
    args: &cli::ConfigNew,
    file: String,
    schema: Option<String>,
) -> anyhow::Result<Starter> {
    let mut starter = Starter {
        file,
        schema,
        data: "data/digits".to_owned(),
        contents: "10,000 training and 5,000 evaluation images, 28x28, grey".to_owned(),
        input: [1, 28, 28],
        resize: None,
        has_evaluation: true,
        images: vec![1000; 10],
        broken: 0,
        preset: args.preset.unwrap_or(Preset::Resnet8),
    };
    if let Some(typed) = &args.data {
        let place = place(typed)?;
        let bar = scan_bar("reading images");
        let watch = |done, all| bar.at(done, all);
        let report = inspect(&place, Format::Auto, &reading_of(&place, &[])?, &watch)
            .map_err(|error| of_one_class(&place).unwrap_or(error))?;
        drop(bar);
        fit(&mut starter, &place, &report)?;
        tell_broken(&place, &report);
    }
    Ok(starter)
}

/// Where the images are: at the place that is named, or where the known set of this name is kept.
fn place(typed: &Path) -> anyhow::Result<PathBuf> {
    if typed.exists() {
        return Ok(typed.to_owned());
    }
    let name = typed.file_name().and_then(|name| name.to_str());
    let Some(set) = name.and_then(catalog::Set::find) else {
        return Err(Error::Missing {
            path: typed.to_owned(),
            wanted: "folder of images".to_owned(),
            remedy: match nearest_path(typed) {
                Some(meant) => format!("did you mean {}?", meant.display()),
                None => "name one that is there, with a folder of images for each class: \
                         my/images/cat/1.jpg, my/images/dog/2.png"
                    .to_owned(),
            },
        }
        .into());
    };
    let home = set.home();
    if home.exists() && typed == Path::new(set.name) {
        return Ok(home);
    }
    let (name, place) = (set.name, typed.display());
    let message =
        format!("{place}: no such folder\nget the images first: runner data fetch {name}");
    Err(Usage(message).into())
}

/// Takes over what was found at the place.
fn fit(starter: &mut Starter, place: &Path, report: &Report) -> anyhow::Result<()> {
    let refused = |what: &str, remedy: &str| Error::Mismatch {
        path: place.to_owned(),
        what: what.to_owned(),
        remedy: remedy.to_owned(),
    };
    let Some(training) = report.splits.first().filter(|split| split.images > 0) else {
        let remedy = format!(
            "`runner data inspect {}` says what is wrong with the files that are there",
            place.display()
        );
        return Err(refused("no image can be used", &remedy).into());
    };
    let classes = training.classes.len();
    if classes < 2 {
        let remedy = "put the images of each class into a folder of its own: \
                      my/images/cat/1.jpg, my/images/dog/2.png";
        return Err(refused(
            "all images are of one class, so there is nothing to learn",
            remedy,
        )
        .into());
    }
    let splits = || report.splits.iter();
    let has_evaluation = splits().any(|split| split.split == Role::Eval.name());
    let class_images: Vec<usize> = training.classes.iter().map(|(_, count)| *count).collect();
    if !has_evaluation && class_images.iter().all(|images| *images < 2) {
        let what = "no class has more than one image, so none can be held out for evaluation";
        let remedy = "add more images of each class, or a folder val/ beside train/";
        return Err(refused(what, remedy).into());
    }
    let sizes: Vec<(usize, usize, usize)> =
        splits().flat_map(|split| split.sizes.clone()).collect();
    let has_color = splits().any(|split| split.color > 0);
    let channels = if has_color { 3 } else { 1 };
    let ([height, width], resize) = size(&sizes);
    let images: usize = splits().map(|split| split.images).sum();
    starter.data = place.display().to_string();
    starter.contents = format!(
        "{} images in {} classes, {}, {}",
        thousands(images as f64),
        classes,
        range(&sizes),
        if has_color { "in colour" } else { "grey" },
    );
    starter.input = [channels, height, width];
    starter.resize = resize;
    starter.has_evaluation = has_evaluation;
    starter.images = class_images;
    starter.broken = splits().map(|split| split.broken.len()).sum();
    Ok(())
}

/// Says which images cannot be used, and that the new file passes over them.
fn tell_broken(place: &Path, report: &Report) {
    let mut broken = report.splits.iter().flat_map(|split| &split.broken);
    let Some((first, reason)) = broken.next() else {
        return;
    };
    let count = match broken.count() {
        0 => "1 image cannot".to_owned(),
        others => format!("{} images cannot", thousands((others + 1) as f64)),
    };
    note(&format!(
        "warning: {count} be used, so the new file has data.on_bad_image = \"skip\"; the first: {first}: {reason}\n\
         see all of them: runner data inspect {}",
        place.display()
    ));
}

/// The error for a folder that has the images of one class, beside others.
fn of_one_class(place: &Path) -> Option<Error> {
    let folder = place.canonicalize().ok()?;
    let own = kinds_of_files(&folder);
    let above = folder.parent()?;
    let siblings = fs::read_dir(above).ok()?.flatten().map(|it| it.path());
    let mut others = siblings.filter(|it| it.is_dir() && *it != folder);
    if !others.any(|other| !own.is_disjoint(&kinds_of_files(&other))) {
        return None;
    }
    let above = match place.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => above,
    };
    Some(Error::Mismatch {
        path: place.to_owned(),
        what: "this is the folder of one class".to_owned(),
        remedy: format!("name the folder above it: --data {}", above.display()),
    })
}

/// The endings of the names of image files in a folder.
fn kinds_of_files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let kind = |path: PathBuf| Some(path.extension()?.to_str()?.to_lowercase());
    let kinds = entries.filter_map(|entry| kind(entry.path()));
    kinds
        .filter(|kind| image::ImageFormat::from_extension(kind).is_some())
        .collect()
}

/// The smallest and the largest size, by area, height before width.
fn range(sizes: &[(usize, usize, usize)]) -> String {
    let area = |size: &&(usize, usize, usize)| size.0 * size.1;
    let ends = [sizes.iter().min_by_key(area), sizes.iter().max_by_key(area)];
    let [smallest, largest] = ends.map(|size| size.map_or((0, 0), |size| (size.0, size.1)));
    let words = |(height, width): (usize, usize)| format!("{height}x{width}");
    match smallest == largest {
        true => words(smallest),
        false => format!("{} to {}", words(smallest), words(largest)),
    }
}

/// Images larger than this are made smaller.
const LARGE: usize = 96;

/// The height and width that the network is given, and why images are resized to that, if they are.
fn size(sizes: &[(usize, usize, usize)]) -> ([usize; 2], Option<String>) {
    let same = |other: &(usize, usize, usize)| (other.0, other.1) == (sizes[0].0, sizes[0].1);
    let is_one_size = sizes.iter().all(same);
    let (height, width, _) = sizes[0];
    if is_one_size && height.max(width) <= LARGE {
        return ([height, width], None);
    }
    let mut sides: Vec<(usize, usize)> = sizes.iter().map(|it| (it.0.min(it.1), it.2)).collect();
    sides.sort_unstable();
    let all: usize = sides.iter().map(|(_, count)| count).sum();
    let mut seen = 0;
    let median = sides.iter().find(|(_, count)| {
        seen += count;
        2 * seen >= all
    });
    let median = median.map_or(0, |(side, _)| *side);
    let side = match median {
        0..48 => 32,
        48..256 => 64,
        _ => 128,
    };
    let why = if is_one_size {
        format!("Images are {height}x{width}; a larger size shows more, and takes longer:")
    } else {
        format!(
            "Sizes differ, half of the images have a side of {median} or less; larger takes longer:"
        )
    };
    ([side, side], Some(why))
}
