//! Conflicts between a value on the command line and one in a file: finds the override to type instead.

use super::overrides::Override;
use crate::experiment::LANGUAGE;
use crate::language::info::Kind;
use crate::text::diagnostic::{Concern, Diagnostic};
use crate::text::path::{KeyPath, PathStep};
use crate::text::source::{Source, SourceKind};
use crate::text::tree;

/// Adds to each conflict that involves the command line the override that resolves it.
pub(super) fn mend(diagnostics: &mut [Diagnostic], sources: &[Source]) {
    let is_typed = |source: usize| sources[source].kind == SourceKind::CommandLine;
    for diagnostic in diagnostics {
        let first = diagnostic.related.as_deref().map(|(origin, _)| origin);
        let Some(Concern::Conflict(paths)) = diagnostic.concern.as_deref() else {
            continue;
        };
        if is_typed(diagnostic.origin.source) {
            diagnostic.help = Some(match first.is_some_and(|it| is_typed(it.source)) {
                true => "remove one of the two".to_owned(),
                false => remedy(paths, sources),
            });
        }
    }
}

fn remedy([first, second]: &[String; 2], sources: &[Source]) -> String {
    let path = KeyPath::parse(second).unwrap_or_default();
    let whole = path.0.split_last().and_then(|(_, table)| {
        let table = KeyPath(table.to_vec());
        let is_choice = matches!(LANGUAGE.find(&table)?.kind, Kind::Choice(_));
        is_choice.then(|| whole_table(&table, &path, sources))?
    });
    match whole {
        Some(whole) => format!("set the whole table: '{whole}'"),
        None => format!("remove the other: '{first}={{unset=true}}'"),
    }
}

/// What is set on the command line at a path, as one override of the table around it.
fn whole_table(table: &KeyPath, path: &KeyPath, sources: &[Source]) -> Option<String> {
    let typed = sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.kind == SourceKind::CommandLine);
    let mut values: Vec<(Vec<String>, String)> = Vec::new();
    for (index, source) in typed {
        let Ok(single) = Override::parse(&source.text, index) else {
            continue;
        };
        if !single.path().0.starts_with(&path.0) {
            continue;
        }
        let steps = single.path().0[table.0.len()..].iter();
        let names: Option<Vec<String>> = steps.map(name_of).collect();
        let (_, value) = source.text.split_once('=')?;
        values.push((names?, as_toml(value.trim())));
    }
    Some(format!("{table}={}", inline(&values)))
}

fn name_of(step: &PathStep) -> Option<String> {
    match step {
        PathStep::Key(name) => Some(name.clone()),
        PathStep::Index(_) => None,
    }
}

/// A value as it is typed on the command line; a bare word in quotes.
fn as_toml(value: &str) -> String {
    match tree::parse_value(value, 0, 0) {
        Ok(_) => value.to_owned(),
        Err(_) => format!("{value:?}"),
    }
}

/// An inline table of values, each under its path.
fn inline(values: &[(Vec<String>, String)]) -> String {
    let mut names: Vec<&String> = Vec::new();
    for name in values.iter().filter_map(|(path, _)| path.first()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let entries = names.into_iter().map(|name| {
        let inside: Vec<(Vec<String>, String)> = values
            .iter()
            .filter(|(path, _)| path.first() == Some(name))
            .map(|(path, value)| (path[1..].to_vec(), value.clone()))
            .collect();
        // Of two values for one key, the last counts.
        match inside.last() {
            Some((path, value)) if path.is_empty() => format!("{name}={value}"),
            _ => format!("{name}={}", inline(&inside)),
        }
    });
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}
