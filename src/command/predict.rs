//! `runner predict`: the classes of images, by the network of a run.

use std::io::{self, ErrorKind, IsTerminal, Read};
use std::path::PathBuf;

use crate::cli;
use crate::config::Columns;
use crate::data::{ImagePlace, SortedImages, images_at, images_piped};
use crate::exit::ExitCode;
use crate::lifecycle::Trained;
use crate::run_dir::{Run, Weights, resolve};

use super::exit::{Usage, unwrapped};
use super::output::{StdoutError, note, shown};
use super::predictions::{Form, Lines};
use super::progress::scan_bar;

pub fn execute(args: cli::Predict) -> anyhow::Result<ExitCode> {
    if args.probabilities && !args.csv && !args.json {
        let why = "--probabilities goes with --csv or --json\nuse --top N to see the most probable classes";
        return Err(Usage(why.to_owned()).into());
    }
    let folder = resolve(&args.of.run, &args.of.out.out)?;
    let choice = args.of.checkpoint.clone().unwrap_or_default();
    let trained = Trained::open(&folder, &choice, args.device, args.of.threads.threads);
    let trained = trained.map_err(unwrapped)?;
    let columns = trained.run.experiment.data.columns.clone();
    let images = images(&args.images, &columns.unwrap_or_default())?;
    note(&network(&trained.run, &trained.weights));
    let mut sorted = match &args.sort_into {
        Some(folder) => Some(SortedImages::begin(
            folder,
            trained.class_names(),
            &trained.run.folder,
        )?),
        None => None,
    };
    let form = match (args.csv, args.json) {
        (true, _) => Form::Csv,
        (_, true) => Form::Json,
        _ => Form::Reading,
    };
    let (top, is_all) = (usize::from(args.top), args.probabilities);
    let bar = (!io::stdout().is_terminal()).then(|| scan_bar("predicting"));
    let (mut done, mut broken) = (0, 0);
    let mut tell_all = || -> anyhow::Result<()> {
        let mut lines = Lines::begin(form, trained.class_names(), top, is_all)?;
        trained.predict(&images, |image, answer| -> anyhow::Result<()> {
            done += 1;
            if let Some(bar) = &bar {
                bar.at(done, images.len());
            }
            match answer {
                Ok(answer) => {
                    lines.answer(&image.name(), &answer)?;
                    if let Some(sorted) = &mut sorted {
                        sorted.put(image, &trained.class_names()[answer.prediction])?;
                    }
                }
                Err(reason) => {
                    broken += 1;
                    note(&format!("{}: {reason}", image.name()));
                    lines.broken(&image.name(), &reason)?;
                }
            }
            Ok(())
        })?;
        Ok(lines.flush()?)
    };
    match tell_all() {
        // The reader of the pipe has seen enough.
        Err(error) if is_closed(&error) => return Ok(ExitCode::Done),
        Err(error) if error.is::<io::Error>() => {
            return Err(StdoutError(error.downcast()?).into());
        }
        other => other?,
    }
    if let Some(sorted) = sorted {
        sorted.publish()?;
    }
    match broken {
        0 => Ok(ExitCode::Done),
        _ => {
            let plural = if done == 1 { "image" } else { "images" };
            note(&format!(
                "error: {broken} of {done} {plural} could not be used; the reasons are above"
            ));
            Ok(ExitCode::Data)
        }
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// All images that are named, one after the other.
fn images(named: &[PathBuf], columns: &Columns) -> anyhow::Result<Vec<ImagePlace>> {
    let mut images = Vec::new();
    for path in named {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes)?;
            images.extend(images_piped(bytes)?);
        } else {
            images.extend(images_at(path, columns)?);
        }
    }
    Ok(images)
}

/// Which network looks at the images, in a line.
pub fn network(run: &Run, weights: &Weights) -> String {
    let file = weights.file.strip_prefix(&run.folder);
    let file = file.unwrap_or(&weights.file).display();
    let which = match weights.is_best {
        true => format!(", the best by {}", run.experiment.checkpoint.monitor),
        false => String::new(),
    };
    let averaged = if weights.is_averaged {
        ", averaged weights"
    } else {
        ""
    };
    format!("network: {}, {file}{which}{averaged}", shown(&run.folder))
}
