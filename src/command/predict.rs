//! `runner predict`: the classes of images, by the network of a run.

use std::io::{self, ErrorKind, IsTerminal, Read};
use std::path::PathBuf;

use crate::cli;
use crate::config::Columns;
use crate::data::{ImagePlace, SortedImages, images_at, images_piped};
use crate::exit::ExitCode;
use crate::lifecycle::{Answer, Trained};
use crate::run_dir::{Run, Weights, resolve};
use crate::train::{Interrupt, Stop};

use super::exit::{Usage, unwrapped};
use super::output::{StdoutError, note, shown};
use super::predictions::{Form, Lines};
use super::progress::{ScanBar, scan_bar};

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
    let (images, unusable) = images(&args.images, &columns.unwrap_or_default())?;
    note(&network(&trained.run, &trained.weights));
    let sorted = match &args.sort_into {
        Some(folder) => Some(SortedImages::begin(
            folder,
            trained.class_names(),
            &trained.run.folder,
        )?),
        None => None,
    };
    let mut telling = Telling {
        lines: Lines::new(
            form(&args),
            trained.class_names(),
            args.top,
            args.probabilities,
        ),
        sorted,
        class_names: trained.class_names(),
        interrupt: Interrupt::install()?,
        bar: (!io::stdout().is_terminal()).then(|| scan_bar("predicting")),
        all: images.len(),
        done: 0,
        broken: 0,
    };
    let told = telling.begin(&unusable).and_then(|()| {
        trained.predict(&images, |image, answer| telling.tell(image, answer))?;
        telling.end()
    });
    match told {
        Ok(code) => Ok(code),
        Err(error) => match error.downcast_ref::<Stopped>() {
            Some(Stopped(stop)) => {
                let sorted = match args.sort_into {
                    Some(_) => "; nothing was sorted",
                    None => "",
                };
                note(&format!("stopped by {}{sorted}", stop.name()));
                Ok(stop.exit_code())
            }
            // The reader of the pipe has seen enough.
            None if is_closed(&error) => Ok(ExitCode::Done),
            None if error.is::<io::Error>() => Err(StdoutError(error.downcast()?).into()),
            None => Err(error),
        },
    }
}

fn form(args: &cli::Predict) -> Form {
    match (args.csv, args.json) {
        (true, _) => Form::Csv,
        (_, true) => Form::Json,
        _ => Form::Reading,
    }
}

/// A signal asked for a stop.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct Stopped(Stop);

/// What is done with each image once the network has looked at it.
struct Telling<'a> {
    lines: Lines<'a>,
    sorted: Option<SortedImages>,
    class_names: &'a [String],
    interrupt: Interrupt,
    bar: Option<ScanBar>,
    all: usize,
    done: usize,
    broken: usize,
}

impl Telling<'_> {
    /// Before the first image: what was named and cannot be used.
    fn begin(&mut self, unusable: &[(String, String)]) -> anyhow::Result<()> {
        self.lines.begin()?;
        for (path, reason) in unusable {
            note(reason);
            self.broken += 1;
            let line = reason.lines().next().unwrap_or_default();
            self.lines.broken(path, line)?;
        }
        Ok(())
    }

    fn tell(&mut self, image: &ImagePlace, answer: Result<Answer, String>) -> anyhow::Result<()> {
        if let Some(stop) = self.interrupt.poll() {
            return Err(Stopped(stop).into());
        }
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.at(self.done, self.all);
        }
        let name = image.name();
        match answer {
            Ok(answer) => {
                self.lines.answer(&name, &answer)?;
                if let Some(sorted) = &mut self.sorted {
                    sorted.put(image, &self.class_names[answer.prediction])?;
                }
            }
            Err(reason) => {
                self.broken += 1;
                note(&format!("{name}: {reason}"));
                self.lines.broken(&name, &reason)?;
            }
        }
        Ok(())
    }

    /// After the last image.
    fn end(&mut self) -> anyhow::Result<ExitCode> {
        self.lines.flush()?;
        if let Some(sorted) = self.sorted.take() {
            sorted.publish()?;
        }
        let Self { broken, .. } = self;
        Ok(match broken {
            0 => ExitCode::Done,
            1 => {
                note("error: 1 image could not be used; the reason is above");
                ExitCode::Data
            }
            _ => {
                note(&format!(
                    "error: {broken} images could not be used; the reasons are above"
                ));
                ExitCode::Data
            }
        })
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Images, and paths with the reason why they lead to none.
type Found = (Vec<ImagePlace>, Vec<(String, String)>);

/// All images that are named, one after the other. What cannot be used does not keep the others, if there are some.
fn images(named: &[PathBuf], columns: &Columns) -> anyhow::Result<Found> {
    let (mut images, mut unusable) = (Vec::new(), Vec::new());
    let mut first = None;
    for path in named {
        let found = if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes)?;
            images_piped(bytes)
        } else {
            images_at(path, columns)
        };
        match found {
            Ok(found) => images.extend(found),
            Err(error) => {
                unusable.push((path.display().to_string(), error.to_string()));
                first.get_or_insert(error);
            }
        }
    }
    match first {
        Some(error) if images.is_empty() && unusable.len() == 1 => Err(error.into()),
        _ => Ok((images, unusable)),
    }
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
