//! The tables in docs/ say what the program says (`UPDATE_EXPECTED=1` writes them anew); links lead
//! somewhere, and commands that run tests find some.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use runner::config::{
    DOMAINS, Document, Fallback, KeyInfo, Kind, LANGUAGE, LAYER_KEYS, OnResume, SWEEP_LANGUAGE,
    SweepFile, schema, sweep_schema,
};
use runner::exit::ExitCode;
use runner::metrics::COLUMNS;
use runner::sweep::plan::Plan;

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
fn the_docs_have_every_key_of_sweeps() {
    let mut table =
        String::from("| key | takes | default | what it is |\n| --- | --- | --- | --- |\n");
    for (path, key) in SWEEP_LANGUAGE.walk() {
        let is_table = matches!(key.kind, Kind::Table(_) | Kind::Choice(_));
        if !is_table {
            let (kind, default, meaning) = (&key.kind, default(key), key.meaning);
            writeln!(table, "| `{path}` | {kind} | {default} | {meaning} |").unwrap();
        }
    }
    check("docs/sweeps.md", "keys", &table);
    let mut table = String::from("| values | what they are |\n| --- | --- |\n");
    for domain in DOMAINS {
        writeln!(table, "| `{}` | {} |", domain.name, domain.meaning).unwrap();
    }
    check("docs/sweeps.md", "domains", &table);
}

#[test]
fn the_schemas_are_the_languages() {
    the_schema_is("experiment", &schema());
    the_schema_is("sweep", &sweep_schema());
}

fn the_schema_is(name: &str, schema: &serde_json::Value) {
    let path = project().join(format!("schema/{name}.schema.json"));
    let expected = format!("{schema:#}\n");
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
    for code in ExitCode::ALL {
        writeln!(table, "| {} | {} |", code.number(), code.meaning()).unwrap();
    }
    check("docs/commands.md", "exit-codes", &table);
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

#[test]
fn every_sweep_is_headed_by_question_command_and_expectation() {
    for entry in fs::read_dir(project().join("sweeps")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        for (line, start) in text.lines().zip([
            "#:schema ../schema/sweep.schema.json",
            "# Question:",
            &format!("# Command:  runner sweep run sweeps/{name}.toml"),
            "# Time:",
            "# Expect:",
        ]) {
            assert!(line.starts_with(start), "{}: {line}", path.display());
        }
        let (plan, _) = Plan::new(&SweepFile::read(&path).unwrap(), |_| {}).unwrap();
        assert!(plan.trials.len() > 1, "{name}");
    }
}

/// Red with `docs/langauge.md`, and with `docs/performance.md#sped`, in the README.
#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        for target in links(&text) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let goal = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap().join(file)
            };
            let place = format!("{}: {target}", path.display());
            assert!(goal.exists(), "{place}: there is no such file");
            if !anchor.is_empty() {
                let anchors = anchors(&fs::read_to_string(&goal).unwrap());
                assert!(anchors.contains(anchor), "{place}: one of {anchors:?}?");
            }
        }
    }
}

/// Red with `soak_of_five` in docs/reproducibility.md.
#[test]
fn every_command_that_tests_something_finds_tests() {
    let output = Command::new(std::env::current_exe().unwrap())
        .arg("--list")
        .output()
        .unwrap();
    let tests = String::from_utf8(output.stdout).unwrap();
    let mut count = 0;
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        for part in text.split("`cargo test --release ").skip(1) {
            let filter = part.split(['`', ' ']).next().unwrap();
            if filter == "NAME" {
                continue;
            }
            let is_there = tests.lines().any(|line| line.contains(filter));
            assert!(is_there, "{}: no test is named {filter}", path.display());
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn the_readme_asks_for_the_rust_that_cargo_asks_for() {
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(readme.contains(&format!("Rust {version} or newer")));
}

#[test]
fn the_readme_counts_the_broken_configs() {
    let files = fs::read_dir(project().join("tests/configs/broken")).unwrap();
    let count = files
        .filter(|file| file.as_ref().unwrap().path().extension() == Some("expected".as_ref()))
        .count();
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    assert!(readme.contains(&format!("it has to give | {count} |")));
}

/// The project's pages: those in its root and in the folders that have some.
fn pages() -> Vec<PathBuf> {
    let folders = [
        ".",
        "benches/results",
        "data",
        "docs",
        "experiments",
        "findings",
        "fuzz",
        "tests/fixtures",
    ];
    let mut pages = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(project().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The lines of a page that are text, not code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        !is_fence && !is_fenced && !line.starts_with("    ")
    })
}

/// Where the links and pictures of a page lead: `](target)`.
fn links(text: &str) -> Vec<String> {
    let text: String = prose(text).map(|line| format!("{line}\n")).collect();
    text.split("](")
        .skip(1)
        .map(|rest| rest.split_once(')').unwrap().0.to_owned())
        .collect()
}

/// The anchors of a page's headings, by GitHub's rule: small letters, spaces as hyphens, other
/// punctuation left out, and a number after the same again.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut times = BTreeMap::<String, u32>::new();
    let mut anchors = BTreeSet::new();
    for line in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let anchor: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let before = times.entry(anchor.clone()).or_default();
        anchors.insert(match *before {
            0 => anchor,
            number => format!("{anchor}-{number}"),
        });
        *before += 1;
    }
    anchors
}

fn row(table: &mut String, name: &str, key: &KeyInfo) {
    let on_resume = match key.on_resume {
        OnResume::Fixed => "fixed",
        OnResume::Free => "free",
        OnResume::Upward => "may grow",
        OnResume::SameData => "same data",
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
