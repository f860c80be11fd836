//! `runner data fetch`: a known set from the network into a folder.

use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli;
use crate::command::exit::Usage;
use crate::command::output::{Output, colour, print_result};
use crate::command::units;
use crate::data::catalog::{SETS, Set};
use crate::data::fetch::{Event, Options, fetch};
use crate::exit::ExitCode;
use crate::run_dir::space;

pub fn execute(args: cli::DataFetch) -> anyhow::Result<ExitCode> {
    let set = Set::find(&args.name).ok_or_else(|| unknown(&args.name))?;
    if let Some(mirror) = args.mirror.as_deref().filter(|mirror| !is_address(mirror)) {
        return Err(not_an_address(mirror, set).into());
    }
    let folder = args.to.unwrap_or_else(|| set.home());
    let mut reporter = Reporter::new(args.quiet);
    let options = Options {
        free: space::available(&folder),
        ..Options::default()
    };
    let mut observe = |event: Event| reporter.observe(&event);
    let result = fetch(set, &folder, args.mirror.as_deref(), &options, &mut observe);
    reporter.bar.finish_and_clear();
    let fetched = result?;
    let text = match args.quiet {
        true => format!("{}\n", folder.display()),
        false => told(set, &folder, fetched),
    };
    print_result(&text)?;
    Ok(ExitCode::Done)
}

fn unknown(name: &str) -> Usage {
    let names: Vec<&str> = SETS.iter().map(|set| set.name).collect();
    let typed = name.to_lowercase().replace(['_', ' '], "-");
    let distances = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, name), name));
    let meant = match distances.min() {
        Some((distance, name)) if distance <= 1 + name.len() / 4 => {
            format!("did you mean {name}? ")
        }
        _ => String::new(),
    };
    let known = names.join(", ");
    Usage(format!(
        "unknown set `{name}`\n{meant}known sets: {known}; `runner data list` shows more about them"
    ))
}

fn is_address(mirror: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| mirror.starts_with(scheme))
}

fn not_an_address(mirror: &str, set: &Set) -> Usage {
    let home = set.home();
    Usage(format!(
        "--mirror {mirror}: not a URL\n\
         it must start with http:// or https://; files on this machine can be copied into {}",
        home.display()
    ))
}

/// What there is now, and what to write into a config.
fn told(set: &Set, folder: &Path, fetched: usize) -> String {
    let [train, test] = set.images;
    let [channels, height, width] = set.shape;
    let done = match fetched {
        0 => "is already here, every file verified",
        _ => "is fetched, every file verified",
    };
    let folder = folder.display().to_string();
    let quoted = toml::Value::String(folder.clone());
    format!(
        "{name} {done}: {folder}\n\
         {description}: {train} images for training, {test} for testing, {classes} classes\n\
         licence: {licence}\n\
         cite: {source}\n\
         in a config:\n  data.path = {quoted}\n  model.input = [{channels}, {height}, {width}]\n",
        name = set.name,
        description = set.description,
        classes = set.classes,
        licence = set.licence,
        source = set.source,
    )
}

/// A bar in a terminal, a line a file elsewhere.
struct Reporter {
    output: Output,
    bar: ProgressBar,
}

impl Reporter {
    fn new(quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        let target = match shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = match colour() {
            true => {
                "{prefix} {wide_bar:.cyan/dim} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}, {eta} left"
            }
            false => {
                "{prefix} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}, {eta} left"
            }
        };
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        bar.set_style(style.progress_chars("━━─"));
        Self {
            output: Output { quiet },
            bar,
        }
    }

    fn observe(&mut self, event: &Event) {
        match event {
            Event::There { name } => self.note(&format!("{name}: already here")),
            Event::Bytes { name, bytes, of } => {
                self.bar.set_length(*of);
                if self.bar.prefix() != *name {
                    self.bar.set_prefix((*name).to_owned());
                    self.bar.reset();
                }
                self.bar.set_position(*bytes);
            }
            Event::Trouble { url, why } => self.note(&format!("{url}: {why}")),
            Event::Done { name, bytes } => {
                self.note(&format!("{name}: {}", units::bytes(*bytes)));
            }
        }
    }

    fn note(&self, line: &str) {
        self.bar.suspend(|| self.output.note(line));
    }
}
