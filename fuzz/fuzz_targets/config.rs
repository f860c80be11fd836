//! The experiment language on any text: it answers with an experiment that reads back as itself, or
//! with an account of what is wrong, and never panics.

#![no_main]

mod change;

use std::ffi::OsString;

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target, fuzzer_mutate};
use runner_config::{Document, Error, Experiment, Problems, RenderOptions};

/// Where the text is said to be; there is a base.toml beside it to extend.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/fuzz.toml");

// The file, then overrides and variables with a zero byte before each, which no argument can hold.
fuzz_target!(|input: &[u8]| -> Corpus {
    let input = String::from_utf8_lossy(input);
    let mut parts = input.split('\0');
    let text = parts.next().unwrap_or_default();
    // Else any file of the machine could be read, /dev/zero for one.
    let has_slash = ["/", "2f", "2F"].iter().any(|slash| text.contains(slash));
    if text.contains("extends") && has_slash {
        return Corpus::Reject;
    }
    let (variables, overrides): (Vec<&str>, Vec<&str>) =
        parts.partition(|part| part.starts_with("RUNNER__"));
    // Layout takes most of the time: one look for one input, and both come up often.
    let is_coloured = input.len() % 2 == 1;
    match read(text, &variables, &overrides) {
        Ok((document, experiment, warnings)) => {
            check_experiment(&document, &experiment);
            if !warnings.is_empty() {
                check_account(&warnings, "warning: ", is_coloured);
            }
        }
        Err(Error::Invalid(problems)) => check_account(&problems, "error: ", is_coloured),
        Err(error) => panic!("no file was to be read: {error}"),
    }
    Corpus::Keep
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut draw = change::Draw::new(seed);
    if draw.below(2) == 0
        && let Ok(input) = std::str::from_utf8(&data[..size])
    {
        let changed = draw.change(input);
        if changed.len() <= max_size {
            data[..changed.len()].copy_from_slice(changed.as_bytes());
            return changed.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
});

fn read(
    text: &str,
    variables: &[&str],
    overrides: &[&str],
) -> Result<(Document, Experiment, Problems), Error> {
    let mut document = Document::parse(PATH, text.to_owned(), "fuzz");
    let variables = variables.iter().map(|variable| {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        (OsString::from(name), OsString::from(value))
    });
    document.set_environment(variables);
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    document.set_all(&overrides);
    let (experiment, warnings) = document.check()?;
    Ok((document, experiment, warnings))
}

fn check_experiment(document: &Document, experiment: &Experiment) {
    let resolved = experiment.to_toml();
    let flat = experiment.flatten();
    for text in [resolved.clone(), document.annotated(experiment)] {
        let again = Document::parse("again.toml", text.clone(), "again").experiment();
        let again = again.unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(&again, experiment, "{text}");
        // Equal numbers may still differ in the sign of a zero.
        assert_eq!(again.to_toml(), resolved);
        assert_eq!(again.flatten(), flat);
        assert_eq!(again.digest(), experiment.digest());
    }
    let values = flat.iter().map(|(path, value)| format!("{path}={value}"));
    let values: Vec<String> = values.collect();
    let mut typed = Document::parse("again.toml", resolved, "again");
    typed.set_all(&values);
    let set = typed.experiment();
    let set = set.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(&set, experiment);
    for path in ["training", "model.layers", &flat[flat.len() / 2].0] {
        let explained = document.explain(path, experiment);
        let explained = explained.unwrap_or_else(|error| panic!("{error}"));
        assert!(!explained.values.is_empty(), "{path}");
    }
    for layer in experiment.trace() {
        assert!(layer.cost().output_bytes > 0);
    }
    assert!(experiment.classes() >= 2);
    experiment.step_bytes();
}

/// What is wrong is told in plain text that cannot do anything to a terminal, or with colours.
fn check_account(problems: &Problems, start: &str, is_coloured: bool) {
    if is_coloured {
        let told = problems.render(RenderOptions {
            colour: true,
            width: Some(80),
        });
        assert!(told.contains('\u{1b}'), "{told:?}");
    } else {
        let told = problems.render(RenderOptions::default());
        assert!(told.starts_with(start), "{told:?}");
        let controls = |c: char| c.is_control() && c != '\n';
        assert!(!told.contains(controls), "{told:?}");
    }
}
