//! As much of Rust as the layers need: which files there are, and which paths they name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::text::{blank, remove_test_modules, tokens};
use crate::support::project;

/// A crate's files by the paths of their modules, without those that are compiled for tests only.
pub struct Crate {
    /// `None` for the program's own crate, whose top-level modules are layers by themselves.
    member: Option<String>,
    pub files: BTreeMap<Vec<String>, File>,
}

pub struct File {
    /// Its path from the project's folder.
    pub name: String,
    /// `["train", "fit"]`; empty for `lib.rs`.
    pub module: Vec<String>,
    /// The text with spaces in place of comments, literals and test modules.
    pub code: String,
}

/// One name that a file takes from a module.
pub struct ImportPath {
    pub line: usize,
    /// Begins with `crate`, `self`, `super`, a child's name or `runner_...`.
    pub segments: Vec<String>,
    /// What a `use` calls it.
    name: String,
    is_use: bool,
    pub is_reexport: bool,
}

pub fn crates() -> Vec<Crate> {
    let mut crates = vec![Crate::read(None, "src")];
    for entry in fs::read_dir(project().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let folder = format!("crates/{name}/src");
        crates.push(Crate::read(Some(name), &folder));
    }
    crates
}

impl Crate {
    fn read(member: Option<String>, folder: &str) -> Self {
        let mut files = BTreeMap::new();
        let mut tests = Vec::new();
        collect(
            &project().join(folder),
            &mut Vec::new(),
            &mut |module, path| {
                let mut code = blank(&fs::read_to_string(path).unwrap());
                for test in remove_test_modules(&mut code) {
                    tests.push([module, &[test]].concat());
                }
                let name = path.strip_prefix(project()).unwrap().display().to_string();
                let module = module.to_vec();
                files.insert(module.clone(), File { name, module, code });
            },
        );
        files.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        Self { member, files }
    }

    /// The layer of ARCHITECTURE.md that a module belongs to; `lib.rs` belongs to none.
    pub fn top_level(&self, module: &[String]) -> Option<String> {
        self.member.clone().or_else(|| module.first().cloned())
    }

    /// The layer that a path leads to; `None` for what stands in `lib.rs` itself.
    pub fn imported_top_level(&self, file: &File, path: &ImportPath) -> Option<String> {
        let mut segments = absolute(&file.module, &path.segments)?;
        if self.member.is_none()
            && let Some(reexport) = self.uses(&[]).remove(segments.first()?)
        {
            segments = reexport; // `crate::config` is `runner_config`.
        }
        match segments.first()?.strip_prefix("runner_") {
            Some(member) => Some(member.to_owned()),
            None => {
                let is_module = self.files.contains_key(&segments[..1]);
                is_module.then(|| self.top_level(&segments)).flatten()
            }
        }
    }

    /// The file of this crate that defines what a path in `module` leads to, past the `use` lines of the modules on
    /// its way.
    pub fn defining_file(&self, module: &[String], path: &[String]) -> Option<&File> {
        let segments = absolute(module, path)?;
        let mut base = &segments[..0];
        for (index, segment) in segments.iter().enumerate() {
            if self.files.contains_key(&segments[..=index]) {
                base = &segments[..=index];
            } else if let Some(used) = self.uses(base).remove(segment)
                && (base != module || used != path)
            {
                return self.defining_file(base, &[&used[..], &segments[index + 1..]].concat());
            } else {
                break;
            }
        }
        self.files
            .get(base)
            .filter(|_| !segments[0].starts_with("runner_"))
    }

    /// The paths that the `use` lines of a module give names to.
    fn uses(&self, module: &[String]) -> BTreeMap<String, Vec<String>> {
        let paths = self.files[module].paths(self);
        let uses = paths.into_iter().filter(|path| path.is_use);
        uses.map(|path| (path.name, path.segments)).collect()
    }
}

impl File {
    /// The paths into this crate or into another member.
    pub fn paths(&self, krate: &Crate) -> Vec<ImportPath> {
        let tokens = tokens(&self.code);
        let is_root = |token: &str| {
            let child = [&self.module[..], &[token.to_owned()]].concat();
            matches!(token, "crate" | "self" | "super")
                || token.starts_with("runner_")
                || krate.files.contains_key(&child)
        };
        let mut paths = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let (line, token) = tokens[at];
            let before = |back: usize| at.checked_sub(back).map_or("", |index| tokens[index].1);
            let is_use = before(1) == "use";
            let is_path = tokens.get(at + 1).is_some_and(|next| next.1 == "::");
            if is_root(token) && before(1) != "::" && (is_path || is_use) {
                let is_reexport = is_use && matches!(before(2), "pub" | ")");
                use_tree(&tokens, &mut at, Vec::new(), &mut |segments, name| {
                    paths.push(ImportPath {
                        line,
                        segments,
                        name,
                        is_use,
                        is_reexport,
                    });
                });
            } else {
                at += 1;
            }
        }
        paths
    }
}

/// Reads `a::b::{c, d::e as f}` and tells each path in it and its name.
fn use_tree(
    tokens: &[(usize, &str)],
    at: &mut usize,
    mut path: Vec<String>,
    tell: &mut impl FnMut(Vec<String>, String),
) {
    let is_word = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    while let Some(&(_, token)) = tokens.get(*at) {
        if token == "{" {
            *at += 1;
            while tokens[*at].1 != "}" {
                use_tree(tokens, at, path.clone(), tell);
                *at += usize::from(tokens[*at].1 == ",");
            }
            *at += 1;
            return;
        }
        if is_word(token) {
            *at += 1;
            if token != "self" || path.is_empty() {
                path.push(token.to_owned());
            }
        } else if token == "*" {
            *at += 1;
        }
        if tokens[*at].1 != "::" {
            break;
        }
        *at += 1;
    }
    let mut name = path.last().unwrap().clone();
    if tokens[*at].1 == "as" {
        name = tokens[*at + 1].1.to_owned();
        *at += 2;
    }
    tell(path, name);
}

/// A path from its crate's root, or from `runner_...`.
fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut rest = path;
    if path[0] == "crate" || path[0].starts_with("runner_") {
        base.clear();
    }
    while let Some(root) = rest.first()
        && matches!(root.as_str(), "crate" | "self" | "super")
    {
        if root == "super" {
            base.pop()?;
        }
        rest = &rest[1..];
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// Tells the module and the path of each file.
fn collect(folder: &Path, module: &mut Vec<String>, tell: &mut impl FnMut(&[String], &Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            module.push(name);
            collect(&path, module, tell);
            module.pop();
        } else if matches!(name.as_str(), "mod" | "lib") {
            tell(module, &path);
        } else {
            tell(&[&module[..], &[name]].concat(), &path);
        }
    }
}
