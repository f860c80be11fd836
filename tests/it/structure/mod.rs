//! The layers of ARCHITECTURE.md are those of the sources, no files import each other in a circle,
//! and functions are short.

mod source;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::project;
use source::crates;

type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn imports_go_the_ways_that_the_architecture_says() {
    let listed = listed_imports();
    let mut faults = BTreeSet::new();
    let mut found = Graph::new();
    for krate in crates() {
        for file in krate.files.values() {
            let Some(importer) = krate.top_level(&file.module) else {
                continue;
            };
            for path in file.paths(&krate) {
                let Some(imported) = krate.imported_top_level(file, &path) else {
                    continue;
                };
                if imported == importer {
                    continue;
                }
                let allowed = listed.get(&importer);
                if !allowed.is_some_and(|allowed| allowed.contains(&imported)) {
                    let (name, line) = (&file.name, path.line);
                    faults.insert(format!(
                        "{name}:{line}: {importer} -> {imported} is not in the list"
                    ));
                }
                found.entry(importer.clone()).or_default().insert(imported);
            }
        }
    }
    for (importer, imported) in &listed {
        for unused in imported.difference(found.entry(importer.clone()).or_default()) {
            faults.insert(format!(
                "ARCHITECTURE.md: {importer} -> {unused} is not in the sources"
            ));
        }
    }
    faults.extend(circles(&listed));
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut graph = Graph::new();
    for krate in crates() {
        for file in krate.files.values() {
            for path in file.paths(&krate) {
                // A re-export is a name for those outside; `mod.rs` itself does not need the item.
                if let Some(imported) = krate.defining_file(&file.module, &path.segments)
                    && imported.name != file.name
                    && !path.is_reexport
                {
                    graph
                        .entry(file.name.clone())
                        .or_default()
                        .insert(imported.name.clone());
                }
            }
        }
    }
    assert!(graph.len() > 100, "{}", graph.len());
    let circles = circles(&graph);
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn no_function_is_longer_than_80_lines() {
    let mut faults = BTreeSet::new();
    let mut count = 0;
    for krate in crates() {
        for file in krate.files.values() {
            let lines: Vec<&str> = file.code.lines().map(str::trim_end).collect();
            for (start, line) in lines.iter().enumerate() {
                let Some(name) = function_name(line) else {
                    continue;
                };
                // rustfmt: what closes a function is indented as what opens it.
                let indentation = |line: &str| line.len() - line.trim_start().len();
                let length = lines[start..].iter().position(|end| {
                    indentation(end) == indentation(line) && end.ends_with(['}', ';'])
                });
                let place = format!("{}:{}", file.name, start + 1);
                let length = 1 + length.unwrap_or_else(|| panic!("{place}: run rustfmt"));
                if length > 80 {
                    faults.insert(format!("{place}: {name} has {length} lines"));
                }
                count += 1;
            }
        }
    }
    assert!(count > 1000, "{count}");
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Red where the map has the old name of a file that was renamed.
#[test]
fn the_map_names_files_that_exist() {
    let text = fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    let krates = crates();
    let files: Vec<&str> = krates
        .iter()
        .flat_map(|krate| krate.files.values())
        .map(|file| file.name.as_str())
        .collect();
    let named = text.split('`').filter(|word| word.ends_with(".rs"));
    let is_elsewhere = |name: &&str| name.starts_with("tests/");
    let mut count = 0;
    for name in named.filter(|name| !is_elsewhere(name)) {
        let ending = format!("/{}", name.trim_start_matches(".../"));
        let is_there = |file: &&str| file == &name || file.ends_with(&ending);
        assert!(files.iter().any(is_there), "ARCHITECTURE.md: {name}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}

/// The name of the function that a line begins, if it begins one.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let mut words = before.split_whitespace();
    let is_function = words.all(|word| {
        word.starts_with("pub") || matches!(word, "const" | "async" | "unsafe" | "extern")
    });
    is_function.then(|| after.split(['(', '<']).next().unwrap())
}

/// The list between the marks in ARCHITECTURE.md: `train -> config data ...`.
fn listed_imports() -> Graph {
    let text = fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    let (_, rest) = text.split_once("<!-- imports -->").unwrap();
    let (list, _) = rest.split_once("<!-- /imports -->").unwrap();
    let lines = list.lines().filter_map(|line| line.split_once(" -> "));
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    lines
        .map(|(importer, imported)| (importer.trim().to_owned(), words(imported)))
        .collect()
}

/// The groups whose members all lead to each other.
fn circles(graph: &Graph) -> BTreeSet<String> {
    let all: BTreeMap<&String, BTreeSet<&String>> = graph
        .keys()
        .map(|node| (node, reached(graph, node)))
        .collect();
    let mut circles = BTreeSet::new();
    for (node, reached) in &all {
        let leads_back = |other: &&String| all.get(other).is_some_and(|back| back.contains(node));
        let members: Vec<&str> = reached
            .iter()
            .copied()
            .filter(leads_back)
            .map(String::as_str)
            .collect();
        if !members.is_empty() {
            circles.insert(format!("a circle: {}", members.join(", ")));
        }
    }
    circles
}

fn reached<'a>(graph: &'a Graph, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        let next = graph.get(node).into_iter().flatten();
        open.extend(next.filter(|next| reached.insert(*next)));
    }
    reached
}
