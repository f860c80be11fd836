//! Files that build on others: `extends = "base.toml"`, or a list, the later ones over the earlier.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::document::merge::merge;
use crate::experiment::EXTENDS;
use crate::language::remedy::{closest, describe};
use crate::sections::name::NAME;
use crate::text::diagnostic::Diagnostic;
use crate::text::nearest::nearest_path;
use crate::text::path::KeyPath;
use crate::text::source::{Origin, Source};
use crate::text::tree::{self, Entry, Node, Value};

/// No experiment needs more files; ends a chain that doubles at every link.
const MAX_FILES: usize = 64;

/// No experiment file is longer.
const MAX_BYTES: u64 = 1 << 20;

/// The files of an experiment laid over each other.
pub(crate) struct Loaded {
    /// The file itself, then those it builds on.
    pub sources: Vec<Source>,
    pub root: Node,
    pub diagnostics: Vec<Diagnostic>,
    /// A file could not be read, or not be parsed.
    pub is_partial: bool,
}

/// Loads what a file's text says, over what it extends. `path` is where the file is.
pub(crate) fn load(path: &Path, text: String) -> Loaded {
    let mut loader = Loader {
        open: Vec::new(),
        is_full: false,
        loaded: Loaded {
            sources: vec![Source::file(path.display().to_string(), text)],
            root: Node::empty_table(Origin::start()),
            diagnostics: Vec::new(),
            is_partial: false,
        },
    };
    loader.loaded.root = loader.tree(0, path);
    loader.loaded
}

struct Loader {
    /// The files whose bases are being loaded, each with its name, the outermost first.
    open: Vec<(PathBuf, String)>,
    /// There have been too many files.
    is_full: bool,
    loaded: Loaded,
}

impl Loader {
    fn tree(&mut self, source: usize, path: &Path) -> Node {
        let text = &self.loaded.sources[source].text;
        let mut node = match tree::parse_document(text, source) {
            Ok(node) => node,
            Err(diagnostics) => {
                self.loaded.diagnostics.extend(diagnostics);
                self.loaded.is_partial = true;
                return Node::empty_table(Origin { source, span: 0..0 });
            }
        };
        let extends = match &mut node.value {
            // What the file itself extends can be explained.
            Value::Table(table) if source == 0 => table.get(EXTENDS.name).cloned(),
            Value::Table(table) => table.take(EXTENDS.name),
            _ => None,
        };
        let mut root = Node::empty_table(node.origin.clone());
        if let Some(entry) = extends {
            let name = self.loaded.sources[source].name.clone();
            self.open.push((canonical(path), name));
            for (base, origin) in self.bases(&entry) {
                let mut tree = self.base(path, &base, origin);
                // A name says which experiment it is, and this is another one.
                if let Value::Table(table) = &mut tree.value {
                    table.take(NAME.name);
                }
                self.lay(&mut root, tree);
            }
            self.open.pop();
        }
        self.lay(&mut root, node);
        root
    }

    fn lay(&mut self, root: &mut Node, tree: Node) {
        let diagnostics = &mut self.loaded.diagnostics;
        merge(root, tree, &KeyPath::default(), diagnostics);
    }

    /// The paths that `extends` names, with where they are typed.
    fn bases(&mut self, entry: &Entry) -> Vec<(String, Origin)> {
        let items = match &entry.node.value {
            Value::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.node),
        };
        let mut bases = Vec::new();
        let mut wrong: Vec<&Node> = Vec::new();
        if items.is_empty() {
            wrong.push(&entry.node);
        }
        for item in items {
            match &item.value {
                Value::String(path) if !path.is_empty() => {
                    bases.push((path.clone(), item.origin.clone()));
                }
                _ => wrong.push(item),
            }
        }
        for wrong in wrong {
            let message = format!("`extends` must be {}", EXTENDS.kind);
            let help = "name experiment files, relative to this one: extends = \"base.toml\"";
            let diagnostic = Diagnostic::new(message, wrong.origin.clone(), describe(&wrong.value));
            self.loaded.diagnostics.push(diagnostic.help(help));
            self.loaded.is_partial = true;
        }
        bases
    }

    /// The tree of a file that another one extends.
    fn base(&mut self, from: &Path, base: &str, origin: Origin) -> Node {
        let path = from.parent().unwrap_or(Path::new("")).join(base);
        let source = self.loaded.sources.len();
        if source >= MAX_FILES {
            self.report_too_many(&origin);
            self.loaded.is_partial = true;
            return Node::empty_table(origin);
        }
        match self.read(&path, &origin) {
            Ok(text) => {
                let mut file = Source::file(path.display().to_string(), text);
                file.extended_at = Some(origin);
                self.loaded.sources.push(file);
                self.tree(source, &path)
            }
            Err(diagnostic) => {
                self.loaded.diagnostics.push(diagnostic);
                self.loaded.is_partial = true;
                Node::empty_table(origin)
            }
        }
    }

    /// Reports that there are too many files, once.
    fn report_too_many(&mut self, origin: &Origin) {
        if !self.is_full {
            let message = format!("this experiment builds on more than {MAX_FILES} files");
            let diagnostic = Diagnostic::new(message, origin.clone(), "");
            self.loaded
                .diagnostics
                .push(diagnostic.help("extend fewer files"));
        }
        self.is_full = true;
    }

    fn read(&self, path: &Path, origin: &Origin) -> Result<String, Diagnostic> {
        let refuse = |message: String, label: &str, help: String| {
            Err(Diagnostic::new(message, origin.clone(), label).help(help))
        };
        let file = canonical(path);
        if let Some(start) = self.open.iter().position(|(open, _)| *open == file) {
            let names: Vec<&str> = self.open[start..]
                .iter()
                .map(|(_, name)| name.as_str())
                .collect();
            let first = names[0];
            return refuse(
                format!(
                    "`{first}` extends itself: {} -> {first}",
                    names.join(" -> ")
                ),
                "this closes the cycle",
                "remove one of the files from the cycle".to_owned(),
            );
        }
        read(path).or_else(|(error, remedy)| {
            refuse(
                format!("cannot read {}: {error}", path.display()),
                "",
                remedy,
            )
        })
    }
}

/// The text of an experiment file, or why there is none and what to do.
pub(crate) fn read(path: &Path) -> Result<String, (io::Error, String)> {
    read_text(path).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => neighbours(path),
            io::ErrorKind::IsADirectory if path.join("resolved.toml").is_file() => {
                format!(
                    "this is a run directory; name its {}",
                    path.join("resolved.toml").display()
                )
            }
            _ if is_utf16(path) => {
                "the file is UTF-16; save it as UTF-8 in the editor, or: iconv -f UTF-16 -t UTF-8"
                    .to_owned()
            }
            _ => {
                "an experiment file must be readable UTF-8 text of at most one megabyte".to_owned()
            }
        };
        (error, remedy)
    })
}

/// No more than [`MAX_BYTES`] of it: it may be a device without end.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let mut file = fs::File::open(path)?.take(MAX_BYTES + 1);
    file.read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// Whether a file begins with the mark of UTF-16, as Windows writes it.
fn is_utf16(path: &Path) -> bool {
    let mut mark = [0; 2];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut mark));
    read.is_ok() && [[0xff, 0xfe], [0xfe, 0xff]].contains(&mark)
}

fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What could have been meant by a path where there is no file.
fn neighbours(path: &Path) -> String {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return match nearest_path(path).filter(|path| path.is_file()) {
            Some(path) => format!("did you mean {}?", path.display()),
            None => format!("there is no folder {}", folder.display()),
        };
    };
    let names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    let typed = path.file_name().unwrap_or_default().to_string_lossy();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = closest(&typed, &names).or_else(|| {
        let typed = format!("{typed}.toml");
        names.iter().copied().find(|name| **name == typed)
    });
    match found {
        Some(name) => {
            let name = path.with_file_name(name);
            format!("did you mean {}?", name.display())
        }
        None => format!(
            "{} has {} experiment files (.toml), none with a similar name",
            folder.display(),
            names.len()
        ),
    }
}
