//! `runner config`: an experiment in full, the origin of its values, the language's schema, a template.

use std::fmt::Write;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::cli;
use crate::config::{
    Document, Explanation, Fallback, KeyInfo, OnResume, find_key, key_path, schema, template,
};
use crate::exit::ExitCode;
use crate::table::{Cell, Column, Style, Table};

use super::exit::Usage;
use super::experiment::{checked, document, read};
use super::keys;
use super::output::{print_result, terminal_width};
use super::starter::starter;

pub fn execute(args: cli::Config) -> anyhow::Result<ExitCode> {
    let text = match args {
        cli::Config::Show(args) => show(&args)?,
        cli::Config::Explain(args) => explain(&args)?,
        cli::Config::Schema => format!("{:#}\n", schema()),
        cli::Config::New(args) => match &args.path {
            Some(path) => create(path, &args)?,
            None => {
                let schema = schema_line(SCHEMAS[0]);
                new(&args, "configs/my-experiment.toml", Some(&schema))?
            }
        },
    };
    print_result(&text)?;
    Ok(ExitCode::Done)
}

fn show(args: &cli::ConfigShow) -> anyhow::Result<String> {
    let document = document(&args.experiment)?;
    let experiment = checked(&document)?;
    Ok(if args.origins {
        document.annotated(&experiment)
    } else {
        experiment.to_toml()
    })
}

fn explain(args: &cli::ConfigExplain) -> anyhow::Result<String> {
    let Some(path) = &args.key else {
        return Ok(keys::list());
    };
    let Some(config) = &args.config else {
        if Path::new(path).is_file() {
            let message = format!(
                "{path} is a file; name a key before it\n\
                 try: runner config explain training.epochs {path}, or runner config show --origins {path} for all keys"
            );
            return Err(Usage(message).into());
        }
        let path = key_path(path);
        let key = find_key(&path)?;
        return Ok(format!("{path}\n\n{}", about(key)));
    };
    if !config.exists() && Path::new(path).is_file() {
        let (key, file) = (config.display(), path);
        let message = format!("the key comes first\ntry: runner config explain {key} {file}");
        return Err(Usage(message).into());
    }
    let document = read(config, &args.overrides)?;
    let experiment = checked(&document)?;
    Ok(tell(&document.explain(&key_path(path), &experiment)?))
}

fn tell(explanation: &Explanation) -> String {
    let Explanation { path, key, .. } = explanation;
    let mut text = String::new();
    match explanation.values.as_slice() {
        [] => {
            let _ = write!(text, "{path} is not set\n\n");
        }
        [value] if value.path == *path => {
            let _ = write!(text, "{path} = {}\n\n", value.value);
            line(&mut text, "from", &value.origin.to_string());
            for (typed, place) in &value.instead_of {
                line(&mut text, "instead of", &format!("{typed}, {place}"));
            }
        }
        values => {
            let rows = values.iter().map(|value| {
                [&value.path, &value.value, &value.origin.place()]
                    .map(|cell| Cell::Text(cell.clone()))
                    .to_vec()
            });
            let table = Table {
                columns: ["key", "value", "from"].map(Column::new).to_vec(),
                rows: rows.collect(),
            };
            text += &table.render(Style::Reading { width: None });
            text.push('\n');
        }
    }
    if let Some((place, typed)) = &explanation.removed {
        line(&mut text, "removed", &format!("{typed}, by {place}"));
    }
    text + &about(key)
}

/// What is true of a key in every experiment.
fn about(key: &KeyInfo) -> String {
    let mut text = String::new();
    line(&mut text, "meaning", key.meaning);
    line(&mut text, "takes", &key.kind.to_string());
    if !key.unit.is_empty() {
        line(&mut text, "unit", key.unit);
    }
    let names: Vec<&str> = key.keys().iter().map(|key| key.name).collect();
    if !names.is_empty() {
        line(&mut text, "inside", &names.join(", "));
    }
    line(
        &mut text,
        "default",
        match key.default {
            Fallback::Required => "none (required)",
            Fallback::Value(value) => value,
            Fallback::Derived { words, .. } => words,
            Fallback::Nothing => "none (optional)",
        },
    );
    if names.is_empty() {
        line(
            &mut text,
            "on resume",
            match key.on_resume {
                OnResume::Fixed => "cannot change: a different value makes a different run",
                OnResume::Free => "can change: it does not affect results",
                OnResume::Upward => "can increase: the run then continues for longer",
                OnResume::SameData => {
                    "can change if the data have moved: every checksum is compared"
                }
            },
        );
    }
    text
}

fn line(text: &mut String, what: &str, words: &str) {
    let start = format!("  {what:<12}");
    let indent = " ".repeat(start.len());
    let told = match terminal_width() {
        Some(width) => {
            let options = textwrap::Options::new(width.max(40))
                .initial_indent(&start)
                .subsequent_indent(&indent)
                .word_splitter(textwrap::WordSplitter::NoHyphenation);
            textwrap::fill(words, options)
        }
        None => start + words,
    };
    let _ = writeln!(text, "{told}");
}

/// Where the schema may be, seen from an experiment file.
const SCHEMAS: [&str; 2] = [
    "../schema/experiment.schema.json",
    "schema/experiment.schema.json",
];

/// The line that tells editors where the schema is.
fn schema_line(schema: &str) -> String {
    format!("#:schema {schema}")
}

/// The text of a file that `shown` names in commands; it is one that can be run.
fn new(args: &cli::ConfigNew, shown: &str, schema: Option<&str>) -> anyhow::Result<String> {
    if args.all {
        return Ok(template(shown, schema));
    }
    let starter = starter(args, shown.to_owned(), schema.map(str::to_owned))?;
    let text = starter.text();
    Document::parse(shown, text.clone(), "new").experiment()?;
    Ok(text)
}

/// Writes a file that is not there yet.
fn create(path: &Path, args: &cli::ConfigNew) -> anyhow::Result<String> {
    let refuse = |error: std::io::Error| {
        Usage(format!(
            "cannot write {}: {error}\nname a file that does not exist yet, in a folder that does",
            path.display()
        ))
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let schema = SCHEMAS.iter().find(|schema| folder.join(schema).is_file());
    let schema = schema.map(|schema| schema_line(schema));
    let shown = match path.display().to_string() {
        path if path.contains(char::is_whitespace) => format!("'{path}'"),
        path => path,
    };
    let text = new(args, &shown, schema.as_deref())?;
    let mut file = File::create_new(path).map_err(refuse)?;
    file.write_all(text.as_bytes()).map_err(refuse)?;
    Ok(format!(
        "wrote {shown}\nNext: runner check {shown}\n      runner run {shown}\n"
    ))
}
