//! The house itself: who may import whom, no circles, no function longer than a screen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::project;

/// No function is longer, as rustfmt lays it out.
const LONGEST: usize = 80;

/// A source file of the program or of one of its crates.
struct SourceFile {
    /// Relative to the project.
    path: PathBuf,
    /// Its crate's name without `runner-`; empty for the main one.
    package: String,
    /// Its module path within the crate: `train`, `fit`.
    module: Vec<String>,
    /// Without comments, strings and unit tests.
    code: String,
}

/// All source files, in the order of their paths.
fn sources() -> Vec<SourceFile> {
    let mut found = Vec::new();
    collect(&project().join("src"), "", &mut found);
    for member in fs::read_dir(project().join("crates")).unwrap() {
        let member = member.unwrap().path();
        let package = member.file_name().unwrap().to_str().unwrap().to_owned();
        collect(&member.join("src"), &package, &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 150, "the sources are where they were");
    found
}

fn collect(root: &Path, package: &str, found: &mut Vec<SourceFile>) {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let inside = path.strip_prefix(root).unwrap().with_extension("");
                let mut module: Vec<String> = inside
                    .iter()
                    .map(|part| part.to_str().unwrap().to_owned())
                    .collect();
                if matches!(module.last().unwrap().as_str(), "mod" | "lib" | "main") {
                    module.pop();
                }
                found.push(SourceFile {
                    path: path.strip_prefix(project()).unwrap().to_owned(),
                    package: package.to_owned(),
                    module,
                    code: code_of(&text),
                });
            }
        }
    }
}

/// A text without comments, what is in quotes, and its unit tests.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let mut code = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap();
        for (index, part) in line.split('"').enumerate() {
            if index % 2 == 0 {
                code.push_str(part);
            }
        }
        code.push('\n');
    }
    code
}

/// The paths that a file's code begins with `crate::`, `super::` or a crate's name, each as module paths from
/// the root of its crate, the crate's name first.
fn imports(file: &SourceFile) -> BTreeSet<(String, Vec<String>)> {
    let mut found = BTreeSet::new();
    let is_mod = file.path.ends_with("mod.rs") || file.path.ends_with("lib.rs");
    let parent = match is_mod {
        true => &file.module[..],
        false => &file.module[..file.module.len().saturating_sub(1)],
    };
    let mut take = |package: &str, base: &[String], rest: &str| {
        for path in branches(rest) {
            let mut module = base.to_vec();
            module.extend(path);
            found.insert((package.to_owned(), module));
        }
    };
    let code = file.code.replace('\n', " ");
    for (start, _) in code.match_indices("crate::") {
        let is_word = code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if !is_word && !code[..start].ends_with("pub(in ") {
            take(&file.package, &[], &code[start + "crate::".len()..]);
        }
    }
    for (start, _) in code.match_indices("super::") {
        let above = match is_mod {
            true => &parent[..parent.len().saturating_sub(1)],
            false => parent,
        };
        let rest = &code[start + "super::".len()..];
        if !code[..start].ends_with("super::") && !rest.starts_with("super::") {
            take(&file.package, above, rest);
        }
    }
    for (start, _) in code.match_indices("runner_") {
        if code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[start + "runner_".len()..];
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        take(&rest[..end], &[], rest[end..].trim_start_matches("::"));
    }
    found
}

/// `a::{b::C, d}` as `a::b`, `a::d`; only names of modules, which are in lower case.
fn branches(text: &str) -> Vec<Vec<String>> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is_module = name.starts_with(|c: char| c.is_ascii_lowercase()) && name != "self";
    let own: Vec<String> = is_module.then(|| name.to_owned()).into_iter().collect();
    let Some(inner) = rest.strip_prefix("::") else {
        if name.is_empty() && rest.starts_with('{') {
            return group(rest).iter().flat_map(|part| branches(part)).collect();
        }
        return vec![own];
    };
    let inner = match inner.starts_with('{') {
        true => group(inner)
            .iter()
            .flat_map(|part| branches(part))
            .collect(),
        false => branches(inner),
    };
    inner
        .into_iter()
        .map(|path| [own.clone(), path].concat())
        .collect()
}

/// The parts of a group in braces that a text begins with.
fn group(text: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in text.chars() {
        match c {
            '{' if depth == 0 => depth = 1,
            '}' if depth == 1 => break,
            ',' if depth == 1 => parts.push(String::new()),
            c => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                parts.last_mut().unwrap().push(c);
            }
        }
    }
    parts
        .into_iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// Modules of the main crate that are re-exports: of which crate.
fn reexported() -> BTreeMap<String, String> {
    let text = fs::read_to_string(project().join("src/lib.rs")).unwrap();
    let mut found = BTreeMap::new();
    for line in text
        .lines()
        .filter_map(|line| line.strip_prefix("pub use runner_"))
    {
        let line = line.trim_end_matches(';');
        if let Some((package, name)) = line.split_once(" as ") {
            found.insert(name.to_owned(), package.to_owned());
        } else if let Some((package, names)) = line.split_once("::{") {
            for name in names.trim_end_matches('}').split(", ") {
                found.insert(name.to_owned(), package.to_owned());
            }
        }
    }
    assert!(found.len() >= 8, "{found:?}");
    found
}

/// What the map allows: the module or crate, and what it may import.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    let block = text.split("<!-- imports -->").nth(1).unwrap();
    let block = block.split("<!-- /imports -->").next().unwrap();
    let lines = block
        .lines()
        .filter_map(|line| line.trim().split_once(" -> "));
    lines
        .map(|(name, others)| {
            let others = others.split_whitespace().map(str::to_owned);
            (name.to_owned(), others.collect())
        })
        .collect()
}

#[test]
fn imports_go_the_ways_that_the_map_says() {
    let (allowed, reexported) = (allowed(), reexported());
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = BTreeSet::new();
    for file in sources() {
        let own = match (file.package.as_str(), file.module.first()) {
            ("", Some(module)) => module.clone(),
            ("", None) => continue,
            (package, _) => package.to_owned(),
        };
        for (package, module) in imports(&file) {
            let other = match (package.as_str(), module.first()) {
                ("", Some(module)) => reexported.get(module).unwrap_or(module).clone(),
                ("", None) => continue,
                (package, _) => package.to_owned(),
            };
            if other == own {
                continue;
            }
            if !allowed
                .get(&own)
                .is_some_and(|others| others.contains(&other))
            {
                wrong.insert(format!("{}: {own} -> {other}", file.path.display()));
            }
            used.entry(own.clone()).or_default().insert(other);
        }
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(
        wrong.is_empty(),
        "not in ARCHITECTURE.md:\n{}",
        wrong.join("\n")
    );
    assert_eq!(
        used, allowed,
        "the list in ARCHITECTURE.md has what nobody imports"
    );
    assert_eq!(circle(&allowed), None);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let files = sources();
    let name = |package: &str, module: &[String]| format!("{package}:{}", module.join("::"));
    let known: BTreeSet<String> = files
        .iter()
        .map(|file| name(&file.package, &file.module))
        .collect();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in &files {
        let own = name(&file.package, &file.module);
        for (package, mut module) in imports(file) {
            if package != file.package {
                continue;
            }
            while !known.contains(&name(&package, &module)) && module.pop().is_some() {}
            let other = name(&package, &module);
            // A room's own file says what is in it; who is in it may use what the room has in common.
            let is_room =
                other == own || own.starts_with(&format!("{other}::")) || module.is_empty();
            let is_inside = other.starts_with(&format!("{own}::"));
            if !is_room && !is_inside {
                graph.entry(own.clone()).or_default().insert(other);
            }
        }
    }
    assert!(graph.len() > 100, "imports are found");
    assert_eq!(circle(&graph), None);
}

/// The names on a circle, if there is one.
fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit<'a>(
        name: &'a String,
        graph: &'a BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<&'a String>,
        done: &mut BTreeSet<&'a String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|it| *it == name) {
            return Some(way[start..].iter().map(|it| (*it).clone()).collect());
        }
        if done.contains(name) {
            return None;
        }
        way.push(name);
        let found = graph
            .get(name)
            .into_iter()
            .flatten()
            .find_map(|next| visit(next, graph, way, done));
        way.pop();
        done.insert(name);
        found
    }
    let mut done = BTreeSet::new();
    graph
        .keys()
        .find_map(|name| visit(name, graph, &mut Vec::new(), &mut done))
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut long = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(project().join(&file.path)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = &line[..line.len() - line.trim_start().len()];
            let head = line.trim_start();
            let is_function =
                head.starts_with("fn ") || head.contains(" fn ") && !head.starts_with("//");
            if !is_function || head.contains('"') || head.ends_with(';') || head.ends_with('}') {
                continue;
            }
            // A macro takes signatures without bodies, and writes functions with names of its own.
            let mut rest = lines[start..].iter();
            let opening = rest.find(|line| line.ends_with('{') || line.contains(") ="));
            if head.contains('$') || opening.is_none_or(|line| line.contains(") =")) {
                continue;
            }
            let end = format!("{indent}}}");
            let length = lines[start..]
                .iter()
                .position(|line| *line == end)
                .map_or(0, |it| it + 1);
            if length > LONGEST {
                long.push(format!(
                    "{}:{}: {length} lines",
                    file.path.display(),
                    start + 1
                ));
            }
        }
    }
    assert!(
        long.is_empty(),
        "longer than {LONGEST} lines:\n{}",
        long.join("\n")
    );
}
