//! `runner data inspect`: what is in a data set.

use std::fmt::Write;
use std::path::Path;

use crate::cli;
use crate::command::data::reading::reading_of;
use crate::command::exit::Usage;
use crate::command::experiment::{checked, read};
use crate::command::output::{Output, print_result, reading};
use crate::command::progress::scan_bar;
use crate::command::units::thousands;
use crate::config::{Document, Experiment};
use crate::data::{Report, SplitReport, Splits, contact_sheet, inspect, inspect_run};
use crate::exit::ExitCode;
use crate::lifecycle::DataError;
use crate::table::{Cell, Column, Table};

/// How many items are listed one by one; `--json` has them all.
const MOST: usize = 20;

/// How many sizes are listed in the line of a split.
const MOST_SIZES: usize = 10;

pub fn execute(args: cli::DataInspect) -> anyhow::Result<ExitCode> {
    let is_experiment = args.path.extension().is_some_and(|it| it == "toml");
    let bar = scan_bar("reading images");
    let watch = |done, all| bar.at(done, all);
    let name = args.path.display();
    let (report, title) = if is_experiment {
        let document = read(&args.path, &args.overrides)?;
        let experiment = checked(&document)?;
        if let Some(sheet) = &args.augmented {
            return draw(&document, &experiment, sheet);
        }
        let (data, input) = (&experiment.data, experiment.model.input);
        let report = inspect_run(data, input, experiment.classes(), &watch)
            .map_err(|error| DataError::new(&document, error))?;
        (
            report,
            format!("{name}: the images as a run would use them"),
        )
    } else if args.augmented.is_some() {
        let message = format!(
            "--augmented shows what an experiment does to its images, but {name} is not an experiment file\n\
             name one: runner data inspect configs/baseline.toml --augmented grid.png"
        );
        return Err(Usage(message).into());
    } else {
        let reading = reading_of(&args.path, &args.overrides.all().collect::<Vec<_>>())?;
        let report = inspect(&args.path, args.format, &reading, &watch)?;
        let title = format!("{name}: {}", report.format);
        (report, title)
    };
    print_result(&match args.json {
        true => format!("{}\n", serde_json::to_string_pretty(&report)?),
        false => render(&report, &title)?,
    })?;
    Ok(ExitCode::Done)
}

/// Draws the contact sheet of an experiment.
fn draw(document: &Document, experiment: &Experiment, sheet: &Path) -> anyhow::Result<ExitCode> {
    if sheet.extension().is_none_or(|extension| extension != "png") {
        let message = format!(
            "{}: the sheet is a PNG file, its name must end in .png",
            sheet.display()
        );
        return Err(Usage(message).into());
    }
    let (data, input) = (&experiment.data, experiment.model.input);
    let bar = scan_bar("reading images");
    let classes = experiment.classes();
    let splits = Splits::load(data, input, classes, &|done, all| bar.at(done, all))
        .map_err(|error| DataError::new(document, error))?;
    contact_sheet(&splits, data, input, experiment.seed, sheet)?;
    Output { quiet: false }.note(&format!(
        "{}: one row per image: unchanged, then as in epochs 1 to 7",
        sheet.display()
    ));
    Ok(ExitCode::Done)
}

fn render(report: &Report, title: &str) -> anyhow::Result<String> {
    let mut text = format!("{title}\n");
    for split in &report.splits {
        write_split(&mut text, split)?;
    }
    let _ = write!(text, "\n{}", classes(&report.splits).render(reading()));
    if !report.duplicates.is_empty() {
        let count = report.duplicates.len();
        let _ = writeln!(
            text,
            "\n{} present more than once, with identical pixels:",
            match count {
                1 => "1 image is".to_owned(),
                count => format!("{} images are", thousands(count as f64)),
            }
        );
        for places in report.duplicates.iter().take(MOST) {
            let _ = writeln!(text, "  {}", places.join(" = "));
        }
        more(&mut text, count);
    }
    if !report.refusals.is_empty() {
        let _ = writeln!(text, "\na run cannot start with these images:");
        for refusal in &report.refusals {
            let _ = writeln!(text, "  {refusal}");
        }
    }
    Ok(text)
}

fn write_split(text: &mut String, split: &SplitReport) -> anyhow::Result<()> {
    writeln!(
        text,
        "\n{}: {} images in {} classes, {}",
        split.split,
        thousands(split.images as f64),
        split.classes.len(),
        match (split.grey, split.color) {
            (_, 0) => "grey".to_owned(),
            (0, _) => "in colour".to_owned(),
            (grey, color) => format!("{grey} grey and {color} in colour"),
        }
    )?;
    let sizes: Vec<String> = split
        .sizes
        .iter()
        .take(MOST_SIZES)
        .map(|(height, width, count)| format!("{height}x{width} ({})", thousands(*count as f64)))
        .collect();
    let others = match split.sizes.len().saturating_sub(MOST_SIZES) {
        0 => String::new(),
        others => format!(" and {others} more sizes; --json has them all"),
    };
    writeln!(text, "  height x width  {}{others}", sizes.join(", "))?;
    let numbers = |values: &[f64]| {
        let values: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
        values.join(", ")
    };
    writeln!(text, "  mean of pixels  {}", numbers(&split.mean))?;
    writeln!(text, "  std of pixels   {}", numbers(&split.std))?;
    if let Some(peak) = split.peak_16_bit {
        writeln!(text, "  16-bit peak     {peak} of 65535")?;
    }
    for note in &split.notes {
        writeln!(text, "  note: {note}")?;
    }
    for warning in &split.warnings {
        writeln!(text, "  warning: {warning}")?;
    }
    if !split.broken.is_empty() {
        let count = split.broken.len();
        let files = if count == 1 { "file" } else { "files" };
        writeln!(text, "  {count} {files} cannot be used:")?;
        for (path, reason) in split.broken.iter().take(MOST) {
            writeln!(text, "    {path}: {reason}")?;
        }
        more(text, count);
    }
    Ok(())
}

fn more(text: &mut String, count: usize) {
    if count > MOST {
        let _ = writeln!(text, "  and {} more; --json has them all", count - MOST);
    }
}

/// A row for each class, with its number of images in each split.
fn classes(splits: &[SplitReport]) -> Table {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in splits.iter().flat_map(|split| &split.classes) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let count = |split: &SplitReport, name: &str| {
        let found = split.classes.iter().find(|(class, _)| class == name);
        Cell::Count(found.map_or(0, |(_, count)| *count as u64))
    };
    let rows = names.iter().map(|name| {
        let mut row = vec![Cell::Text((*name).to_owned())];
        row.extend(splits.iter().map(|split| count(split, name)));
        row
    });
    let mut columns = vec![Column::new("class")];
    columns.extend(splits.iter().map(|split| Column::numbers(split.split)));
    Table {
        columns,
        rows: rows.collect(),
    }
}
