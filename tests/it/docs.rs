//! The tables of the README and of docs/ say what the program says. `UPDATE_EXPECTED=1` writes them anew.

use std::fmt::Write;
use std::fs;
use std::sync::Mutex;

use runner::command::EXIT_CODES;
use runner::config::{Document, Fallback, KeyInfo, Kind, LANGUAGE, LAYER_KEYS, OnResume, schema};
use runner::metrics::COLUMNS;

use crate::support::project;

#[test]
fn the_docs_have_every_key_of_the_language() {
    let mut table = String::from(
        "| key | takes | default | what it is | on resume |\n| --- | --- | --- | --- | --- |\n",
    );
    for (path, key) in LANGUAGE.walk() {
        // A table stands for its keys, which come in rows of their own, unless it may be left out.
        let is_table = matches!(key.kind, Kind::Table(_) | Kind::Choice(_));
        if !is_table || key.default == Fallback::Nothing {
            row(&mut table, &path, key);
        }
    }
    check("docs/language.md", "keys", &table);
}

#[test]
fn the_docs_have_every_layer_and_its_options() {
    let mut table = String::from(
        "| layer | option | takes | default | what it is |\n| --- | --- | --- | --- | --- |\n",
    );
    for layer in LAYER_KEYS {
        let name = layer.name;
        writeln!(table, "| `{name}` | | | | {} |", layer.meaning).unwrap();
        for key in layer.keys() {
            writeln!(
                table,
                "| `{name}` | `{}` | {} | {} | {} |",
                key.name,
                key.kind,
                default(key),
                key.meaning
            )
            .unwrap();
        }
    }
    check("docs/language.md", "layers", &table);
}

#[test]
fn the_docs_have_every_score() {
    let mut table = String::from("| column | what it is |\n| --- | --- |\n");
    for column in COLUMNS.iter().filter(|column| !column.meaning.is_empty()) {
        writeln!(table, "| `{}` | {} |", column.name, column.meaning).unwrap();
    }
    check("docs/language.md", "scores", &table);
}

#[test]
fn the_schema_is_the_language() {
    let path = project().join("schema/experiment.schema.json");
    let expected = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    } else {
        let committed = fs::read_to_string(&path).unwrap();
        let is_true = committed == expected;
        assert!(is_true, "run the tests with UPDATE_EXPECTED=1");
    }
}

#[test]
fn the_text_has_every_exit_code() {
    let mut table = String::from("| code | meaning |\n| --- | --- |\n");
    for (code, meaning) in EXIT_CODES {
        writeln!(table, "| {code} | {meaning} |").unwrap();
    }
    check("README.md", "exit-codes", &table);
}

#[test]
fn every_config_is_headed_by_question_command_and_expectation() {
    for entry in fs::read_dir(project().join("configs")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for (line, start) in text.lines().zip([
            "#:schema ../schema/experiment.schema.json",
            "# Question:",
            "# Command:",
            "# Time:",
            "# Expect:",
        ]) {
            assert!(line.starts_with(start), "{}: {line}", path.display());
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            text.contains(&format!("runner run configs/{name}.toml")),
            "{name}"
        );
        let experiment = Document::read(&path).unwrap().experiment().unwrap();
        assert_eq!(experiment.name, name);
    }
}

fn row(table: &mut String, name: &str, key: &KeyInfo) {
    let on_resume = match key.on_resume {
        OnResume::Fixed => "fixed",
        OnResume::Free => "free",
        OnResume::Upward => "may grow",
    };
    writeln!(
        table,
        "| `{name}` | {} | {} | {} | {on_resume} |",
        key.kind,
        default(key),
        key.meaning
    )
    .unwrap();
}

fn default(key: &KeyInfo) -> String {
    match key.default {
        Fallback::Required => "required".to_owned(),
        Fallback::Value(default) => format!("`{default}`"),
        Fallback::Derived { words, .. } => words.to_owned(),
        Fallback::Nothing => String::new(),
    }
}

/// Compares the part of a file between `<!-- name -->` and `<!-- /name -->`.
fn check(file: &str, name: &str, expected: &str) {
    // The tests of a binary run at the same time, and each may write to the file.
    static FILE: Mutex<()> = Mutex::new(());
    let _guard = FILE.lock();
    let path = project().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let from = text.find(&start).expect(&start) + start.len();
    let to = text.find(&end).expect(&end);
    let expected = format!("\n{expected}\n");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, format!("{}{expected}{}", &text[..from], &text[to..])).unwrap();
    } else {
        let is_true = text[from..to] == *expected;
        assert!(is_true, "{name}: run the tests with UPDATE_EXPECTED=1");
    }
}
