//! How one source goes over another: tables merge, all else replaces, `{ unset = true }` takes away.

use crate::experiment::LANGUAGE;
use crate::language::remedy::suggest;
use crate::text::diagnostic::Diagnostic;
use crate::text::path::{KeyPath, PathStep};
use crate::text::source::Origin;
use crate::text::tree::{Entry, Node, Table, Value};

/// Lays a table over another.
pub(crate) fn merge(
    into: &mut Node,
    from: Node,
    path: &KeyPath,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match (&mut into.value, from.value) {
        (Value::Table(below), Value::Table(above)) => {
            into.origin = from.origin;
            below.keep_removed(&above);
            for entry in above.into_entries() {
                merge_entry(below, entry, path, diagnostics);
            }
        }
        (_, value) => {
            let mut node = Node::new(value, from.origin);
            refuse_unset(&mut node, path, diagnostics);
            into.replace(node);
        }
    }
}

fn merge_entry(
    below: &mut Table,
    mut entry: Entry,
    path: &KeyPath,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let path = path.join(&entry.key);
    if is_unset(&entry.node) {
        if !below.unset(&entry.key, entry.node.origin) {
            diagnostics.push(nothing_to_unset(&path, entry.key_origin));
        }
        return;
    }
    match below.get_mut(&entry.key) {
        Some(known) => {
            known.key_origin = entry.key_origin;
            merge(&mut known.node, entry.node, &path, diagnostics);
        }
        None => {
            refuse_unset(&mut entry.node, &path, diagnostics);
            below.insert(entry);
        }
    }
}

/// `{ unset = true }`
pub(crate) fn is_unset(node: &Node) -> bool {
    let Value::Table(table) = &node.value else {
        return false;
    };
    let is_true = |entry: &Entry| matches!(entry.node.value, Value::Boolean(true));
    table.len() == 1 && table.get("unset").is_some_and(is_true)
}

/// A table that lies over nothing has nothing to take away.
fn refuse_unset(node: &mut Node, path: &KeyPath, diagnostics: &mut Vec<Diagnostic>) {
    let Value::Table(table) = &mut node.value else {
        return;
    };
    let mut refused = Vec::new();
    for entry in table.entries_mut() {
        let path = path.join(&entry.key);
        if is_unset(&entry.node) {
            diagnostics.push(nothing_to_unset(&path, entry.key_origin.clone()));
            refused.push(entry.key.clone());
        } else {
            refuse_unset(&mut entry.node, &path, diagnostics);
        }
    }
    // It has been reported, so the reader must not see it.
    for key in refused {
        table.take(&key);
    }
}

/// The error for a key that is to be unset and is not set.
pub(crate) fn nothing_to_unset(path: &KeyPath, origin: Origin) -> Diagnostic {
    let message = format!("`{path}` is not set, so there is nothing to unset");
    let known = LANGUAGE.find(path).is_some();
    let help = match path.0.split_last() {
        Some((PathStep::Key(key), parent)) if !known => {
            let parent = KeyPath(parent.to_vec());
            let keys = LANGUAGE.keys_at(&parent).unwrap_or_default();
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            suggest(key, &names)
        }
        _ => "remove this: nothing sets the key".to_owned(),
    };
    Diagnostic::new(message, origin, "").help(help)
}
