//! `runner evaluate`: the scores of a run's network, on its own images again or on others.

use crate::cli;
use crate::data::some_of;
use crate::exit::ExitCode;
use crate::lifecycle::{Examination, Examined, Findings, examine, go_home};
use crate::run_dir::{EvaluationRecord, SplitScores, layout, resolve};
use crate::train::Interrupt;

use super::exit::{Usage, unwrapped};
use super::output::{Output, note, shown};
use super::predict::network;
use super::progress::scan_bar;
use super::units::thousands;

pub fn execute(args: cli::Evaluate) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: args.quiet };
    let interrupt = Interrupt::install()?;
    let overrides: Vec<String> = args.overrides.all().cloned().collect();
    let choice = args.of.checkpoint.unwrap_or_default();
    let folder = resolve(&args.of.run, &args.of.out.out)?;
    if let Some(to) = args.to.as_ref().filter(|to| to.exists()) {
        let why = format!(
            "{}: it exists already\nname a new folder with --to",
            to.display()
        );
        return Err(Usage(why).into());
    }
    let out = match &args.to {
        Some(out) => Some(std::path::absolute(out)?),
        None => None,
    };
    let ([folder], overrides) = go_home([folder], overrides);
    let (reading, evaluating) = (scan_bar("reading images"), scan_bar("evaluating"));
    let asked = Examination {
        folder: &folder,
        overrides: &overrides,
        choice: &choice,
        threads: args.of.threads.threads,
        out: out.as_deref(),
    };
    let examined = examine(
        asked,
        &interrupt,
        &|done, all| reading.at(done, all),
        &|done, all| evaluating.at(done, all),
    );
    match examined.map_err(unwrapped)? {
        Examined::Done(findings) => {
            show(&findings, output);
            Ok(ExitCode::Done)
        }
        Examined::Stopped(stop) => {
            note(&format!("stopped by {}; nothing was written", stop.name()));
            Ok(stop.exit_code())
        }
    }
}

fn show(findings: &Findings, output: Output) {
    let Findings {
        trained,
        folder,
        record,
        reports,
        warnings,
    } = findings;
    output.note(&network(&trained.run, &trained.weights));
    for warning in warnings.iter().chain(&of_classes(record)) {
        note(&format!("warning: {warning}"));
    }
    let of_splits = [Some(&record.eval), record.test.as_ref()];
    for ((role, report), scores) in reports.iter().zip(of_splits.into_iter().flatten()) {
        let whose = match record.own_data {
            true => format!("the run's own {} images", role.title()),
            false => "labelled images".to_owned(),
        };
        output.result(&format!(
            "{whose} ({}): {}\n\n{report}",
            thousands(scores.images as f64),
            in_words(scores)
        ));
    }
    output.result(&format!("results: {}", shown(folder)));
    output.only_when_quiet(&folder.display().to_string());
}

/// The scores that people look at first.
fn in_words(scores: &SplitScores) -> String {
    let named = |name: &str| scores.scores.get(name).copied().unwrap_or(f64::NAN);
    format!(
        "loss {:.4}, accuracy {:.4}",
        named("loss"),
        named("accuracy")
    )
}

/// What is to be said of classes that only the run or only the images have.
fn of_classes(record: &EvaluationRecord) -> Vec<String> {
    let mut warnings = Vec::new();
    if !record.unknown_classes.is_empty() {
        let images: usize = record.unknown_classes.values().sum();
        let names: Vec<String> = record.unknown_classes.keys().cloned().collect();
        warnings.push(format!(
            "{} images are left out, since the run has no class of theirs: {}",
            thousands(images as f64),
            some_of(&names)
        ));
    }
    if !record.missing_classes.is_empty() {
        warnings.push(format!(
            "there are no images of {}; one that is predicted all the same counts as 0 in the macro averages of {}, as in scikit-learn",
            some_of(&record.missing_classes),
            layout::REPORT
        ));
    }
    warnings
}
